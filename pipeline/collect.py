"""Collecting: the survivors into parts of `documents/`, the fates into `removed/` and
`quarantine/`, all in document order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.pipeline.fates import align
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.storage.parquet import read_batches, write_parquet
from curate.storage.schema import DOCUMENT_FIELDS, FATE_FIELDS, FATE_QUARANTINED, FATE_REMOVED
from curate.storage.store import FileRef, Store


@dataclass(frozen=True)
class CollectDocumentsJob:
    """Consecutive base shards of one source, as one part of `documents/<source>/`."""

    step: str
    key: str
    inputs: tuple[FileRef, ...]
    input_signals: tuple[pa.Field, ...]
    signals: tuple[pa.Field, ...]
    text_bytes: int

    def run(self, context: JobContext) -> JobResult:
        schema = pa.schema([*DOCUMENT_FIELDS, *self.signals])
        path = output_path(self.step, self.key, "documents")
        ref = write_parquet(
            context.store,
            path,
            schema,
            self.batches(context.store, schema),
            context.engine.row_group_bytes,
        )
        return JobResult((OutputFile("documents", 0, ref, self.text_bytes),))

    def batches(self, store: Store, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        columns = [field.name for field in (*DOCUMENT_FIELDS, *self.input_signals)]
        for ref in self.inputs:
            for batch in read_batches(store, ref, columns):
                yield align(batch, schema)


@dataclass(frozen=True)
class CollectFatesJob:
    """The fates of a group of shards, merged in document order into one part each of `removed/` and
    `quarantine/`.
    """

    step: str
    key: str
    inputs: tuple[tuple[int, tuple[FileRef, ...]], ...]
    """(shard ordinal, the fates files of its segments), ascending."""
    signals: tuple[pa.Field, ...]

    def run(self, context: JobContext) -> JobResult:
        schema = pa.schema([*FATE_FIELDS, *self.signals])
        files = []
        for fate in (FATE_REMOVED, FATE_QUARANTINED):
            batches = list(self.batches(context.store, schema, fate))
            if sum(batch.num_rows for batch in batches):
                path = output_path(self.step, self.key, fate, extension="parquet")
                ref = write_parquet(
                    context.store, path, schema, batches, context.engine.row_group_bytes
                )
                files.append(OutputFile(fate, 0, ref))
        return JobResult(tuple(files))

    def batches(self, store: Store, schema: pa.Schema, fate: str) -> Iterator[pa.RecordBatch]:
        for ordinal, refs in self.inputs:
            found = [
                align(batch.filter(pc.equal(batch.column("fate"), fate)), schema)
                for ref in refs
                for batch in read_batches(store, ref)
            ]
            table = pa.Table.from_batches(found, schema)
            index = table.schema.get_field_index("address")
            rows = table.column(index).combine_chunks().to_numpy(zero_copy_only=False)
            full = pa.array(rows + np.uint64(ordinal << 32), pa.uint64())
            table = table.set_column(index, schema.field(index), full)
            order = pc.sort_indices(table, [("address", "ascending")])
            yield from table.take(order).combine_chunks().to_batches()
