"""Sorted merge of keyed rows: (key, declared order, address), native and bounded in bytes.

Sort keys are rows of 64-bit words (`kernels.row_order`); other columns are touched once, when the
rows that were chosen are gathered. A merge holds one batch per stream and one batch of its output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from curate.errors import StageError
from curate.kernels.row_gather import gather_rows
from curate.kernels.row_order import (
    FINISHED,
    FULL,
    RowMerge,
    encode_rows,
    group_starts,
    order_rows,
    partition_of,
)

__all__ = [
    "combined_rows",
    "merge_sorted",
    "partition_of",
    "sort_by",
    "sort_rows",
    "sorted_batches",
]

OUTPUT_BYTES = 4 * 2**20
"""Rows of one batch that a sort or a merge yields; about 90,000 of 48 bytes."""
STREAMS_PER_OUTPUT = 256
"""A merge of more streams yields larger batches: gathering costs some µs per stream and batch."""

Rows: TypeAlias = pa.RecordBatch | pa.Table


def sort_rows(batch: Rows, order: Sequence[pa.Field]) -> Rows:
    """Rows in (key, order, address) order. Raises StageError for a column that has no order."""
    return _taken(batch, order_rows(_sort_keys(batch, order)))


def sort_by(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Rows ascending by integer or float64 columns without nulls; equal rows keep their order."""
    return _taken(table, order_rows(encode_rows(None, [_array(table, name) for name in columns])))


def sorted_batches(
    batches: Sequence[pa.RecordBatch], schema: pa.Schema, order: Sequence[pa.Field]
) -> Iterator[pa.RecordBatch]:
    """Rows of all batches in (key, order, address) order, in batches of about OUTPUT_BYTES.

    Beside the batches it needs 60 bytes per row and one batch of output.
    """
    filled = [batch for batch in batches if batch.num_rows]
    counts = np.array([batch.num_rows for batch in filled], np.int64)
    ends = np.cumsum(counts)
    words = np.empty((int(counts.sum()), 3 + len(order)), np.uint64)
    for batch, end in zip(filled, ends.tolist(), strict=True):
        _sort_keys(batch, order, words[end - batch.num_rows : end])
    chosen = order_rows(words)
    del words
    numbers = np.repeat(np.arange(len(filled), dtype=np.uint32), counts)
    starts = (ends - counts).astype(np.uint32)
    step = max(1, OUTPUT_BYTES * len(chosen) // max(1, sum(batch.nbytes for batch in filled)))
    for start in range(0, len(chosen), step):
        piece = chosen[start : start + step]
        which = numbers[piece]
        yield gather_rows(filled, which, piece - starts[which], schema)


def merge_sorted(
    streams: Sequence[Iterator[pa.RecordBatch]], order: Sequence[pa.Field]
) -> Iterator[pa.RecordBatch]:
    """Merge streams that are sorted each; yields sorted batches of about OUTPUT_BYTES (of more than
    STREAMS_PER_OUTPUT streams: in proportion).

    Holds one batch per stream, beside those that the rows of one batch of output come from. Equal
    rows come in the order of their streams.
    """
    if len(streams) == 1:
        return (batch for batch in streams[0] if batch.num_rows)
    return _Merge(streams, order).run() if streams else iter(())


def combined_rows(
    batches: Iterator[pa.RecordBatch], combine: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Sorted batches after `combine`, which sees together what a key has in several batches."""
    held: pa.RecordBatch | None = None
    for batch in batches:
        whole = batch if held is None else pa.concat_batches([held, batch])
        made = combine(whole)
        if not made.num_rows:
            held = None
            continue
        last = int(np.flatnonzero(group_starts(made.column("key")))[-1])
        if made.num_rows - last > batch.num_rows // 2:  # nothing to gain from a key like that
            last = made.num_rows
        if last:
            yield made.slice(0, last)
        held = made.slice(last) if last < made.num_rows else None
    if held is not None:
        yield held


class _Merge:
    """State of a merge.

    The plan names a batch by a number: below the number of streams it is that stream's batch at the
    last output, above it one that came since.
    """

    def __init__(
        self, streams: Sequence[Iterator[pa.RecordBatch]], order: Sequence[pa.Field]
    ) -> None:
        self._streams, self._order = streams, order
        self._output_bytes = OUTPUT_BYTES * max(1.0, len(streams) / STREAMS_PER_OUTPUT)
        self._plan = RowMerge(len(streams), 3 + len(order))
        self._at_output: list[pa.RecordBatch | None] = [None] * len(streams)
        self._since: list[pa.RecordBatch] = []
        self._current: dict[int, pa.RecordBatch | None] = {}
        """Batches of streams whose batch changed since the last output, None at the end."""

    def run(self) -> Iterator[pa.RecordBatch]:
        while (state := self._plan.advance(self._output_bytes)) != FINISHED:
            if state != FULL:
                self._feed(state)
            elif (batch := self._output()) is not None:
                yield batch
        if (batch := self._output()) is not None:
            yield batch

    def _feed(self, stream: int) -> None:
        """The next batch of a stream that is dry."""
        batch = next((found for found in self._streams[stream] if found.num_rows), None)
        if batch is None:
            self._plan.close(stream)
            self._current[stream] = None
            return
        number = stream
        if self._at_output[stream] is None:
            self._at_output[stream] = batch
        else:
            number = len(self._streams) + len(self._since)
            self._since.append(batch)
            self._current[stream] = batch
        row_bytes = batch.nbytes / batch.num_rows
        self._plan.feed(stream, _sort_keys(batch, self._order), number, row_bytes)

    def _output(self) -> pa.RecordBatch | None:
        """The rows that the plan holds."""
        which, rows = self._plan.take()
        made = None
        if len(rows):
            known = [*self._at_output, *self._since]
            used = np.flatnonzero(np.bincount(which, minlength=len(known)))
            numbers = np.zeros(len(known), np.uint32)
            numbers[used] = np.arange(len(used), dtype=np.uint32)
            batches = [batch for number in used.tolist() if (batch := known[number]) is not None]
            made = gather_rows(batches, numbers[which], rows, batches[0].schema)
        for stream, batch in self._current.items():
            self._at_output[stream] = batch
        self._since, self._current = [], {}
        return made


def _sort_keys(batch: Rows, order: Sequence[pa.Field], out: np.ndarray | None = None) -> np.ndarray:
    columns = []
    for field in order:
        column = _array(batch, field.name)
        known = pa.types.is_integer(column.type) or pa.types.is_float64(column.type)
        if not known or column.null_count:
            raise StageError(
                f"order column '{field.name}' is {column.type} with {column.null_count} nulls; an "
                "order column is an integer or float64 without nulls"
            )
        columns.append(column)
    return encode_rows(_array(batch, "key"), [*columns, _array(batch, "address")], out)


def _taken(rows: Rows, chosen: np.ndarray) -> Rows:
    """Rows of a batch or table in a new order."""
    is_table = isinstance(rows, pa.Table)
    pieces = rows.combine_chunks().to_batches() if is_table else [rows]
    if len(pieces) > 1:  # text beyond 2 GB stays in chunks
        return rows.take(pa.array(chosen))
    made = gather_rows(pieces, np.zeros(len(chosen), np.uint32), chosen, rows.schema)
    return pa.Table.from_batches([made], rows.schema) if is_table else made


def _array(rows: Rows, name: str) -> pa.Array:
    column = rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
