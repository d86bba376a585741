"""Lines of a byte stream with their offsets, in bounded memory.

A line ends at `\\n`; a `\\r` before it and a byte-order mark at the start of the file belong to no
line. A line above the limit is stepped over in chunks and only its first 64 KiB are kept. A range
owns the lines whose first byte lies in it, so any cut of a file gives the same lines in the same
order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit
from curate.stages.sources.compression import MAGIC_BYTES, compression_of, compression_of_name
from curate.stages.sources.files import open_file
from curate.stages.sources.stream import ByteStream

CHUNK_BYTES = 2**20
RAW_BYTES = 64 * 1024
"""Bytes of a bad record that are kept."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SLACK_BYTES = 4
"""A byte-order mark and a `\\r` do not count toward the limit."""

Line = tuple[int, bytes, int]
"""(offset of the first byte, the line without its end, its length); longer than the bytes where the
line was above the limit."""


class LineReader:
    """Iterate once over the lines that start in [start, end); `end=None` stands for the end of the
    stream.

    beyond_end: go on to the end of the stream; the caller stops when it has what began before
    `end`.
    """

    def __init__(
        self,
        stream: ByteStream,
        start: int,
        end: int | None,
        max_line_bytes: int,
        beyond_end: bool = False,
    ) -> None:
        self.end = end
        self._stream, self._start, self._limit = stream, start, max_line_bytes
        self._stop = None if beyond_end else end
        self._partial = (start, b"")

    def __iter__(self) -> Iterator[Line]:
        lines = self._lines()
        for offset, line, length in lines:
            if offset < self._start:
                continue
            if self._stop is not None and offset >= self._stop:
                return
            if offset == 0 and line.startswith(BYTE_ORDER_MARK):
                line, length = line[3:], length - 3
            if line.endswith(b"\r") and length == len(line):
                line, length = line[:-1], length - 1
            if length > self._limit:
                line = line[:RAW_BYTES]
            yield offset, line, length

    def damage(self, path: str) -> BadRecord | None:
        """What the stream's fault left behind; to be asked after the last line. A line it cut in
        two belongs to it."""
        fault = self._stream.fault
        if fault is None:
            return None
        offset, raw = self._partial
        return BadRecord(
            path, offset, fault.error, f"{fault.message} (after {self._stream.offset} bytes)", raw
        )

    def _lines(self) -> Iterator[Line]:
        """Pieces of the stream cut at `\\n`; the first one may start in the middle of a line."""
        offset = max(self._start - 1, 0)
        held: list[bytes] = []
        held_bytes = 0
        while chunk := self._stream.read(CHUNK_BYTES):
            first, newline, rest = chunk.partition(b"\n")
            if held_bytes <= self._limit + SLACK_BYTES:
                held.append(first)
            held_bytes += len(first)
            if not newline:
                if held_bytes > self._limit + SLACK_BYTES:
                    held = [b"".join(held)[:RAW_BYTES]]
                continue
            yield offset, b"".join(held), held_bytes
            offset += held_bytes + 1
            lines = rest.split(b"\n")
            last = lines.pop()
            for line in lines:
                length = len(line)
                yield offset, line, length
                offset += length + 1
            held, held_bytes = [last], len(last)
            if self._stop is not None and offset >= self._stop:
                return
        if self._stream.fault is not None:
            self._partial = (offset, b"".join(held)[:RAW_BYTES])
        elif held_bytes:
            yield offset, b"".join(held), held_bytes


@contextmanager
def open_lines(split: InputSplit, caps: Caps, beyond_end: bool = False) -> Iterator[LineReader]:
    """The lines of a split of a line format, compressed or not."""
    with open_file(split.file) as raw:
        if split.start > 0:
            raw.seek(split.start - 1)
            stream = ByteStream(raw, split.file.path, caps, sniff=False)
        else:
            stream = ByteStream(raw, split.file.path, caps)
        end = None if stream.compression else split.end
        yield LineReader(stream, split.start, end, caps.max_document_bytes, beyond_end)


def line_splits(file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
    """Cut an uncompressed file every `shard_input_bytes`; a compressed one stays whole."""
    size = file.size_bytes
    if size <= shard_input_bytes or _is_compressed(file):
        return [InputSplit(file, 0, size)]
    cuts = range(0, size, shard_input_bytes)
    return [InputSplit(file, start, min(start + shard_input_bytes, size)) for start in cuts]


def _is_compressed(file: InputFile) -> bool:
    if compression_of_name(file.path):
        return True
    with open_file(file) as raw:
        return compression_of(raw.read(MAGIC_BYTES)) is not None
