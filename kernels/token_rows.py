"""Token ids of documents as a token file holds them: an end token after each, in the file's type.

`close_documents` copies ids that a tokenizer library returned, and looks at each of them on the
way; `encode_bytes` is a byte tokenizer, where an id is a look-up. Cost: about 1 ns per id; nothing
is allocated per document; the GIL is released.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers


class IdNotAllowed(ValueError):
    """An id outside the vocabulary, or one that text must not have; `position` counts ids."""

    def __init__(self, position: int, token: int) -> None:
        super().__init__(f"id {token} at position {position}")
        self.position, self.token = position, token


def close_documents(
    ids: np.ndarray, offsets: np.ndarray, allowed: np.ndarray, end: int, dtype: np.dtype
) -> np.ndarray:
    """ids uint32[m] of n documents, cut by offsets int64[n + 1], as dtype[m + n] with `end` after
    each.

    allowed: bool[vocabulary], which ids text may have. dtype: of 2 or 4 bytes, unsigned or signed.
    Raises IdNotAllowed with the first id outside it, ValueError for offsets that do not fit.
    """
    call = _native.close_documents_16 if dtype.itemsize == 2 else _native.close_documents_32
    closed, wrong = call(
        np.ascontiguousarray(ids, np.uint32),
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(allowed).view(np.uint8),
        end,
    )
    if wrong >= 0:
        raise IdNotAllowed(wrong, int(ids[wrong]))
    return closed.view(dtype)


def encode_bytes(
    text: pa.LargeStringArray, table: np.ndarray, end: int, dtype: np.dtype
) -> np.ndarray:
    """`table[byte]` for every byte of n texts, `end` after each text, as dtype[bytes + n].

    table: uint32[256]; every entry and `end` must fit `dtype` (2 or 4 bytes). Raises ValueError for
    nulls.
    """
    call = _native.encode_bytes_16 if dtype.itemsize == 2 else _native.encode_bytes_32
    return call(*text_buffers(text), np.ascontiguousarray(table, np.uint32), end).view(dtype)
