"""A canonical form of texts, so that exact deduplication can overlook case and layout.

Cost: one pass, one buffer for all documents, the GIL is released.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers


def normalized_text(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Lower case, every run of white space one U+0020, none at the ends; nothing else changes.

    Exactly `" ".join("".join(c.lower() for c in t).split())`: each character is lowered on its own,
    without regard to its neighbours (Σ always becomes σ), by the mappings of Unicode 14.0 to 15.1;
    white space is `str.isspace`.
    Raises ValueError for nulls or invalid UTF-8, TypeError for other types. Memory: at most 1.5 ×
    the input.
    """
    offsets, data = _native.normalized_text(*text_buffers(text))
    return pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(data))
