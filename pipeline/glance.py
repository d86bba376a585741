"""A glance at the input: the first records of some files of a source, read and sent through the
source's stages, to estimate a run in seconds.

Exchanges keep everything here (who has no verdict is kept), so shares of kept documents are upper
bounds. The work runs under the watchdog of a worker and publishes nothing. Cost: at most
`GLANCE_SECONDS` of reading per source, and the stages on what was read.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from curate.pipeline.batch import Batch
from curate.pipeline.chain import SegmentPlan, VerdictOperation
from curate.pipeline.exchanges.verdicts import VerdictInput, Verdicts, read_verdicts
from curate.pipeline.fit import learned_here
from curate.pipeline.job import JobContext, JobResult
from curate.pipeline.operations import Runner
from curate.pipeline.read import document_batch
from curate.stages.base import Exchange
from curate.stages.sources.base import BadRecord, Caps, InputSplit, Record, Skipped, Source
from curate.storage.schema import document_id

GLANCE_SECONDS = 1.0
GLANCE_TEXT_BYTES = 4 * 2**20
GLANCE_FILES = 64
DOCUMENTS_PER_FILE = 256


@dataclass(frozen=True)
class GlanceJob:
    """Look at one source. Counts: `documents`, `text_bytes`, `input_bytes`, `read_us`, and per
    segment `<index>|in`, `|out`, `|text_bytes`, `|us`.
    """

    name: str
    source: Source
    splits: tuple[InputSplit, ...]
    chain: tuple[SegmentPlan, ...]
    step: str = "glance"
    key: str = "0" * 32

    def run(self, context: JobContext) -> JobResult:
        """Read and measure. Raises what the reader raises for faults outside the data."""
        counts: Counter[str] = Counter()
        rows = self._read(context, counts)
        if rows:
            self._pass(document_batch(self.name, rows), context, counts)
        return JobResult((), counts)

    def _read(self, context: JobContext, counts: Counter[str]) -> list[tuple[Record, str, int]]:
        caps = Caps(context.engine.max_document_bytes, context.engine.max_expansion_ratio)
        rows: list[tuple[Record, str, int]] = []
        start = time.perf_counter()
        for split in self.splits:
            before, last = len(rows), None
            for item in self.source.records(split, caps):
                if not isinstance(item, Skipped):
                    last = item
                if isinstance(item, Record):
                    item = self._extracted(item, context)
                if isinstance(item, Record):
                    rows.append((item, document_id(self.name, item.locator), len(rows)))
                    counts["text_bytes"] += len(item.text.encode("utf-8", "surrogatepass"))
                full = counts["text_bytes"] >= GLANCE_TEXT_BYTES
                late = time.perf_counter() - start > GLANCE_SECONDS
                if full or late or len(rows) - before >= DOCUMENTS_PER_FILE:
                    break
            else:
                last = None
            counts["input_bytes"] += self._consumed(split, last)
            if counts["text_bytes"] >= GLANCE_TEXT_BYTES:
                break
            if time.perf_counter() - start > GLANCE_SECONDS:
                break
        counts["read_us"] += int((time.perf_counter() - start) * 1e6)
        counts["documents"] += len(rows)
        return rows

    def _extracted(self, record: Record, context: JobContext) -> Record | BadRecord | Skipped:
        if record.html is None:
            return record
        context.watch.begin(record.locator, "read")
        try:
            return self.source.extract(record)
        finally:
            context.watch.end()

    def _consumed(self, split: InputSplit, last: Record | BadRecord | None) -> int:
        """Input bytes up to the record where reading stopped; all of the split if it did not."""
        whole = split.file.size_bytes
        if last is None:
            return split.end - split.start if 0 < split.end - split.start <= whole else whole
        begins = split.start / max(whole, 1) if split.end > split.start else 0.0
        share = self.source.share_before(split.file, last.offset)
        return max(1, int(max(0.0, share - min(begins, share)) * whole))

    def _pass(self, documents: pa.RecordBatch, context: JobContext, counts: Counter[str]) -> None:
        batch = Batch.of(documents)
        for segment in self.chain:
            start = time.perf_counter()
            counts[f"{segment.index}|in"] += batch.num_rows
            counts[f"{segment.index}|text_bytes"] += batch.text_bytes()
            if segment.uses is not None and batch.num_rows:
                segment = learned_here(segment, batch)
            runner = Runner(segment.operations, context.watch, Counter(), ())
            for _ in runner.run(batch, _no_verdicts(segment, context)):
                pass
            context.watch.end()
            counts[f"{segment.index}|out"] += batch.num_rows
            counts[f"{segment.index}|us"] += int((time.perf_counter() - start) * 1e6)


def _no_verdicts(segment: SegmentPlan, context: JobContext) -> Verdicts | None:
    """The verdicts of an exchange that found nothing."""
    if not any(isinstance(operation, VerdictOperation) for operation in segment.operations):
        return None
    assert segment.applies is not None
    assert isinstance(segment.applies.stage, Exchange)
    nothing = VerdictInput(0, (), ())
    return read_verdicts(context.store, nothing, segment.applies.stage)
