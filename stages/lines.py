"""Lines of a document, measured once for all filters that ask for them.

Lines are those of Python's `str.splitlines`, as in datatrove: not only LF, CR and CR LF end a line,
but also VT, FF, U+001C to U+001E, U+0085, U+2028 and U+2029. Blank lines count.

Cost: one pass, about 1 ns per byte, no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from curate.kernels.lines import LINE_STATISTICS, line_statistics
from curate.stages.base import Annotator


class LineStatistics(Annotator):
    """Number of lines, and how many look like lists or teasers.

    count: lines, blank ones too. bullet_fraction: lines that begin, after white space, with `•` or
    `-`, of all lines. ellipsis_fraction: lines that end, before white space, with `...` or `…`, of
    all lines. An empty text has no line and measures 0.
    """

    name: ClassVar[str] = "lines"
    version: ClassVar[int] = 1

    def signals(self) -> tuple[pa.Field, ...]:
        """`lines.count` (int64), `lines.bullet_fraction`, `lines.ellipsis_fraction` (float64)."""
        return tuple(LINE_STATISTICS)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        return line_statistics(batch.column("text"))
