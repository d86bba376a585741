"""Chosen rows of many record batches as one batch, without joining the batches first.

Fixed-width columns, booleans, texts, bytes and lists of fixed-width values are gathered natively,
one pass per column; of other types the used part of every batch is joined and Arrow takes the rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curate.kernels import _native

Column = tuple[pa.Buffer | None, int, int]
"""A buffer, the first item that counts, and how many follow."""


def gather_rows(
    batches: Sequence[pa.RecordBatch], which: np.ndarray, rows: np.ndarray, schema: pa.Schema
) -> pa.RecordBatch:
    """Row n of the result is row `rows[n]` of `batches[which[n]]` (both uint32[n]).

    Raises IndexError for rows that are not there, OverflowError where the 32-bit offsets of a
    column cannot hold the result.
    """
    return pa.RecordBatch.from_arrays(
        [
            gather([batch.column(index) for batch in batches], which, rows)
            if batches
            else pa.array([], field.type)
            for index, field in enumerate(schema)
        ],
        schema=schema,
    )


def gather(arrays: Sequence[pa.Array], which: np.ndarray, rows: np.ndarray) -> pa.Array:
    """The same for one column; all arrays have one type."""
    kind = arrays[0].type
    if pa.types.is_boolean(kind):
        bits, _ = _native.gather_bits(which, rows, [_bits(array, 1) for array in arrays])
        buffers = [_validity(arrays, which, rows), pa.py_buffer(bits)]
        return pa.Array.from_buffers(kind, len(rows), buffers)
    if (width := _width(kind)) is not None:
        columns = [(array.buffers()[1], array.offset, len(array)) for array in arrays]
        values = _native.gather_fixed(which, rows, columns, width)
        buffers = [_validity(arrays, which, rows), pa.py_buffer(values)]
        return pa.Array.from_buffers(kind, len(rows), buffers)
    if _is_bytes(kind):
        items = [_bytes(array) for array in arrays]
        offsets, values = _variable(arrays, items, which, rows, 1)
        buffers = [_validity(arrays, which, rows), offsets, values]
        return pa.Array.from_buffers(kind, len(rows), buffers)
    if _is_flat_list(kind) and not any(array.values.null_count for array in arrays):
        item_bytes = _width(kind.value_type)
        assert item_bytes is not None
        items = [_items(array.values) for array in arrays]
        offsets, values = _variable(arrays, items, which, rows, item_bytes)
        count = len(values) // item_bytes
        child = pa.Array.from_buffers(kind.value_type, count, [None, values])
        buffers = [_validity(arrays, which, rows), offsets]
        return pa.Array.from_buffers(kind, len(rows), buffers, children=[child])
    return _joined(arrays, which, rows)


def _variable(
    arrays: Sequence[pa.Array],
    items: list[Column],
    which: np.ndarray,
    rows: np.ndarray,
    item_bytes: int,
) -> tuple[pa.Buffer, pa.Buffer]:
    """Offsets and items of rows of changing length."""
    kind = arrays[0].type
    long = (
        pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_large_list(kind)
    )
    gathered = _native.gather_variable_64 if long else _native.gather_variable_32
    places = [
        (array.buffers()[1], array.offset, len(array) + 1) if len(array) else (None, 0, 0)
        for array in arrays
    ]
    offsets, values = gathered(which, rows, places, items, item_bytes)
    return pa.py_buffer(offsets), pa.py_buffer(values)


def _validity(arrays: Sequence[pa.Array], which: np.ndarray, rows: np.ndarray) -> pa.Buffer | None:
    if not any(array.null_count for array in arrays):
        return None
    bits, unset = _native.gather_bits(which, rows, [_bits(array, 0) for array in arrays])
    return pa.py_buffer(bits) if unset else None


def _bits(array: pa.Array, buffer: int) -> Column:
    return array.buffers()[buffer], array.offset, len(array)


def _bytes(array: pa.Array) -> Column:
    data = array.buffers()[2]
    return data, 0, 0 if data is None else data.size


def _items(values: pa.Array) -> Column:
    return values.buffers()[1], values.offset, len(values)


def _width(kind: pa.DataType) -> int | None:
    """Bytes per value of a fixed-width type of whole bytes."""
    flat = (
        pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind)
    ) and not pa.types.is_boolean(kind)
    return kind.bit_width // 8 if flat and kind.bit_width else None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
    )


def _is_flat_list(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _width(
        kind.value_type
    ) is not None


def _joined(arrays: Sequence[pa.Array], which: np.ndarray, rows: np.ndarray) -> pa.Array:
    """Rows of any type: the part of every array that is used, joined, then taken."""
    parts, start = [], np.zeros(len(arrays), np.int64)
    total = 0
    for number in np.unique(which).tolist():
        used = rows[which == number]
        first, last = int(used.min()), int(used.max())
        part = arrays[number].slice(first, last + 1 - first)
        parts.append(part)
        start[number] = total - first
        total += len(part)
    joined = pa.concat_arrays(parts) if parts else arrays[0].slice(0, 0)
    return joined.take(pa.array(start[which] + rows))
