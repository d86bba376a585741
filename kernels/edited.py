"""Edited texts as Arrow batches: `text` and what was done to it, one row per document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers

CHARACTERS_BEFORE = pa.field("characters_before", pa.int64(), nullable=False)
"""Closes the counts of every editor: code points before the edit."""


def count_fields(*names: str) -> pa.Schema:
    """The counts of an editor: int64, never null, `characters_before` last."""
    fields = [pa.field(name, pa.int64(), nullable=False) for name in names]
    return pa.schema([*fields, CHARACTERS_BEFORE])


def edited_batch(
    before: pa.LargeStringArray,
    edited: tuple[np.ndarray, np.ndarray, np.ndarray],
    counts: pa.Schema,
) -> pa.RecordBatch:
    """What an editing kernel returned (offsets, bytes, counts[kinds, rows]) as `text` and `counts`.

    Where it counted no edit at all, `before` goes on without a copy.
    """
    offsets, data, counted = edited
    text = before
    if counted[:-1].any():
        text = pa.LargeStringArray.from_buffers(
            len(before), pa.py_buffer(offsets), pa.py_buffer(data)
        )
    return as_batch(text, list(counted), counts)


def as_batch(text: pa.Array, counted: Sequence[np.ndarray], counts: pa.Schema) -> pa.RecordBatch:
    """`text`, then one column per field of `counts`."""
    schema = pa.schema([pa.field("text", pa.large_string()), *counts])
    columns = [text.cast(pa.large_string()), *(pa.array(column) for column in counted)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes `begin` to `end` of an array's data, which lie in `row`, become `text`."""

    row: int
    begin: int
    end: int
    text: bytes


def spliced(text: pa.LargeStringArray, splices: Sequence[Splice]) -> pa.LargeStringArray:
    """`text` with `splices`, which come in order and do not overlap; `text` itself without any."""
    if not splices:
        return text
    buffers = text_buffers(text)
    starts = np.frombuffer(buffers.offsets, np.int64)[buffers.first :][: len(text) + 1]
    data = memoryview(buffers.data)
    lengths = np.diff(starts)
    pieces: list[bytes | memoryview] = []
    position = int(starts[0])
    for splice in splices:
        pieces += [data[position : splice.begin], splice.text]
        lengths[splice.row] += len(splice.text) - (splice.end - splice.begin)
        position = splice.end
    pieces.append(data[position : int(starts[-1])])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return pa.LargeStringArray.from_buffers(
        len(text), pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))
    )


def characters_of(text: pa.LargeStringArray) -> np.ndarray:
    """int64[n]: code points of every text. Raises as `text_buffers`."""
    return _native.code_points(*text_buffers(text))
