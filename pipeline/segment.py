"""Segments: a fused chain of per-document operations over one base shard, in one process, Arrow all
the way.

The shard is streamed in batches bounded by bytes. What stays in memory for the whole shard is row
numbers and new signals, never text. One commit publishes: new base rows or a row-aligned sidecar
(alive flag, signals), the sorted exchange rows, and fates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.pipeline.batch import Batch
from curate.pipeline.chain import SegmentPlan
from curate.pipeline.exchanges.rows import ExchangeRows, emit_documents, first_phase
from curate.pipeline.exchanges.verdicts import VerdictInput, Verdicts, read_verdicts
from curate.pipeline.fates import FateWriter
from curate.pipeline.fit import Artefact, Learning, fitted_segment
from curate.pipeline.job import Decision, JobContext, JobResult, OutputFile, output_path
from curate.pipeline.live_shard import ALIVE_FIELD, LiveShard
from curate.pipeline.operations import Runner
from curate.stages.base import Exchange
from curate.storage.parquet import ParquetWriter, cut_by_bytes, write_parquet
from curate.storage.schema import DOCUMENT_FIELDS, ROW_FIELD

RemovedText = Literal["all", "sample", "none"]
SAMPLE_RATE = 0.01
"""Share of removed documents whose text is kept with `removed: {text: sample}`."""


@dataclass(frozen=True)
class SegmentJob:
    """Run one segment over one base shard."""

    step: str
    key: str
    plan: SegmentPlan
    shard: LiveShard
    verdicts: VerdictInput | None
    partitions: int
    keep_text: RemovedText
    decisions: tuple[Decision, ...] = ()
    artefacts: tuple[Artefact, ...] = ()

    def run(self, context: JobContext) -> JobResult:
        """Publish the segment's files. Raises StageError when rows in and rows out plus fates
        differ.
        """
        work = _Work(self, context)
        try:
            return work.run()
        except BaseException as error:
            work.abandon(error)
            raise


class _Work:
    """State of one job."""

    def __init__(self, job: SegmentJob, context: JobContext) -> None:
        self.job, self.context = job, context
        self.plan = fitted_segment(job.plan, job.artefacts, context.store)
        self.counts: Counter[str] = Counter()
        known = (*job.plan.signals_before, *job.plan.signals)
        self.fates = FateWriter(
            context.store, self.path("fates"), known, context.engine.row_group_bytes
        )
        text_left = None if job.keep_text == "all" else self.text_left
        self.runner = Runner(
            self.plan.operations, context.watch, self.counts, job.decisions, text_left
        )
        self.live_rows: list[pa.Array] = []
        self.live_signals: list[list[pa.Array]] = [[] for _ in job.plan.beside()]
        self.emitted: ExchangeRows | None = None
        if self.plan.exchange is not None:
            self.emitted = ExchangeRows(first_phase(self.plan.exchange), job.partitions)
        self.learning = None if job.plan.learns is None else Learning(job.plan.learns)
        self.alive_in = self.alive_out = self.text_bytes = 0

    def path(self, kind: str) -> str:
        return output_path(self.job.step, self.job.key, kind)

    def run(self) -> JobResult:
        files = self.materialise() if self.plan.materialise else self.sidecar()
        self.context.watch.end()
        if self.emitted is not None:
            path = self.path("exchange")
            files.append(OutputFile("exchange", 0, self.emitted.publish(self.context.store, path)))
        if self.learning is not None:
            files += self.learning.publish(self.context.store, self.job.step, self.job.key)
        for evidence in self.runner.evidence.values():
            size = self.context.engine.row_group_bytes
            ref = evidence.publish(self.context.store, self.path("evidence"), size)
            files.append(OutputFile("evidence", 0, ref))
        if (fates := self.fates.close()) is not None:
            files.append(OutputFile("fates", 0, fates))
        if self.alive_in != self.alive_out + self.fates.count:
            raise StageError(
                f"{self.job.step}: {self.alive_in} documents went in, {self.alive_out} came out "
                f"and {self.fates.count} ended; "
                "a stage lost or made documents"
            )
        self.counts["segment|in"] += self.alive_in
        self.counts["segment|out"] += self.alive_out
        self.counts["segment|text_bytes"] += self.text_bytes
        return JobResult(tuple(files), self.counts)

    def materialise(self) -> list[OutputFile]:
        signals = (*self.plan.signals_before, *self.plan.signals)
        schema = pa.schema([*DOCUMENT_FIELDS, ROW_FIELD, *signals])
        with self.context.store.create(self.path("rows")) as file:
            writer = ParquetWriter(file, schema, self.context.engine.row_group_bytes)
            for live in self.live_batches():
                writer.write(live.select(schema))
            writer.close()
        return [OutputFile("rows", 0, file.ref(writer.rows), self.text_bytes)]

    def sidecar(self) -> list[OutputFile]:
        base_rows: list[pa.Array] = []
        for live in self.live_batches(base_rows):
            self.live_rows.append(live.column("row"))
            for collected, field in zip(self.live_signals, self.plan.beside(), strict=True):
                collected.append(live.column(field.name))
        rows = _concat(base_rows, ROW_FIELD.type)
        alive = _concat(self.live_rows, ROW_FIELD.type)
        position = (
            pc.index_in(rows, value_set=alive) if len(alive) else pa.nulls(len(rows), pa.int32())
        )
        columns = [pc.is_valid(position)]
        for collected, field in zip(self.live_signals, self.plan.beside(), strict=True):
            columns.append(_concat(collected, field.type).take(position))
        schema = pa.schema([ALIVE_FIELD, *self.plan.beside()])
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        path = self.path("sidecar")
        ref = write_parquet(
            self.context.store, path, schema, [batch], self.context.engine.row_group_bytes
        )
        return [OutputFile("sidecar", 0, ref, self.text_bytes)]

    def live_batches(self, base_rows: list[pa.Array] | None = None) -> Iterator[Batch]:
        """Run the operations batch by batch; yields the survivors, records the dead."""
        schema = pa.schema([*DOCUMENT_FIELDS, ROW_FIELD, *self.plan.signals_before])
        verdicts = self.verdicts()
        for joined, alive in self.job.shard.batches(self.context.store, schema):
            if base_rows is not None:
                base_rows.append(joined.column("row"))
            live = joined.filter(alive)
            self.alive_in += live.num_rows
            for piece in cut_by_bytes(live, self.context.engine.batch_bytes):
                batch = Batch.of(piece)
                self.counts["segment|text_bytes_in"] += batch.text_bytes()
                ended = list(self.runner.run(batch, verdicts))
                if self.emitted is not None and batch.num_rows:
                    assert self.plan.exchange is not None
                    failed = emit_documents(
                        self.plan.exchange, self.plan.reads, batch, self.emitted, self.runner
                    )
                    ended += [] if failed is None else [failed]
                if self.learning is not None and batch.num_rows:
                    failed = self.learning.add(batch, self.runner)
                    ended += [] if failed is None else [failed]
                self.fates.add_batches([self.without_text(dead) for dead in ended])
                self.alive_out += batch.num_rows
                self.text_bytes += batch.text_bytes()
                yield batch

    def without_text(self, fates: pa.RecordBatch) -> pa.RecordBatch:
        """Drop the text of removed documents that the run does not keep; quarantined bytes stay."""
        if self.job.keep_text == "all":
            return fates
        index = fates.schema.get_field_index("text")
        kept = pa.array(self.text_left(fates.column("id")))
        text = pc.if_else(kept, fates.column(index), pa.scalar(None, pa.large_string()))
        return fates.set_column(index, "text", text)

    def text_left(self, ids: pa.Array) -> np.ndarray:
        """bool[n]: documents whose text the run keeps when they are removed."""
        if self.job.keep_text == "none":
            return np.zeros(len(ids), dtype=bool)
        return selected(draw_many(self.context.seed, Purpose.SAMPLE, ids), SAMPLE_RATE)

    def verdicts(self) -> Verdicts | None:
        if self.job.verdicts is None:
            return None
        assert self.plan.applies is not None
        assert isinstance(self.plan.applies.stage, Exchange)
        return read_verdicts(self.context.store, self.job.verdicts, self.plan.applies.stage)

    def abandon(self, error: BaseException) -> None:
        self.fates.abandon(error)


def _concat(arrays: Sequence[pa.Array], kind: pa.DataType) -> pa.Array:
    return pa.concat_arrays(arrays) if arrays else pa.array([], kind)
