"""Records of web archives (WARC, ARC) out of a byte stream, around any damage.

Both formats are heads that state a length, and bodies. fastwarc parses the heads, but this framing
is our own: fastwarc 2.0 ends a file at its first damaged member, hands out records that the file's
end cuts off as if they were whole, and gives all records of one compressed member the same offset.
Here a record that cannot be read becomes a `Damage` and reading goes on at the next head, in the
same stream or in the next compressed member. Cost: 200-400 MB/s of output on one core, most of it
zlib; memory one record.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from curate.stages.sources.lines import RAW_BYTES
from curate.stages.sources.stream import ByteStream

FILL_BYTES = 256 * 1024
HEAD_BYTES = 64 * 1024
OVERLAP_BYTES = 16 * 1024
"""Kept while searching for the next head: longer than any head line that is looked for."""

_LINE_ENDS = re.compile(rb"[\r\n]+")


class Framing(ABC):
    """How the heads of a format look."""

    name: ClassVar[str]
    separator: ClassVar[bytes]
    """What follows a body."""

    @abstractmethod
    def begins(self, data: bytes | bytearray, at: int) -> bool:
        """Whether a head begins at `at`."""

    @abstractmethod
    def head_end(self, data: bytes | bytearray) -> int:
        """Where the body begins for a head at 0; -1 when the head goes on beyond `data`."""

    @abstractmethod
    def body_bytes(self, head: bytes) -> int | None:
        """The length that a head states; None where it states none."""

    @abstractmethod
    def find(self, data: bytes | bytearray) -> int:
        """The first position after 0 where a head begins at the start of a line; -1 where none
        does."""


@dataclass(frozen=True, slots=True)
class Block:
    """A record. `body` holds its first bytes only where `body_bytes` is more than the reader's
    limit."""

    offset: int
    part: int | None
    head: bytes
    body: bytes
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A record, or bytes between records, that cannot be read."""

    offset: int
    part: int | None
    error: str
    message: str
    raw: bytes


class ArchiveReader:
    """Iterate over the records of a stream opened with `by_member=True`.

    max_body_bytes: of a longer body only the first 64 KiB are kept. file_bytes: size of the file,
    by which a length that an uncompressed file cannot hold is seen before its body is read.
    """

    def __init__(
        self, stream: ByteStream, framing: Framing, max_body_bytes: int, file_bytes: int
    ) -> None:
        self._stream, self._framing, self._limit = stream, framing, max_body_bytes
        self._end = file_bytes if stream.compression is None else None
        self._data = bytearray()
        self._base = 0
        self._members: deque[tuple[int, int]] = deque()
        self._last_member = -1
        self._current = (0, 0)
        self._records_in_member = 0
        self._fault_reported = False
        self._rescan_budget = 4 * max_body_bytes

    def __iter__(self) -> Iterator[Block | Damage]:
        while True:
            self._skip_blank()
            if self._data:
                yield self._record()
            elif self._stream.fault is None:
                return
            else:
                if not self._fault_reported:
                    yield self._damage(*self._locate(), "", "", b"")
                self._fault_reported = False
                if not self._resume():
                    return

    def _record(self) -> Block | Damage:
        offset, part = self._locate()
        if not self._framing.begins(self._look_ahead(), 0):
            raw = bytes(self._data[:RAW_BYTES])
            self._resync()
            return self._damage(
                offset, part, "damaged_record", f"no {self._framing.name} record begins here", raw
            )
        head_end = self._head_end()
        head = bytes(self._data[: max(head_end, 0)])
        length = self._framing.body_bytes(head) if head_end > 0 else None
        if length is None:
            raw = bytes(self._data[:RAW_BYTES])
            what = "has no end" if head_end < 0 else "states no valid length"
            self._resync()
            return self._damage(
                offset, part, "damaged_record", f"the {self._framing.name} head {what}", raw
            )
        if self._end is not None and self._base + head_end + length > self._end:
            left = self._end - self._base - head_end
            raw = bytes(self._data[:RAW_BYTES])
            self._resync()
            message = f"the record states {length} bytes, the file has {left} left"
            return self._damage(offset, part, "truncated_record", message, raw)
        body, got = self._body(head_end, length)
        raw = (head + body)[:RAW_BYTES]
        if got < length:
            self._step_back(body, got, length)
            message = f"the record states {length} bytes and has {got}"
            return self._damage(offset, part, "truncated_record", message, raw)
        if not self._ends_here():
            self._resync()
            message = f"the record is longer than the {length} bytes that it states"
            return self._damage(offset, part, "damaged_record", message, raw)
        if not self._data and self._fault_in_last_member():
            return self._damage(offset, part, "", "", raw)
        return Block(offset, part, head, body, length)

    def _damage(
        self, offset: int, part: int | None, error: str, message: str, raw: bytes
    ) -> Damage:
        """The stream's own fault, where it has come to one, is the better reason."""
        fault = self._stream.fault
        if fault is not None and not self._data:
            self._fault_reported = True
            message = f"{fault.message} (after {self._stream.offset} bytes)"
            return Damage(offset, part, fault.error, message, raw)
        return Damage(offset, part, error, message, raw)

    def _fault_in_last_member(self) -> bool:
        """Whether the stream broke in the member of the last bytes: a wrong checksum comes after
        all of its data."""
        stream = self._stream
        return stream.fault is not None and stream.in_member and stream.member == self._last_member

    def _resume(self) -> bool:
        if self._stream.compression is None:
            return False
        return self._stream.resume(lambda data: self._framing.begins(data, 0))

    def _locate(self) -> tuple[int, int | None]:
        """(offset, part) of a record that starts at the current position."""
        if self._stream.compression is None:
            return self._base, None
        if not self._data and self._stream.member != self._last_member:
            return self._stream.member, None
        before = self._current
        while self._members and self._members[0][0] <= self._base:
            self._current = self._members.popleft()
        if self._current != before:
            self._records_in_member = 0
        position, compressed = self._current
        if position == self._base:
            return compressed, None
        self._records_in_member += 1
        return compressed, self._records_in_member

    def _fill(self) -> bool:
        """Take more of the stream into the buffer; False at its end."""
        chunk = self._stream.read(FILL_BYTES)
        if not chunk:
            return False
        if self._stream.member != self._last_member:
            self._last_member = self._stream.member
            self._members.append((self._base + len(self._data), self._stream.member))
        self._data += chunk
        return True

    def _drop(self, count: int) -> None:
        del self._data[:count]
        self._base += count

    def _look_ahead(self) -> bytearray:
        """The buffer with enough of it to tell a head by, where the stream has that much."""
        while len(self._data) < OVERLAP_BYTES and b"\n" not in self._data and self._fill():
            pass
        return self._data

    def _skip_blank(self) -> None:
        """Line ends between records."""
        while True:
            blank = _LINE_ENDS.match(self._data)
            self._drop(blank.end() if blank else 0)
            if self._data or not self._fill():
                return

    def _head_end(self) -> int:
        while True:
            end = self._framing.head_end(self._data)
            if end > 0 or len(self._data) > HEAD_BYTES or not self._fill():
                return end

    def _body(self, head_end: int, length: int) -> tuple[bytes, int]:
        """Step over a head and its body: (bytes kept, bytes there were). A member in which a new
        record begins ends a body."""
        start = self._base
        self._drop(head_end)
        kept = bytearray()
        got = 0
        while got < length:
            if not self._data and not self._fill():
                break
            piece = min(len(self._data), length - got)
            cut = self._next_record_start(start)
            if cut is not None:
                piece = min(piece, cut - self._base)
            if length <= self._limit or len(kept) < RAW_BYTES:
                kept += self._data[:piece]
            got += piece
            self._drop(piece)
            if cut == self._base:
                break
        return bytes(kept if length <= self._limit else kept[:RAW_BYTES]), got

    def _next_record_start(self, after: int) -> int | None:
        """Position of a member in the buffer, beyond `after`, that begins with a head."""
        for position, _ in self._members:
            inside = position - self._base
            if position > after and inside >= 0 and self._framing.begins(self._data, inside):
                return position
        return None

    def _step_back(self, body: bytes, got: int, length: int) -> None:
        """After a body that the stream's end cut: its length may be wrong, so go on at the first
        head inside of it."""
        if (
            self._data
            or self._stream.fault is not None
            or length > self._limit
            or got > self._rescan_budget
        ):
            return
        self._rescan_budget -= got
        inside = self._framing.find(body)
        if inside > 0:
            self._data += body[inside:]
            self._base -= got - inside

    def _ends_here(self) -> bool:
        """After a body: whether the end of a record, another record, another member or the end of
        the stream follows."""
        while len(self._data) < len(self._framing.separator) and self._fill():
            pass
        whole = self._data.startswith(self._framing.separator)
        self._skip_blank()
        if whole or not self._data or self._framing.begins(self._look_ahead(), 0):
            return True
        return any(position == self._base for position, _ in self._members)

    def _resync(self) -> None:
        """Drop bytes up to the next head."""
        start = self._base
        while True:
            found = self._framing.find(self._data)
            cut = self._next_record_start(start)
            if cut is not None and (found < 0 or cut - self._base < found):
                found = cut - self._base
            if found > 0:
                self._drop(found)
                return
            self._drop(max(0, len(self._data) - OVERLAP_BYTES))
            if not self._fill():
                self._drop(len(self._data))
                return
