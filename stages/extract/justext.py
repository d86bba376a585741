"""jusText (Pomikálek 2011, "Removing Boilerplate and Duplicate Content from Web Corpora"): good
running text only.

Judges paragraphs by length, link density and the share of stop words, so it drops short pages,
lists and tables. The stop words of all its languages are joined, because the page's language is not
known yet; languages without spaces come out poorly.
"""

from __future__ import annotations

import re
from typing import ClassVar

from curate.errors import SpecError
from curate.stages.extract.base import Extracted, Extractor, tidy

try:
    import justext
except ImportError as error:
    raise SpecError(
        "extractor: justext is not installed; run: pip install 'curate[justext]'"
    ) from error

_TAG = re.compile(r"<[A-Za-z]")


class Justext(Extractor):
    """Paragraphs that `justext.justext` classifies as good."""

    name: ClassVar = "justext"
    distributions: ClassVar = ("justext", "lxml")

    def __init__(self) -> None:
        lists = (justext.get_stoplist(language) for language in sorted(justext.get_stoplists()))
        self._stop_words = frozenset().union(*lists)

    def extract(self, html: str, url: str | None) -> Extracted:
        if _TAG.search(html) is None:
            # lxml raises for a page without any element.
            return Extracted("")
        paragraphs = justext.justext(
            html.encode("utf-8", "replace"), self._stop_words, encoding="utf-8"
        )
        good = [paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate]
        return Extracted(tidy("\n".join(good)))
