"""Collecting: the survivors into parts of `documents/`, the fates into `removed/` and
`quarantine/`, all in document order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.pipeline.fates import align
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.storage.parquet import PUBLISHED, read_batches, write_parquet
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
            PUBLISHED,
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
            batches = self.batches(context.store, schema, fate)
            first = next(batches, None)
            if first is not None:
                path = output_path(self.step, self.key, fate, extension="parquet")
                rest = chain([first], batches)
                size = context.engine.row_group_bytes
                ref = write_parquet(context.store, path, schema, rest, size, PUBLISHED)
                files.append(OutputFile(fate, 0, ref))
        return JobResult(tuple(files))

    def batches(self, store: Store, schema: pa.Schema, fate: str) -> Iterator[pa.RecordBatch]:
        """The fates of one kind in document order, a row group of each file in memory."""
        for ordinal, refs in self.inputs:
            streams = [_of_kind(store, ref, schema, fate) for ref in refs]
            for batch in merge_by_address(streams):
                index = schema.get_field_index("address")
                rows = batch.column(index).to_numpy(zero_copy_only=False)
                full = pa.array(rows + np.uint64(ordinal << 32), pa.uint64())
                yield batch.set_column(index, schema.field(index), full)


def _of_kind(store: Store, ref: FileRef, schema: pa.Schema, fate: str) -> Iterator[pa.RecordBatch]:
    for batch in read_batches(store, ref):
        chosen = batch.filter(pc.equal(batch.column("fate"), fate))
        if chosen.num_rows:
            yield align(chosen, schema)


def merge_by_address(streams: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Merge streams of batches, none empty, sorted by `address`; holds one batch per stream.

    Every step takes from all buffers the rows up to the smallest last address of any buffer.
    """
    first = ((index, next(stream, None)) for index, stream in enumerate(streams))
    buffers = {index: batch for index, batch in first if batch is not None}
    while buffers:
        bound = min(batch.column("address")[-1].as_py() for batch in buffers.values())
        taken = []
        for index, batch in list(buffers.items()):
            addresses = batch.column("address").to_numpy(zero_copy_only=False)
            end = int(np.searchsorted(addresses, np.uint64(bound), side="right"))
            taken.append(batch.slice(0, end))
            rest = batch.slice(end) if end < batch.num_rows else next(streams[index], None)
            if rest is None:
                del buffers[index]
            else:
                buffers[index] = rest
        table = pa.Table.from_batches(taken)
        order = pc.sort_indices(table, [("address", "ascending")])
        yield from table.take(order).combine_chunks().to_batches()
