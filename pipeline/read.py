"""Reading and extraction: the first segment of every source, always one of its own, so that moving
a bound never re-extracts.

One job takes one or more splits and writes base shards of version 0: `<kind> rows`, part k, cut
every `shard_input_bytes` of text, and beside each the fates of the records that could not become
documents. Row numbers count both, in record order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pyarrow as pa

from curate.errors import CurateError
from curate.kernels.draw import below, draw
from curate.pipeline.fates import FateWriter, printable
from curate.pipeline.job import Decision, JobContext, JobResult, OutputFile, output_path
from curate.stages.sources.base import BadRecord, Caps, InputSplit, Record, Skipped, Source
from curate.storage.parquet import EXTRACTED, ParquetWriter
from curate.storage.schema import DOCUMENT_FIELDS, FATE_QUARANTINED, ROW_FIELD, document_id
from curate.storage.store import Creation

BASE_SCHEMA = pa.schema([*DOCUMENT_FIELDS, ROW_FIELD])
READ_STAGE = "read"
WATCH_RECORDS = 32
"""Records between two arms of the watchdog in the fast path; careful mode arms for each."""


@dataclass(frozen=True)
class ReadJob:
    """Read `splits` of one source."""

    step: str
    key: str
    name: str
    source: Source
    splits: tuple[InputSplit, ...]
    decisions: tuple[Decision, ...] = ()

    def run(self, context: JobContext) -> JobResult:
        """Publish base shards and fates. Raises faults outside records (permission, disk full)."""
        reader = _Reader(self, context)
        try:
            for split in self.splits:
                reader.read(split)
            return reader.finish()
        except BaseException as error:
            reader.abandon(error)
            raise


class _Part:
    """One base shard being written."""

    def __init__(self, job: ReadJob, context: JobContext, number: int) -> None:
        self.number = number
        path = output_path(job.step, job.key, "rows", number)
        self._creation = Creation(context.store, path)
        self._writer = ParquetWriter(
            self._creation.file, BASE_SCHEMA, context.engine.row_group_bytes, EXTRACTED
        )
        fates = output_path(job.step, job.key, "fates", number)
        self.fates = FateWriter(context.store, fates, (), context.engine.row_group_bytes)
        self.row = 0
        self.text_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write(batch)

    def close(self) -> list[OutputFile]:
        self._writer.close()
        self._creation.close()
        ref = self._creation.file.ref(self._writer.rows)
        files = [OutputFile("rows", self.number, ref, self.text_bytes)]
        if (fates := self.fates.close()) is not None:
            files.append(OutputFile("fates", self.number, fates))
        return files

    def abandon(self, error: BaseException) -> None:
        self.fates.abandon(error)
        self._creation.abandon(error)


class _Reader:
    """State of one job: the open part, rows waiting for a batch, counts."""

    def __init__(self, job: ReadJob, context: JobContext) -> None:
        self.job, self.context = job, context
        self.caps = Caps(context.engine.max_document_bytes, context.engine.max_expansion_ratio)
        self.given_up = {decision.id: decision for decision in job.decisions}
        self.threshold = below(job.source.sample) if job.source.sample is not None else None
        self.counts: Counter[str] = Counter()
        self.files: list[OutputFile] = []
        self.part = _Part(job, context, 0)
        self.rows: list[tuple[Record, str, int]] = []
        self.rows_bytes = 0
        self.seen = 0
        self.taken = 0

    def read(self, split: InputSplit) -> None:
        limit = self.job.source.limit
        for item in self.guarded(split):
            if limit is not None and self.taken >= limit:
                return
            if isinstance(item, Skipped):
                self.counts[f"skipped|{item.reason}"] += item.count
            elif isinstance(item, BadRecord):
                self.quarantine(item)
            else:
                self.take(item)

    def guarded(self, split: InputSplit) -> Iterator[Record | BadRecord | Skipped]:
        """The reader's items; a reader that fails on content costs the rest of its split, as one
        quarantined record.
        """
        path, offset = split.file.path, split.start
        try:
            for item in self.job.source.records(split, self.caps):
                if not isinstance(item, Skipped):
                    path, offset = item.path, item.offset
                yield item
        except (CurateError, OSError, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"the reader failed after this offset and left the rest unread: {reason}"
            yield BadRecord(path, offset, "reader_failed", message)

    def take(self, record: Record) -> None:
        identity = document_id(self.job.name, record.locator)
        if (
            self.threshold is not None
            and draw(self.context.seed, "sample", identity) >= self.threshold
        ):
            self.counts["skipped|sample"] += 1
            return
        if (decision := self.given_up.get(identity)) is not None:
            raw = (
                record.html
                if record.html is not None
                else record.text.encode("utf-8", "surrogatepass")
            )
            self.quarantine(
                BadRecord(
                    record.path,
                    record.offset,
                    "given_up",
                    decision.reason,
                    raw[: 64 * 2**10],
                    record.part,
                )
            )
            return
        item = self.extract(record, identity)
        if isinstance(item, Skipped):
            self.counts[f"skipped|{item.reason}"] += item.count
        elif isinstance(item, BadRecord):
            self.quarantine(item)
        else:
            self.keep(item, identity)

    def extract(self, record: Record, identity: str) -> Record | BadRecord | Skipped:
        if record.html is None:
            return record
        watch = self.context.watch
        if watch.single or self.seen % WATCH_RECORDS == 0:
            watch.begin(identity, READ_STAGE)
        self.seen += 1
        try:
            return self.job.source.extract(record)
        except (CurateError, MemoryError):
            raise
        except Exception as error:
            message = f"extraction failed: {type(error).__name__}: {error}"
            return BadRecord(
                record.path,
                record.offset,
                "extraction_failed",
                message,
                (record.html or b"")[: 64 * 2**10],
                record.part,
            )
        finally:
            if watch.single:  # what kills the reader of the next record is not this one
                watch.end()

    def keep(self, record: Record, identity: str) -> None:
        size = len(record.text.encode("utf-8", "surrogatepass"))
        self.rows.append((record, identity, self.part.row))
        self.part.row += 1
        self.part.text_bytes += size
        self.rows_bytes += size
        self.taken += 1
        self.counts["read|documents"] += 1
        self.counts["read|text_bytes"] += size
        if self.rows_bytes >= self.context.engine.batch_bytes or len(self.rows) >= 65_536:
            self.flush()
        if self.part.text_bytes >= self.context.engine.shard_input_bytes:
            self.next_part()

    def quarantine(self, bad: BadRecord) -> None:
        self.part.fates.add(
            {
                "id": document_id(self.job.name, bad.locator),
                "address": self.part.row,
                "source": self.job.name,
                "locator": bad.locator,
                "stage": READ_STAGE,
                "fate": FATE_QUARANTINED,
                "error": bad.error,
                "message": printable(bad.message),
                "raw": bad.raw,
            }
        )
        self.part.row += 1
        self.counts["read|quarantined"] += 1

    def flush(self) -> None:
        if self.rows:
            rows, self.rows, self.rows_bytes = self.rows, [], 0
            self.part.write(document_batch(self.job.name, rows))

    def next_part(self) -> None:
        self.flush()
        self.files += self.part.close()
        self.part = _Part(self.job, self.context, self.part.number + 1)

    def finish(self) -> JobResult:
        self.context.watch.end()
        self.flush()
        self.files += self.part.close()
        return JobResult(tuple(self.files), self.counts)

    def abandon(self, error: BaseException) -> None:
        self.part.abandon(error)


def document_batch(source: str, rows: list[tuple[Record, str, int]]) -> pa.RecordBatch:
    """Rows of BASE_SCHEMA. Readers promise valid Unicode; a lone surrogate here is a reader's fault
    and raises.
    """
    records = [record for record, _, _ in rows]
    columns = [
        pa.array([identity for _, identity, _ in rows], pa.string()),
        pa.array([record.text for record in records], pa.large_string()),
        pa.array([source] * len(rows), pa.string()),
        pa.array([record.locator for record in records], pa.string()),
        pa.array([record.url for record in records], pa.string()),
        pa.array([record.date for record in records], pa.string()),
        pa.array([record.date_source for record in records], pa.string()),
        pa.array([record.title for record in records], pa.string()),
        pa.array([record.author for record in records], pa.string()),
        pa.array([record.page_language for record in records], pa.string()),
        pa.array([record.language for record in records], pa.string()),
        pa.nulls(len(rows), pa.float64()),
        pa.array([_meta(record) for record in records], pa.string()),
        pa.array([row for _, _, row in rows], pa.uint32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=BASE_SCHEMA)


def _meta(record: Record) -> str | None:
    if not record.meta:
        return None
    return orjson.dumps(record.meta, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
