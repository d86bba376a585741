"""Lines of a document, measured once for all filters that ask for them.

Lines are those of Python's `str.splitlines`, as in datatrove: not only LF, CR and CR LF end a line,
but also VT, FF, U+001C to U+001E, U+0085, U+2028 and U+2029. Blank lines count; a line end at the
end of the text opens no further line.

Cost: about 1 ns per byte, no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

from curate.stages.measures import Measure


class LineStatistics(Measure):
    """Number of lines, and how many look like lists or teasers.

    count: lines, blank ones too. bullet_fraction: lines that begin, after white space, with `•` or
    `-`, of all lines. ellipsis_fraction: lines that end, before white space, with `...` or `…`, of
    all lines. An empty text has no line and measures 0.
    """

    name: ClassVar[str] = "lines"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "lines"
