"""CSV and TSV with a header row, by the standard library's reader on a bounded stream.

A record may span lines inside quotes, so a file is one split. Quarantined: rows with more or fewer
fields than the header, bytes that are not UTF-8, records above the limit. A stray quote swallows
the rows after it; then only its first line is given up and reading goes on at the next line, as
long as such second readings stay below four times the file. Locator: decompressed byte offset of
the record's first line. Cost: about 50 MB/s on one core; memory one record.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from curate.stages.sources.base import BadRecord, Caps, InputSplit, Record, Skipped
from curate.stages.sources.fields import FieldSource
from curate.stages.sources.jsonl import too_large
from curate.stages.sources.lines import RAW_BYTES, Line, LineReader, open_lines

RESCAN_LINES = 1000
"""A broken record with more lines is given up whole."""
RESCAN_FREE_BYTES = 2**20


class _TooLarge(Exception):
    """Raised through csv.reader when a record passes the limit."""


class Delimited(FieldSource):
    """What CSV and TSV share."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="character between fields")
    quotes: bool = Field(
        True, description='whether "…" may enclose a field; false takes quotes as text'
    )

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        path = split.file.path
        if split.file.size_bytes == 0:
            yield BadRecord(path, 0, "empty_file", "the file has no bytes")
            return
        # The reader's own limit holds for the whole process; the real one is kept by `_Feed`.
        csv.field_size_limit(2**31 - 1)
        with open_lines(split, caps) as lines:
            feed = _Feed(lines, caps)
            header, problem = self._header(feed)
            if problem is None:
                assert header is not None
                yield from self._rows(header, feed, path, caps)
            elif lines.damage(path) is None or header:
                yield BadRecord(path, 0, "wrong_schema", problem, feed.raw())
                return
            damage = lines.damage(path)
            if damage is not None:
                yield damage

    def _rows(
        self, header: list[str], feed: _Feed, path: str, caps: Caps
    ) -> Iterator[Record | BadRecord | Skipped]:
        while True:
            try:
                row = self._next(feed)
            except _TooLarge:
                yield too_large(path, feed.offset, feed.raw(), feed.record_bytes, caps)
                continue
            except csv.Error as error:
                yield BadRecord(path, feed.offset, "invalid_csv", str(error), feed.raw())
                continue
            if row is None:
                return
            if not row:
                yield Skipped("blank_line")
            elif feed.too_large:
                yield too_large(path, feed.offset, feed.raw(), feed.record_bytes, caps)
            elif len(row) != len(header):
                again = feed.read_again()
                message = f"{len(row)} fields where the header has {len(header)}"
                if again:
                    message += "; an unclosed quote, only its first line is given up"
                yield BadRecord(path, feed.offset, "ragged_row", message, feed.raw())
            else:
                yield self._record(header, row, feed, path)

    def _record(
        self, header: list[str], row: list[str], feed: _Feed, path: str
    ) -> Record | BadRecord:
        """A lone surrogate stands for a byte that was not UTF-8."""
        raw = feed.raw()
        try:
            "".join(row).encode("utf-8")
        except UnicodeEncodeError:
            return BadRecord(
                path, feed.offset, "invalid_utf8", "the row holds bytes that are not UTF-8", raw
            )
        return self.document(dict(zip(header, row, strict=True)), path, feed.offset, raw)

    def _next(self, feed: _Feed) -> list[str] | None:
        """The next record's fields, [] for a blank line, None at the end."""
        feed.start()
        if feed.reader is None and self.quotes:
            feed.reader = csv.reader(feed, delimiter=self.delimiter)
        elif feed.reader is None:
            feed.reader = csv.reader(feed, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        reader, feed.reader = feed.reader, None
        row = next(reader, None)
        feed.reader = reader
        return row

    def _header(self, feed: _Feed) -> tuple[list[str] | None, str | None]:
        """The column names, and why the file cannot be read by them."""
        try:
            header = self._next(feed)
            "".join(header or ()).encode("utf-8")
        except (_TooLarge, csv.Error, UnicodeEncodeError):
            return None, "the header row is no row of UTF-8 names"
        return header, self._header_problem(header) if header else "the file has no header row"

    def _header_problem(self, header: list[str]) -> str | None:
        if self.text_field not in header:
            names = ", ".join(header)[:500]
            return f"the header has no column '{self.text_field}' (text_field); it has: {names}"
        twice = sorted({name for name in header if header.count(name) > 1})
        return f"the header names a column twice: {', '.join(twice)[:500]}" if twice else None


class Csv(Delimited):
    """Comma-separated values with a header row."""

    format: ClassVar = "csv"
    version: ClassVar = 2
    distributions: ClassVar = ("lz4", "zstandard")


class Tsv(Delimited):
    """Tab-separated values with a header row."""

    format: ClassVar = "tsv"
    version: ClassVar = 2
    distributions: ClassVar = ("lz4", "zstandard")

    delimiter: str = Field("\t", min_length=1, max_length=1, description="character between fields")


class _Feed:
    """Hands lines to csv.reader and remembers those of the current record, so that it knows its
    offset and can step back."""

    def __init__(self, lines: LineReader, caps: Caps) -> None:
        self._source = iter(lines)
        self._again: deque[Line] = deque()
        self._record: list[Line] = []
        self._limit = caps.max_document_bytes
        self._read_bytes = 0
        self._rescanned_bytes = 0
        self.record_bytes = 0
        self.reader: Iterator[list[str]] | None = None
        """csv.reader over this feed; a new one after an exception, which leaves it in the middle of
        a record."""

    def start(self) -> None:
        """A new record begins at the next line."""
        self._record = []
        self.record_bytes = 0

    @property
    def offset(self) -> int:
        return self._record[0][0]

    @property
    def too_large(self) -> bool:
        """Whether the record is above the limit; a line that is so by itself was cut."""
        return self.record_bytes - 1 > self._limit

    def raw(self) -> bytes:
        """The first bytes of the record."""
        pieces, total = [], 0
        for _, line, _ in self._record:
            pieces.append(line)
            total += len(line) + 1
            if total > RAW_BYTES:
                break
        return b"\n".join(pieces)[:RAW_BYTES]

    def read_again(self) -> bool:
        """Give up only the first line of the current record; False where the record has one line or
        this would cost too much."""
        rest = self._record[1:]
        size = self.record_bytes
        budget = RESCAN_FREE_BYTES + 4 * self._read_bytes
        if not rest or len(rest) > RESCAN_LINES or self._rescanned_bytes + size > budget:
            return False
        self._rescanned_bytes += size
        self._again.extendleft(reversed(rest))
        self._record = self._record[:1]
        return True

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.record_bytes > self._limit:
            raise _TooLarge
        if self._again:
            line = self._again.popleft()
        else:
            line = next(self._source)
            self._read_bytes += line[2] + 1
        self._record.append(line)
        self.record_bytes += line[2] + 1
        return line[1].decode("utf-8", "surrogateescape") + "\n"
