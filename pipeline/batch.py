"""The live documents of one piece of a shard, while they pass the operations of a segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT = "text"


class Batch:
    """Live documents as named columns; rows only leave, columns only come.

    Texts are copied late: documents that leave only shorten the list of rows that are left, until
    somebody reads the text. A chain of filters copies once for all of them.
    """

    def __init__(self, columns: dict[str, pa.Array], num_rows: int) -> None:
        self._columns = columns
        self._left: pa.Array | None = None  # rows of the text column that are live; None for all
        self.num_rows = num_rows

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Batch:
        return cls({name: batch.column(name) for name in batch.schema.names}, batch.num_rows)

    @property
    def names(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> pa.Array:
        if name == TEXT and self._left is not None:
            self._columns[TEXT] = self._columns[TEXT].take(self._left)
            self._left = None
        return self._columns[name]

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Set columns of `num_rows` rows."""
        self._columns |= columns
        if TEXT in columns:
            self._left = None

    def drop(self, names: Iterable[str]) -> None:
        """Forget columns, where they are."""
        for name in names:
            self._columns.pop(name, None)

    def select(self, schema: pa.Schema) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [self.column(field.name) for field in schema], schema=schema
        )

    def record_batch(self, names: Sequence[str] | None = None) -> pa.RecordBatch:
        chosen = self.names if names is None else list(names)
        return pa.RecordBatch.from_arrays([self.column(name) for name in chosen], names=chosen)

    def split(self, kept: np.ndarray, with_text: np.ndarray | None = None) -> pa.RecordBatch:
        """Keep the rows where `kept`; returns the others, with null texts where not `with_text`.

        kept, with_text (None for all): bool[num_rows].
        """
        mask = pa.array(kept)
        small = [name for name in self._columns if name != TEXT]
        rest = pa.RecordBatch.from_arrays([self._columns[name] for name in small], names=small)
        dead = rest.filter(pc.invert(mask))
        live = rest.filter(mask)
        self._columns = {name: _next(self._columns, live, name) for name in self._columns}
        self.num_rows = live.num_rows
        if TEXT not in self._columns:
            return dead
        left = self._left
        if left is None:
            left = pa.array(np.arange(len(kept)))
        gone = left.filter(pc.invert(mask))
        if with_text is not None:
            gone = pc.if_else(pa.array(with_text[~kept]), gone, pa.scalar(None, gone.type))
        self._left = left.filter(mask)
        return dead.append_column(TEXT, self._columns[TEXT].take(gone))

    def text_bytes(self) -> int:
        lengths = pc.binary_length(self._columns[TEXT])
        if self._left is not None:
            lengths = lengths.take(self._left)
        return int(pc.sum(lengths).as_py() or 0)


def _next(columns: Mapping[str, pa.Array], live: pa.RecordBatch, name: str) -> pa.Array:
    return columns[name] if name == TEXT else live.column(name)
