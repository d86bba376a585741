"""Trafilatura (Barbaresi 2021, ACL demo): a precise engine, about ten times slower than the
default.

Precision over recall, no comments, no fallback to other extractors: what the large public corpora
used. On the 181 pages of scrapinghub's benchmark: precision .96, recall .97; 10 MB/s of HTML. Known
to loop on huge pages: keep the time limit.
"""

from __future__ import annotations

from typing import ClassVar

from curate.errors import SpecError
from curate.stages.extract.base import Extracted, Extractor, tidy

try:
    from trafilatura import bare_extraction
    from trafilatura.settings import Document
except ImportError as error:
    raise SpecError(
        "extractor: trafilatura is not installed; run: pip install 'curate[trafilatura]'"
    ) from error


class Trafilatura(Extractor):
    """`trafilatura.bare_extraction` with `favor_precision`."""

    name: ClassVar = "trafilatura"
    distributions: ClassVar = ("trafilatura", "lxml")

    def extract(self, html: str, url: str | None) -> Extracted:
        found = bare_extraction(
            html,
            url=url,
            favor_precision=True,
            include_comments=False,
            include_tables=True,
            with_metadata=False,
        )
        if not isinstance(found, Document):
            return Extracted("")
        return Extracted(tidy(found.text or ""))
