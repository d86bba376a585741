"""HTML files: one page per file (.html, .htm, also compressed), and what all sources of HTML share.

`records` hands out the bytes; `extract` decodes them (byte-order mark, declared charset, <meta>,
detection) and takes the main text out. The two are apart so that the engine can put a time limit on
the second for every page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from curate.stages.extract.base import EngineName
from curate.stages.extract.encoding import decode_html
from curate.stages.extract.engines import engine
from curate.stages.extract.formulas import formulas_as_latex
from curate.stages.extract.metadata import PageMetadata, page_metadata
from curate.stages.sources.base import BadRecord, Caps, InputSplit, Record, Skipped
from curate.stages.sources.files import FileSource
from curate.stages.sources.lines import RAW_BYTES
from curate.stages.sources.text import whole_file


class HtmlSource(FileSource):
    """A format whose records may carry HTML."""

    extractor: EngineName = Field(
        "curate",
        description="engine that takes the text out of HTML; trafilatura and justext are extras",
    )

    def extract(self, record: Record) -> Record | BadRecord:
        """Set `text` and the columns of metadata from `html` (and meta.encoding). A page without
        main text is quarantined."""
        if record.html is None:
            return record
        page = record.html
        decoded = decode_html(page, record.encoding)
        try:
            stated = page_metadata(decoded.text, record.url, record.date, record.last_modified)
            html = formulas_as_latex(decoded.text) if stated.has_formulas else decoded.text
            found = engine(self.extractor).extract(html, record.url)
        except Exception as error:  # noqa: BLE001 - hostile pages make parsers raise anything
            message = f"{self.extractor} failed: {type(error).__name__}: {error}"[:1000]
            return self._bad(record, "extraction_failed", message, page)
        if not found.text:
            return self._bad(
                record, "empty_extraction", f"{self.extractor} found no main text in the page", page
            )
        record.text, record.html = found.text, None
        record.meta["encoding"] = decoded.encoding
        if decoded.replaced:
            record.meta["replaced_characters"] = decoded.replaced
        self._describe(record, stated)
        return record

    @staticmethod
    def _describe(record: Record, found: PageMetadata) -> None:
        """Fill the columns. The moment of the fetch goes to meta.warc_date where a date of the page
        takes its place."""
        if record.date is not None and found.date_source != "WARC-Date":
            record.meta["warc_date"] = record.date
        record.date, record.date_source = found.date, found.date_source
        record.title, record.author = found.title, found.author
        record.page_language = found.language
        record.last_modified = None

    def used_distributions(self) -> tuple[str, ...]:
        """The class's and the engine's. Raises SpecError when the engine is not installed."""
        return tuple(dict.fromkeys((*self.distributions, *engine(self.extractor).distributions)))

    @staticmethod
    def _bad(record: Record, error: str, message: str, page: bytes) -> BadRecord:
        return BadRecord(record.path, record.offset, error, message, page[:RAW_BYTES], record.part)


class Html(HtmlSource):
    """HTML files, a page each."""

    format: ClassVar = "html"
    version: ClassVar = 2
    distributions: ClassVar = ("resiliparse", "lz4", "zstandard")

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        path = split.file.path
        if split.file.size_bytes == 0:
            yield BadRecord(path, 0, "empty_file", "the file has no bytes")
            return
        data = whole_file(split.file, caps, keep_mark=True)
        yield data if isinstance(data, BadRecord) else Record(path, 0, html=data)
