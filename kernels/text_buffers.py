"""From an Arrow text array to the buffers that the native kernels read, without a copy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

EMPTY = pa.py_buffer(b"")


class TextBuffers(NamedTuple):
    """Positional arguments of a native kernel: int64 offsets, bytes, first offset, number of
    rows."""

    offsets: pa.Buffer
    data: pa.Buffer
    first: int
    rows: int


def text_buffers(text: pa.Array) -> TextBuffers:
    """Buffers of a `large_string` (zero copy) or `string` (offsets are widened) array of n rows.

    Raises TypeError for other types (a ChunkedArray too: combine its chunks first), ValueError for
    nulls.
    """
    if not isinstance(text, pa.Array):
        raise TypeError(
            f"text must be a pyarrow Array, not {type(text).__name__}; combine the chunks first"
        )
    if pa.types.is_string(text.type):
        text = text.cast(pa.large_string())
    if not pa.types.is_large_string(text.type):
        raise TypeError(f"text must be large_string, not {text.type}")
    if text.null_count:
        raise ValueError(f"text holds {text.null_count} nulls; quarantine such documents before")
    _, offsets, data = text.buffers()
    return TextBuffers(offsets or EMPTY, data or EMPTY, text.offset, len(text))


def span_lists(
    buffers: TextBuffers, first: np.ndarray, begin: np.ndarray, end: np.ndarray
) -> pa.LargeListArray:
    """Pieces of n documents as n lists of large_string (copies every piece).

    begin, end: int64 byte ranges into the data. first: int64[n + 1], pieces before each document.
    """
    data = np.frombuffer(buffers.data, dtype=np.uint8)
    lengths = end - begin
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    gathered = data[np.repeat(begin - offsets[:-1], lengths) + np.arange(offsets[-1])]
    values = pa.LargeStringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets), pa.py_buffer(gathered)
    )
    return pa.LargeListArray.from_arrays(pa.array(first), values)


def word_buffers(words: pa.LargeBinaryArray) -> TextBuffers:
    """Buffers of n distinct words. Raises TypeError for other types, ValueError for nulls."""
    if not pa.types.is_large_binary(words.type):
        raise TypeError(f"words must be large_binary, not {words.type}")
    if words.null_count:
        raise ValueError(f"{words.null_count} words are null")
    _, offsets, data = words.buffers()
    return TextBuffers(offsets or EMPTY, data or EMPTY, words.offset, len(words))
