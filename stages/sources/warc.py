"""Web archives: WARC 0.18-1.1 (.warc), WET (.wet) and ARC 1 and 2 (.arc); plain or gzip, zstd, lz4.

Documents are responses with a status of 2xx and a type of text/html or application/xhtml+xml, and
WET conversion records; all others are skipped by reason. `records` undoes transfer and content
encodings; `extract` finds the characters (byte-order mark, HTTP header, <meta>, detection) and the
main text. Locator: offset of the compressed record as CDX indexes have it; records that share a
compressed member get `.k`. Damaged records are quarantined one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

from fastwarc.warc import HeaderMap

from curate.stages.sources.archive import HEAD_BYTES, ArchiveReader, Block, Damage, Framing
from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.files import open_file
from curate.stages.sources.html import HtmlSource
from curate.stages.sources.http import (
    HttpError,
    HttpResponse,
    content_type,
    decode_body,
    parse_headers,
    parse_response,
)
from curate.stages.sources.jsonl import too_large
from curate.stages.sources.lines import RAW_BYTES
from curate.stages.sources.stream import ByteStream
from curate.stages.sources.text import decoded

HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_LOOKS_LIKE_HTML = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_ARC_NAME = re.compile(r"\.arc(\.|$)", re.IGNORECASE)
_SKIPPED_TYPES = frozenset(("request", "metadata", "warcinfo", "resource", "continuation"))

Found = Record | BadRecord | Skipped


class WarcFraming(Framing):
    """`WARC/1.0`, header lines, a blank line, Content-Length bytes, two line ends."""

    name: ClassVar = "WARC"
    separator: ClassVar = b"\r\n\r\n"
    _begin = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n", re.IGNORECASE)
    _next = re.compile(rb"\n(WARC/\d\.\d+[ \t]*\r?\n)")
    _end = re.compile(rb"\r?\n\r?\n")
    _length = re.compile(
        rb"^Content-Length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
    )

    def begins(self, data: bytes | bytearray, at: int) -> bool:
        return self._begin.match(data, at) is not None

    def head_end(self, data: bytes | bytearray) -> int:
        end = self._end.search(data)
        return -1 if end is None else end.end()

    def body_bytes(self, head: bytes) -> int | None:
        length = self._length.search(head)
        return None if length is None else int(length.group(1))

    def find(self, data: bytes | bytearray) -> int:
        found = self._next.search(data)
        return -1 if found is None else found.start(1)


class ArcFraming(Framing):
    """A line `URL IP date type length` (version 2: with more fields before the length), then the
    body."""

    name: ClassVar = "ARC"
    separator: ClassVar = b"\n"
    _line = (
        rb"[A-Za-z][A-Za-z0-9+.\-]{0,20}:[^ \r\n]{0,8192} [^ \r\n]{1,64} \d{12,14} "
        rb"[^\r\n]{0,8192} \d{1,18}[ \t]*\r?\n"
    )
    _begin = re.compile(_line)
    _next = re.compile(rb"\n(" + _line + rb")")

    def begins(self, data: bytes | bytearray, at: int) -> bool:
        return self._begin.match(data, at) is not None

    def head_end(self, data: bytes | bytearray) -> int:
        return data.find(b"\n") + 1 or -1

    def body_bytes(self, head: bytes) -> int | None:
        return int(head.split()[-1])

    def find(self, data: bytes | bytearray) -> int:
        found = self._next.search(data)
        return -1 if found is None else found.start(1)


class Warc(HtmlSource):
    """Web archives: .warc, .wet and .arc, compressed or not."""

    format: ClassVar = "warc"
    version: ClassVar = 2
    distributions: ClassVar = ("brotli", "fastwarc", "resiliparse", "lz4", "zstandard")

    def share_before(self, file: InputFile, offset: int) -> float:
        """Offsets of records are those of the compressed file."""
        return min(1.0, offset / max(file.size_bytes, 1))

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Found]:
        path = split.file.path
        if split.file.size_bytes == 0:
            yield BadRecord(path, 0, "empty_file", "the file has no bytes")
            return
        with open_file(split.file) as raw:
            is_arc = _is_arc(ByteStream(raw, path, caps).read(HEAD_BYTES), path)
            raw.seek(0)
            stream = ByteStream(raw, path, caps, by_member=True)
            framing = ArcFraming() if is_arc else WarcFraming()
            # A response's header comes on top of the document.
            limit = caps.max_document_bytes + HEAD_BYTES
            for item in ArchiveReader(stream, framing, limit, split.file.size_bytes):
                if isinstance(item, Damage):
                    yield BadRecord(
                        path, item.offset, item.error, item.message, item.raw, item.part
                    )
                elif is_arc:
                    yield _arc_record(path, item, caps)
                else:
                    yield _warc_record(path, item, caps)


def _is_arc(start: bytes, path: str) -> bool:
    """By the first record; by the name where that one is damaged."""
    if ArcFraming().begins(start, 0):
        return True
    return not WarcFraming().begins(start, 0) and _ARC_NAME.search(path) is not None


def _warc_record(path: str, block: Block, caps: Caps) -> Found:
    headers = parse_headers(block.head)
    kind = (headers.get("WARC-Type") or "").strip().lower()
    if kind == "revisit":
        return Skipped("revisit")
    if kind in _SKIPPED_TYPES:
        return Skipped(f"warc_{kind}")
    if kind not in ("response", "conversion"):
        return Skipped("warc_other_type")
    url = (headers.get("WARC-Target-URI") or "").strip().strip("<>") or None
    record = Record(path, block.offset, part=block.part, url=url)
    stated = (headers.get("WARC-Date") or "").strip()
    if _is_date(stated):
        record.date, record.date_source = stated, "WARC-Date"
    if stated and record.date is None:
        record.meta["warc_date"] = stated
    if headers.get("WARC-Truncated"):
        record.meta["warc_truncated"] = headers.get("WARC-Truncated")
    if kind == "conversion":
        return _conversion(record, headers, block, caps)
    declared, _ = content_type(headers.get("Content-Type") or "")
    if declared not in ("", "application/http") and not block.body.startswith(b"HTTP/"):
        return Skipped("not_http")
    return _response(record, block, caps)


def _arc_record(path: str, block: Block, caps: Caps) -> Found:
    fields = block.head.decode("utf-8", "replace").split()
    url, stated = fields[0], next(field for field in fields[2:] if field.isdigit())
    if url.startswith("filedesc:"):
        return Skipped("arc_filedesc")
    if not url.startswith(("http:", "https:")):
        return Skipped("not_http")
    record = Record(path, block.offset, part=block.part, url=url)
    try:
        moment = datetime.strptime(stated.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        record.date = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        record.date_source = "WARC-Date"
    except ValueError:
        record.meta["arc_date"] = stated
    return _response(record, block, caps)


def _response(record: Record, block: Block, caps: Caps) -> Found:
    """A candidate only where the header says so; then its body, decoded, as `html`."""
    try:
        response = parse_response(block.body)
        if not 200 <= response.status < 300:
            return Skipped("http_status")
        if not _is_html(response):
            return Skipped("not_html")
        if block.body_bytes > len(block.body):
            return _too_large(record, block, caps)
        record.html = decode_body(response, caps.max_document_bytes)
    except HttpError as error:
        return BadRecord(
            record.path, record.offset, error.kind, str(error), _raw(block), record.part
        )
    record.encoding = response.charset
    record.last_modified = response.last_modified
    return record


def _conversion(record: Record, headers: HeaderMap, block: Block, caps: Caps) -> Found:
    """A WET record: text that another tool took out of the page."""
    if content_type(headers.get("Content-Type") or "text/plain")[0] != "text/plain":
        return Skipped("not_text")
    if block.body_bytes > min(len(block.body), caps.max_document_bytes):
        return _too_large(record, block, caps)
    outcome = decoded(record.path, record.offset, block.body)
    if isinstance(outcome, BadRecord):
        return BadRecord(
            record.path, record.offset, outcome.error, outcome.message, outcome.raw, record.part
        )
    record.text = outcome.text
    languages = headers.get("WARC-Identified-Content-Language")
    if languages:
        record.meta["content_languages"] = languages
    return record


def _is_html(response: HttpResponse) -> bool:
    """By the declared type; a response without one by its first bytes, as browsers do."""
    if response.media_type:
        return response.media_type in HTML_TYPES
    return _LOOKS_LIKE_HTML.search(response.body, 0, 1024) is not None


def _too_large(record: Record, block: Block, caps: Caps) -> BadRecord:
    bad = too_large(record.path, record.offset, _raw(block), block.body_bytes, caps)
    return BadRecord(bad.path, bad.offset, bad.error, bad.message, bad.raw, record.part)


def _raw(block: Block) -> bytes:
    return (block.head + block.body[:RAW_BYTES])[:RAW_BYTES]


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
