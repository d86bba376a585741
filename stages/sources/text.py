"""Plain text: one document per file, per line, or per block of lines between blank lines.

Bytes are taken as they are (UTF-8; a byte-order mark is dropped). Lines and blocks of uncompressed
files are cut by byte ranges; a block belongs to the range in which the blank line before it starts,
so any cut gives the same blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.files import FileSource, open_file
from curate.stages.sources.jsonl import too_large
from curate.stages.sources.lines import (
    BYTE_ORDER_MARK,
    RAW_BYTES,
    LineReader,
    line_splits,
    open_lines,
)
from curate.stages.sources.stream import ByteStream


class Text(FileSource):
    """Plain UTF-8 text."""

    format: ClassVar = "text"
    version: ClassVar = 1
    distributions: ClassVar = ("lz4", "zstandard")

    document: Literal["file", "line", "block"] = Field(
        "file", description="what one document is: a file, a line, or the lines between blank lines"
    )

    def splits(self, file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
        if self.document == "file":
            return super().splits(file, shard_input_bytes)
        return line_splits(file, shard_input_bytes)

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        path = split.file.path
        if split.file.size_bytes == 0:
            yield BadRecord(path, 0, "empty_file", "the file has no bytes")
        elif self.document == "file":
            data = whole_file(split.file, caps)
            yield data if isinstance(data, BadRecord) else decoded(path, 0, data)
        elif self.document == "line":
            with open_lines(split, caps) as lines:
                yield from _lines(path, lines, caps)
        else:
            with open_lines(split, caps, beyond_end=True) as lines:
                yield from _blocks(path, lines, split, caps)


def whole_file(file: InputFile, caps: Caps, keep_mark: bool = False) -> bytes | BadRecord:
    """The decompressed bytes of a file that is one document. keep_mark: with its byte-order
    mark."""
    with open_file(file) as raw:
        stream = ByteStream(raw, file.path, caps)
        data = stream.read_whole(caps.max_document_bytes)
    if stream.fault is not None:
        message = f"{stream.fault.message} (after {stream.offset} bytes)"
        return BadRecord(file.path, 0, stream.fault.error, message, data[:RAW_BYTES])
    if len(data) > caps.max_document_bytes:
        return too_large(file.path, 0, data[:RAW_BYTES], max(file.size_bytes, len(data)), caps)
    return data if keep_mark else data.removeprefix(BYTE_ORDER_MARK)


def decoded(path: str, offset: int, data: bytes) -> Record | BadRecord:
    """A document of UTF-8 bytes."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = (
            "; it looks like UTF-16, convert the file first"
            if data[:2] in (b"\xff\xfe", b"\xfe\xff")
            else ""
        )
        message = f"byte {error.start} is not UTF-8: {error.reason}{hint}"
        return BadRecord(path, offset, "invalid_utf8", message, data[:RAW_BYTES])
    if "\x00" in text:
        message = f"the text holds a NUL character at position {text.index(chr(0))}"
        return BadRecord(path, offset, "nul_character", message, data[:RAW_BYTES])
    return Record(path, offset, text)


def _lines(path: str, lines: LineReader, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
    for offset, line, length in lines:
        if length > len(line):
            yield too_large(path, offset, line, length, caps)
        elif not line or line.isspace():
            yield Skipped("blank_line")
        else:
            yield decoded(path, offset, line)
    damage = lines.damage(path)
    if damage is not None:
        yield damage


def _blocks(
    path: str, lines: LineReader, split: InputSplit, caps: Caps
) -> Iterator[Record | BadRecord | Skipped]:
    """Blocks that follow a blank line of this range, or the start of the file; the last one may end
    beyond the range."""
    block: _Block | None = None
    opens = split.start == 0
    for offset, line, length in lines:
        beyond = lines.end is not None and offset >= lines.end
        blank = length == len(line) and (not line or line.isspace())
        if blank and not beyond:
            yield Skipped("blank_line")
        if blank and block is not None:
            yield block.finish(path, caps)
            block = None
        if beyond and block is None and (blank or not opens):
            return
        if not blank and block is None and opens:
            block = _Block(offset)
        if block is not None:
            block.add(line, length, caps)
        opens = blank
    damage = lines.damage(path)
    if damage is not None:
        yield damage if block is None else replace(damage, offset=block.offset, raw=block.start())
    elif block is not None:
        yield block.finish(path, caps)


class _Block:
    """Lines of one block; above the limit only its first bytes are held."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._lines: list[bytes] = []
        self._bytes = -1

    def add(self, line: bytes, length: int, caps: Caps) -> None:
        self._bytes += length + 1
        if self._bytes <= caps.max_document_bytes:
            self._lines.append(line)
        else:
            self._lines = [self.start() or line[:RAW_BYTES]]

    def start(self) -> bytes:
        return b"\n".join(self._lines)[:RAW_BYTES]

    def finish(self, path: str, caps: Caps) -> Record | BadRecord:
        if self._bytes > caps.max_document_bytes:
            return too_large(path, self.offset, self.start(), self._bytes, caps)
        return decoded(path, self.offset, b"\n".join(self._lines))
