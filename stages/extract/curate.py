"""The engine of this project (the default): Resiliparse's parser, block rules of our own.

Resiliparse parses the page (lexbor, as browsers do) and writes the tree out again; one native pass
over that markup finds blocks, judges them by the boxes they stand in (tags, roles, words in class
and id), by running text and by the density of links, and writes the chosen ones as plain text:
`kernels/native/html_*.cpp`. No model, and no list of languages.

On the 181 pages of scrapinghub's article-extraction-benchmark: precision .967, recall .977, F1 .970
(Trafilatura .960, Resiliparse's own rules .929) at 112 MB/s of HTML on one core; see
benchmarks/extraction.
"""

from __future__ import annotations

from typing import ClassVar

from resiliparse.parse.html import HTMLTree

from curate.kernels.html import main_text
from curate.stages.extract.base import Extracted, Extractor


class Curate(Extractor):
    """`curate.kernels.html.main_text` of the page as Resiliparse understands it."""

    name: ClassVar = "curate"
    distributions: ClassVar = ("resiliparse",)

    def extract(self, html: str, url: str | None) -> Extracted:
        found = main_text(str(HTMLTree.parse(html)))
        return Extracted(found.text.strip())
