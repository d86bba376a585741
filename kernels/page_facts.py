"""What a page says about itself, as written: the facts from which metadata is chosen.

One native pass over the HTML as it came, without a tree: comments, scripts, styles, templates and
SVG are skipped as a browser skips them. Cost: about 1 GB/s of HTML; the GIL is released.
"""

from __future__ import annotations

from typing import Literal, cast

from curate.kernels import _native

FactKind = Literal["language", "meta", "title", "h1", "json_ld", "time", "author", "formula"]
Fact = tuple[FactKind, str, str]
"""(kind, key, value). The key of a `meta` is its property, name, itemprop or http-equiv; of a
`time` it is `published`, `modified` or "", of an `author` `rel`, `itemprop` or `class`. Values are
as written: entities are not decoded, and those of `h1` and `author` may hold markup. `formula`
stands once, without a value, where the page has MathML, KaTeX, MathJax or images of formulas."""


def page_facts(html: str) -> list[Fact]:
    """The facts of a page in document order, at most 2,048; headings, dates and authors at most 64
    of each kind.

    Raises UnicodeEncodeError for lone surrogates. Linear in the size of the page.
    """
    return cast(list[Fact], _native.page_facts(html))
