"""The body of an HTTP response as a browser would see it: transfer and content encodings undone,
within limits.

fastwarc parses the header; its own body decoding is not used, because it takes no limit, rejects
chunk extensions, and hands out a cut gzip body without a word. Crawlers often store bodies already
decoded under the original header, so a body that does not begin as its encoding says is taken as it
is; one that begins so and breaks later is damaged.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass

import brotli
import zstandard
from fastwarc.warc import HeaderMap

from curate.stages.sources.compression import ZSTD_WINDOW_BYTES

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*?)?\r?\n")
_STATUS = re.compile(r"^(?:HTTP/\d(?:\.\d+)?|ICY)\s+(\d{3})\b")


class HttpError(Exception):
    """A response that cannot be read. kind: the short error of the bad record."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Header of a response and its body as stored. media_type: lower case, without parameters, ""
    where none is given."""

    status: int
    media_type: str
    charset: str | None
    transfer_encoding: str
    content_encoding: str
    last_modified: str | None
    body: bytes


def parse_headers(head: bytes) -> HeaderMap:
    """Header lines with a status or version line before them."""
    if b"\r\n" not in head:
        head = head.replace(b"\n", b"\r\n")
    headers = HeaderMap("utf-8")
    headers.parse(io.BytesIO(head.rstrip(b"\r\n") + b"\r\n\r\n"))
    return headers


def parse_response(message: bytes) -> HttpResponse:
    """Split a response into header and body. Raises HttpError `bad_http` when it is none."""
    end = _BLANK_LINE.search(message)
    head, body = (message, b"") if end is None else (message[: end.start()], message[end.end() :])
    headers = parse_headers(head)
    status = _STATUS.match(headers.status_line or "")
    if status is None:
        raise HttpError("bad_http", "the record does not begin with an HTTP status line")
    media_type, charset = content_type(headers.get("Content-Type") or "")
    return HttpResponse(
        int(status.group(1)),
        media_type,
        charset,
        (headers.get("Transfer-Encoding") or "").strip().lower(),
        (headers.get("Content-Encoding") or "").strip().lower(),
        headers.get("Last-Modified"),
        body,
    )


def content_type(value: str) -> tuple[str, str | None]:
    """(media type, charset) of a Content-Type value."""
    charset = _CHARSET.search(value)
    return value.partition(";")[0].strip().lower(), charset.group(1) if charset else None


def decode_body(response: HttpResponse, limit: int) -> bytes:
    """Undo the encodings. limit: most bytes. Raises HttpError `bad_transfer_encoding`,
    `bad_content_encoding`, `unsupported_encoding` or `too_large`."""
    body = response.body
    codings = _codings(response.content_encoding)
    for coding in reversed(_codings(response.transfer_encoding)):
        body = _dechunked(body) if coding == "chunked" else _decoded(body, coding, limit)
    for coding in reversed(codings):
        body = _decoded(body, coding, limit)
    if len(body) > limit:
        raise HttpError(
            "too_large", f"{len(body)} bytes are more than engine.max_document_bytes ({limit})"
        )
    return body


def _codings(value: str) -> list[str]:
    names = (name.strip().removeprefix("x-") for name in value.split(","))
    return [name for name in names if name not in ("", "identity", "none", "binary", "utf-8")]


def _dechunked(body: bytes) -> bytes:
    """Undo chunked transfer coding; a body that begins with no chunk size was stored without it."""
    pieces: list[bytes] = []
    position = 0
    while True:
        size = _CHUNK_SIZE.match(body, position)
        if size is None:
            if not pieces:
                return body
            raise HttpError(
                "bad_transfer_encoding", f"no chunk size at byte {position} of the body"
            )
        length = int(size.group(1), 16)
        if length == 0:
            return b"".join(pieces)
        start = size.end()
        if start + length > len(body):
            if not pieces and length > len(body) * 16:
                return body
            raise HttpError(
                "bad_transfer_encoding", f"the chunk at byte {position} is longer than the body"
            )
        pieces.append(body[start : start + length])
        position = start + length
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        if position >= len(body):
            return b"".join(pieces)


def _decoded(body: bytes, coding: str, limit: int) -> bytes:
    if not body:
        return body
    if coding in ("gzip", "deflate"):
        return _inflated(body, coding, limit)
    if coding == "zstd":
        return _unzstd(body, limit)
    if coding == "br":
        return _unbrotli(body, limit)
    raise HttpError(
        "unsupported_encoding",
        f"the body is encoded as '{coding[:40]}', which nothing here can decode",
    )


def _inflated(body: bytes, coding: str, limit: int) -> bytes:
    if coding == "gzip" and body[:2] != b"\x1f\x8b":
        return body
    window = 31 if body[:2] == b"\x1f\x8b" else 15 if _is_zlib(body) else -15
    decoder = zlib.decompressobj(wbits=window)
    try:
        output = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        if window == -15 and body.lstrip()[:1] == b"<":
            return body
        raise HttpError("bad_content_encoding", f"the {coding} body is damaged: {error}") from error
    if not decoder.eof and len(output) <= limit:
        raise HttpError(
            "bad_content_encoding",
            f"the {coding} body is cut off after {len(output)} decoded bytes",
        )
    return output


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _unzstd(body: bytes, limit: int) -> bytes:
    if body[:4] != b"\x28\xb5\x2f\xfd":
        return body
    decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    try:
        with decoder.stream_reader(body) as reader:
            return reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise HttpError("bad_content_encoding", f"the zstd body is damaged: {error}") from error


def _unbrotli(body: bytes, limit: int) -> bytes:
    """Brotli has no magic number: a body that fails and begins with `<` was stored decoded."""
    decoder = brotli.Decompressor()
    output: bytes = b""
    try:
        output = decoder.process(body, output_buffer_limit=limit + 1)
        while len(output) <= limit and not decoder.is_finished():
            more = decoder.process(b"", output_buffer_limit=limit + 1 - len(output))
            if not more:
                break
            output += more
    except brotli.error as error:
        if body.lstrip()[:1] == b"<":
            return body
        raise HttpError("bad_content_encoding", f"the Brotli body is damaged: {error}") from error
    if not decoder.is_finished() and len(output) <= limit:
        if body.lstrip()[:1] == b"<":
            return body
        raise HttpError(
            "bad_content_encoding", f"the Brotli body is cut off after {len(output)} decoded bytes"
        )
    return output
