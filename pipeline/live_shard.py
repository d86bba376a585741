"""A base shard as it stands: its rows, what the segments since measured and filled in beside them,
and who is still alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.storage.parquet import read_batches
from curate.storage.schema import DOCUMENT_FIELDS, ROW_FIELD
from curate.storage.store import FileRef, Store

ALIVE_FIELD = pa.field("alive", pa.bool_(), nullable=False)


@dataclass(frozen=True)
class LiveShard:
    """base: the shard's rows; base_signals: the signal columns it holds. sidecars: of the segments
    since the base was written, in order, with the columns each added. take: documents of the shard
    that count (a source's `limit`), None for all.
    """

    base: FileRef
    base_signals: tuple[pa.Field, ...] = ()
    sidecars: tuple[tuple[FileRef, tuple[pa.Field, ...]], ...] = ()
    take: int | None = None

    def ingredients(self) -> list[object]:
        """What a shard key says of it."""
        return [self.base.checksum, [ref.checksum for ref, _ in self.sidecars], self.take]

    def batches(self, store: Store, schema: pa.Schema) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
        """All rows with the columns of `schema` (`row` among them), and which of them are alive.
        Columns that nobody asked for are not read.
        """
        wanted = set(schema.names)
        sidecars = []
        for ref, fields in self.sidecars:
            beside = pa.schema([ALIVE_FIELD, *(each for each in fields if each.name in wanted)])
            sidecars.append(_Aligned(read_batches(store, ref, beside.names), beside))
        held = (*DOCUMENT_FIELDS, ROW_FIELD, *self.base_signals)
        columns = [field.name for field in held if field.name in wanted]
        done = 0
        for batch in read_batches(store, self.base, columns):
            alive = self._within_limit(done, batch.num_rows)
            arrays = {name: batch.column(name) for name in columns}
            for sidecar in sidecars:
                part = sidecar.take(batch.num_rows)
                alive = pc.and_(alive, part.column("alive"))
                arrays |= {name: part.column(name) for name in part.schema.names if name != "alive"}
            ordered = [arrays[field.name] for field in schema]
            yield pa.RecordBatch.from_arrays(ordered, schema=schema), alive
            done += batch.num_rows

    def _within_limit(self, done: int, rows: int) -> pa.Array:
        if self.take is None:
            return pa.array(np.ones(rows, dtype=bool))
        return pa.array(np.arange(done, done + rows) < self.take)


class _Aligned:
    """Takes the next n rows from a stream of batches."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = batches
        self._schema = schema
        self._rest: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.RecordBatch:
        have = sum(batch.num_rows for batch in self._rest)
        while have < rows:
            batch = next(self._batches)
            self._rest.append(batch)
            have += batch.num_rows
        table = pa.Table.from_batches(self._rest, self._schema).combine_chunks()
        whole = (
            table.to_batches()[0]
            if table.num_rows
            else pa.RecordBatch.from_pylist([], schema=self._schema)
        )
        self._rest = [whole.slice(rows)] if whole.num_rows > rows else []
        return whole.slice(0, rows)
