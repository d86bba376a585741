"""Line statistics: the lines of Python's `str.splitlines`, as datatrove's filters read them.

Cost: one pass over the bytes, no allocation per document, the GIL is released.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers

LINE_STATISTICS = pa.schema(
    [
        pa.field("count", pa.int64(), nullable=False),
        pa.field("bullet_fraction", pa.float64(), nullable=False),
        pa.field("ellipsis_fraction", pa.float64(), nullable=False),
    ]
)
"""count: lines, blank ones too; an end of line at the end of the text opens no further line.
bullet_fraction: lines whose first character after white space is `•` or `-` / lines.
ellipsis_fraction: lines that end, before white space, with `...` or `…` / lines. An empty text has
no line and measures 0 throughout, never NaN."""


def line_statistics(text: pa.LargeStringArray) -> pa.RecordBatch:
    """Statistics of n documents as n rows of `LINE_STATISTICS`. Time O(bytes).

    Line ends: LF, CR, CR LF, VT, FF, U+001C to U+001E, U+0085, U+2028, U+2029. White space:
    Python's `str.isspace`.
    Raises ValueError for nulls or invalid UTF-8 where a line begins or ends, TypeError for other
    types.
    """
    columns = _native.line_statistics(*text_buffers(text))
    return pa.RecordBatch.from_arrays(
        [pa.array(column) for column in columns], schema=LINE_STATISTICS
    )
