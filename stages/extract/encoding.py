"""Which characters the bytes of a web page stand for.

In this order: byte-order mark; bytes that are valid UTF-8 beyond ASCII (servers that send UTF-8
under a Latin-1 label are common, the reverse hardly happens); the transport's header; the page's
own <meta>; detection by Resiliparse. Labels mean what they mean to browsers (WHATWG Encoding:
latin1 is windows-1252). Undecodable bytes become U+FFFD and are counted: a page with a few bad
bytes is still a page.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(
    rb"<meta[^>]{0,512}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE
)
META_BYTES = 8192
"""Pages must declare their encoding in the first 1,024 bytes; real ones are late."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A page as text. origin: where the encoding was found; replaced: U+FFFD written for
    undecodable bytes."""

    text: str
    encoding: str
    origin: str
    replaced: int


def decode_html(data: bytes, declared: str | None) -> Decoded:
    """Decode a page. declared: charset of the transport's Content-Type, None where it gave none.
    Never raises for content."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], encoding, "byte_order_mark")
    stated = ((_python_codec(declared), "header"), (_python_codec(_meta_charset(data)), "meta"))
    if _is_utf8_beyond_ascii(data):
        origin = next((where for codec, where in stated if codec == "utf-8"), "valid_utf8")
        return _decode(data, "utf-8", origin)
    attempts = [_decode(data, codec, where) for codec, where in stated if codec is not None]
    for attempt in attempts:
        if attempt.replaced == 0:
            return attempt
    if attempts:
        return attempts[0]
    return _decode(data, _python_codec(detect_encoding(data)) or "utf-8", "detected")


def _is_utf8_beyond_ascii(data: bytes) -> bool:
    """Text in another encoding is hardly ever valid UTF-8 with a character above ASCII."""
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


def _decode(data: bytes, encoding: str, origin: str) -> Decoded:
    text = data.decode(encoding, "replace")
    replaced = text.count("\ufffd")
    if replaced and encoding == "utf-8":
        replaced -= data.count("\ufffd".encode())
    return Decoded(text, encoding, origin, replaced)


def _meta_charset(data: bytes) -> str | None:
    match = _META.search(data, 0, META_BYTES)
    if match is None:
        return None
    name = match.group(1).decode("ascii")
    # A page that declares UTF-16 in ASCII bytes cannot be UTF-16 (WHATWG: read it as UTF-8).
    return "utf-8" if name.lower().startswith("utf-16") else name


def _python_codec(name: str | None) -> str | None:
    """Python's name of the encoding a browser would use for a label; None for an unknown label."""
    if not name:
        return None
    label = map_encoding_to_html5(name.strip().strip("\"'"), fallback_utf8=False)
    if label is None:
        return None
    try:
        codec = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    return codec.name if codec._is_text_encoding else None
