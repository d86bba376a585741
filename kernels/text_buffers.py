"""From an Arrow text array to the buffers that the native kernels read, without a copy."""

from __future__ import annotations

from typing import NamedTuple

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
