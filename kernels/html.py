"""Main text of an HTML page: which blocks of the page are its content, and their plain text.

The markup must be what an HTML parser wrote out again (`str(resiliparse.parse.html.HTMLTree)`):
tags that nest, quoted attributes, the five character references of the serialisation algorithm.
Other input gives some text, never an error.

Cost: one pass over the markup, one over its elements, one over the chosen blocks; about 250 MB/s of
HTML on one core. No recursion: the depth of nesting is bounded by memory only. The GIL is released.
"""

from __future__ import annotations

from typing import NamedTuple

from curate.kernels import _native


class MainText(NamedTuple):
    """text: paragraphs, headings, lists and tables separated by blank lines, list items and table
    rows on lines of their own, cells separated by tabs; "" where the page has no running text.
    title: of <title>, on one line. language: of <html lang>, as it stands there. Both may be ""."""

    text: str
    title: str
    language: str


def main_text(markup: str) -> MainText:
    """Content of one page. No NUL in, none out: U+FFFD stands for it.

    Raises UnicodeEncodeError for lone surrogates, ValueError for 4 GiB of markup or more.
    """
    return MainText(*_native.main_text(markup))
