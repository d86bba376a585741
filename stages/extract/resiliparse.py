"""Resiliparse main-content extraction: rules on tags and classes, in native code.

On the 181 pages of scrapinghub's article-extraction-benchmark: word 4-gram precision .88, recall
.97, F1 .92 (with readers' comments and post meta data .85, .97, .90); about 30 MB/s of HTML on one
core, some 15 times faster than Trafilatura, which is more precise (.93). Lists keep their bullets;
link targets, image texts, forms, comments and post meta data are left out.
"""

from __future__ import annotations

from typing import ClassVar

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curate.stages.extract.base import Extracted, Extractor, tidy


class Resiliparse(Extractor):
    """`resiliparse.extract.html2text.extract_plain_text` with `main_content`."""

    name: ClassVar = "resiliparse"
    distributions: ClassVar = ("resiliparse",)

    def extract(self, html: str, url: str | None) -> Extracted:
        tree = HTMLTree.parse(html)
        text = extract_plain_text(
            tree,
            preserve_formatting=True,
            main_content=True,
            list_bullets=True,
            alt_texts=False,
            links=False,
            form_fields=False,
            noscript=False,
            comments=False,
            post_meta=False,
        )
        return Extracted(tidy(text))
