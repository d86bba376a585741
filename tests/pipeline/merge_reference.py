"""What `curate.pipeline.merge` must give, in NumPy alone: a row's sort key as one byte string.

The 16 key bytes, then 8 big-endian bytes per order column (integers with the sign bit flipped,
floats by the IEEE total order) and for the address. About 1 µs per row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from curate.errors import StageError

SIGN = np.uint64(1 << 63)


def sort_keys(batch: pa.RecordBatch | pa.Table, order: Sequence[pa.Field]) -> np.ndarray:
    """`S{24 + 8·len(order)}`[n]: byte order equals (key, order, address) order. Raises StageError
    for a column that has no order.
    """
    rows = batch.num_rows
    encoded = np.empty((rows, 24 + 8 * len(order)), dtype=np.uint8)
    encoded[:, :16] = key_bytes(_array(batch, "key"))
    for index, field in enumerate(order):
        encoded[:, 16 + 8 * index : 24 + 8 * index] = _big_endian(
            _ordered(_array(batch, field.name), field)
        )
    encoded[:, -8:] = _big_endian(
        _array(batch, "address").to_numpy(zero_copy_only=False).astype(np.uint64)
    )
    result: np.ndarray = (
        encoded.reshape(-1).view(f"S{encoded.shape[1]}")
        if rows
        else np.empty(0, f"S{encoded.shape[1]}")
    )
    return result


def key_bytes(keys: pa.Array) -> np.ndarray:
    """uint8[n, 16] view of a fixed_size_binary(16) array."""
    data = np.frombuffer(keys.buffers()[1], dtype=np.uint8) if len(keys) else np.empty(0, np.uint8)
    result: np.ndarray = data[16 * keys.offset : 16 * (keys.offset + len(keys))].reshape(-1, 16)
    return result


def sort_rows(
    batch: pa.RecordBatch | pa.Table, order: Sequence[pa.Field]
) -> pa.RecordBatch | pa.Table:
    """Rows in (key, order, address) order."""
    return batch.take(pa.array(np.argsort(sort_keys(batch, order), kind="stable")))


def merge_sorted(
    streams: Sequence[Iterator[pa.RecordBatch]], order: Sequence[pa.Field]
) -> Iterator[pa.RecordBatch]:
    """Merge streams that are sorted each; yields sorted batches. Holds one batch per stream.

    Every step takes from all buffers the rows up to the smallest last row of any buffer that may be
    followed by more.
    """
    open_streams: list[_Stream] = []
    for batches in streams:
        stream = _Stream(batches, order)
        if stream.fill():
            open_streams.append(stream)
    while open_streams:
        bound = min(stream.last() for stream in open_streams)
        pieces = [stream.take_until(bound) for stream in open_streams]
        table = pa.Table.from_batches([piece for piece in pieces if piece.num_rows])
        merged = (
            table.combine_chunks()
            if len(open_streams) == 1
            else sort_rows(table.combine_chunks(), order)
        )
        yield from merged.to_batches()
        open_streams = [stream for stream in open_streams if stream.fill()]


class _Stream:
    """One input: a buffered batch with its sort keys and a position."""

    def __init__(self, batches: Iterator[pa.RecordBatch], order: Sequence[pa.Field]) -> None:
        self._batches = batches
        self._order = order
        self._batch: pa.RecordBatch | None = None
        self._keys = np.empty(0, "S1")
        self._start = 0

    def fill(self) -> bool:
        """Make sure that a row is buffered; False at the end."""
        while self._batch is None or self._start >= self._batch.num_rows:
            self._batch = next(self._batches, None)
            if self._batch is None:
                return False
            self._keys, self._start = sort_keys(self._batch, self._order), 0
        return True

    def last(self) -> bytes:
        return bytes(self._keys[-1])

    def take_until(self, bound: bytes) -> pa.RecordBatch:
        assert self._batch is not None
        end = int(np.searchsorted(self._keys, np.array([bound], self._keys.dtype)[0], side="right"))
        end = max(end, self._start)
        piece = self._batch.slice(self._start, end - self._start)
        self._start = end
        return piece


def _array(batch: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    column = batch.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _big_endian(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    return result


def _ordered(column: pa.Array, field: pa.Field) -> np.ndarray:
    """uint64[n] in the order of the values."""
    values = column.to_numpy(zero_copy_only=False)
    if pa.types.is_unsigned_integer(field.type):
        unsigned: np.ndarray = values.astype(np.uint64)
        return unsigned
    if pa.types.is_signed_integer(field.type):
        flipped: np.ndarray = values.astype(np.int64).view(np.uint64) ^ SIGN
        return flipped
    if pa.types.is_float64(field.type):
        bits = values.astype(np.float64).view(np.uint64)
        total: np.ndarray = np.where(bits & SIGN, ~bits, bits | SIGN)
        return total
    raise StageError(
        f"order column '{field.name}' is {field.type}; an order column is an integer or float64 "
        "without nulls"
    )
