"""Jobs that count pre-tokens of the train split: a part of `documents/` each, then sums of them.

Memory of a worker: a batch of text and a table of `TABLE_BYTES`, which is written as a sorted run
and emptied when it is full; merging holds a batch per input. Counts add up, so the sums do not
depend on how often a table was full or in which order jobs ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.pretokens import COUNTS_SCHEMA, merge_counted
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.tokens.language_jobs import COLUMNS, LanguageLimits, drawn
from curate.pipeline.tokens.split_documents import SPLIT, documents
from curate.storage.parquet import read_batches, write_parquet
from curate.storage.store import FileRef
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.encoding.split import TRAIN, Splitting
from curate.tokenizer.normal_forms import normalized
from curate.tokenizer.training.counts import ALL, Share, pretoken_counter

TABLE_BYTES = 256 * 2**20
COUNTS_KINDS = {"counts": "parquet"}
TEXT_BYTES = 4 * 2**20
"""Text counted between two looks at the table's size."""


@dataclass(frozen=True)
class SourceCounts:
    """The counted pieces of one source and the share of them to train on."""

    source: str
    counts: FileRef
    documents: int
    text_bytes: int
    share: Share = ALL


@dataclass(frozen=True)
class CountJob:
    """Count the train split of one part of `documents/`."""

    step: str
    key: str
    documents: FileRef
    source: str
    config: TokenizerConfig
    splitting: Splitting
    limits: LanguageLimits | None = None
    """With them only the documents that were drawn for their languages."""
    table_bytes: int = TABLE_BYTES

    def run(self, context: JobContext) -> JobResult:
        counter = pretoken_counter(self.config)
        files: list[OutputFile] = []
        rows = text_bytes = 0
        batch_bytes = min(TEXT_BYTES, context.engine.batch_bytes)
        for batch in documents(
            context.store, self.documents, batch_bytes, self.splitting, context.seed, COLUMNS
        ):
            context.watch.begin(batch.column("id")[0].as_py(), "tokenizer.count")
            chosen = batch.filter(pc.equal(batch.column(SPLIT), TRAIN))
            if self.limits is not None:
                chosen = drawn(chosen, self.limits, context.seed)
            text = chosen.column("text").cast(pa.large_string())
            rows += len(text)
            text_bytes += pc.sum(pc.binary_length(text)).as_py() or 0
            counter.add(normalized(text, self.config.normalization))
            if counter.memory_bytes > self.table_bytes:
                files.append(self.publish(context, counter.batches(), len(files)))
                counter = pretoken_counter(self.config)
        files.append(self.publish(context, counter.batches(), len(files)))
        sums = {"documents": rows, "text_bytes": text_bytes}
        counts = {f"counted|{self.source}|{name}": number for name, number in sums.items()}
        return JobResult(tuple(files), counts)

    def publish(
        self, context: JobContext, batches: Iterator[pa.RecordBatch], part: int
    ) -> OutputFile:
        """One sorted run."""
        path = output_path(self.step, self.key, "counts", part, "parquet")
        row_group_bytes = context.engine.row_group_bytes
        ref = write_parquet(context.store, path, COUNTS_SCHEMA, batches, row_group_bytes)
        return OutputFile("counts", part, ref)


@dataclass(frozen=True)
class MergeCountsJob:
    """Add sorted counts of one source up."""

    step: str
    key: str
    inputs: tuple[FileRef, ...]

    def run(self, context: JobContext) -> JobResult:
        streams = [read_batches(context.store, ref) for ref in self.inputs]
        path = output_path(self.step, self.key, "counts", extension="parquet")
        ref = write_parquet(
            context.store,
            path,
            COUNTS_SCHEMA,
            merge_counted(streams),
            context.engine.row_group_bytes,
        )
        return JobResult((OutputFile("counts", 0, ref),))
