"""Bytes of a file, decompressed on the way, in bounded memory.

The first bytes say which compression it is (gzip, zstd, bzip2, xz, lz4); the name matters only
where they say nothing: a `.gz` that holds plain text (an HTTP client unpacked it) is read as text,
other bytes are a corrupt stream. Members and frames may follow each other. A damaged stream is no
exception: what could be decoded is handed out, then `fault` says what happened. Memory: some MiB
and the window of the compression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from curate.stages.sources.base import Caps
from curate.stages.sources.compression import (
    DECODER_ERRORS,
    DECODERS,
    GZIP_STEP_BYTES,
    MAGIC,
    MAGIC_BYTES,
    STEP_BYTES,
    Decoder,
    GzipDecoder,
    compression_of,
    compression_of_name,
)

READ_BYTES = 64 * 1024
RATIO_FREE_BYTES = 64 * 2**20
"""Output below which the expansion ratio is not judged: small files of one repeated byte are
honest."""
PROBE_BYTES = 8192
"""Bytes of a member that are decoded to tell whether it is one."""


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Why a stream ended early: `truncated_stream`, `corrupt_stream` or `expansion_limit`, and a
    sentence."""

    error: str
    message: str


class ByteStream:
    """Read `raw` from its current position (the start, for a compressed file).

    `offset` counts the bytes handed out. After `read` returned b"", `fault` tells a clean end
    (None) from a damaged one. OSError of the storage itself is raised: it is no property of the
    data. by_member: no `read` goes beyond the end of a member, and `member` is the compressed
    offset at which the member of the last bytes starts.
    """

    def __init__(
        self, raw: BinaryIO, path: str, caps: Caps, sniff: bool = True, by_member: bool = False
    ) -> None:
        self.fault: StreamFault | None = None
        self.offset = 0
        self.compression: str | None = None
        self.member = 0
        self._by_member = by_member
        self._raw, self._caps = raw, caps
        self._consumed = 0
        self._input = b""
        self._decoder: Decoder | None = None
        if sniff:
            self._input = self._more()
            self.compression = compression_of(self._input)
            self._distrust_name(path)

    @property
    def in_member(self) -> bool:
        """Whether a member has begun and not ended; of a fault: whether it hit in a member, not
        between two."""
        return self._decoder is not None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, never less than one before the end (zstd and damaged streams may hand
        out more)."""
        if self.fault is not None:
            return b""
        data = self._decode(size) if self.compression else self._plain(size)
        self.offset += len(data)
        return data

    def read_whole(self, limit: int) -> bytes:
        """All bytes, or the first ones past `limit` when there are more."""
        pieces, total = [], 0
        while total <= limit and (piece := self.read(2**20)):
            pieces.append(piece)
            total += len(piece)
        return b"".join(pieces)

    def resume(self, begins: Callable[[bytes], bool]) -> bool:
        """After a fault of a seekable file: go on at the next member whose first bytes `begins`
        accepts; False if none follows."""
        assert self.compression is not None and self.fault is not None
        if self.fault.error == "expansion_limit":
            return False
        position = self._find_member(self.member + 1, begins)
        if position is None:
            return False
        self._raw.seek(position)
        self._consumed, self._input, self._decoder, self.fault = position, b"", None, None
        return True

    def _find_member(self, position: int, begins: Callable[[bytes], bool]) -> int | None:
        """Compressed offset of the next member at or after `position` that decodes to what `begins`
        accepts."""
        assert self.compression is not None
        magic = MAGIC[self.compression]
        self._raw.seek(position)
        window = b""
        while chunk := self._raw.read(READ_BYTES):
            window += chunk
            while (found := window.find(magic)) >= 0:
                if begins(self._first_bytes(position + found)):
                    return position + found
                self._raw.seek(position + len(window))
                window, position = window[found + 1 :], position + found + 1
            kept = len(magic) - 1
            position += len(window) - kept
            window = window[-kept:]
        return None

    def _first_bytes(self, position: int) -> bytes:
        """What a member at `position` begins with; b"" where it is none."""
        assert self.compression is not None
        self._raw.seek(position)
        data = self._raw.read(2 * STEP_BYTES)
        try:
            return DECODERS[self.compression]().decompress(data, PROBE_BYTES)[:PROBE_BYTES]
        except DECODER_ERRORS:
            return b""

    def _distrust_name(self, path: str) -> None:
        claimed = compression_of_name(path)
        if claimed and not self.compression and self._input and not _looks_like_text(self._input):
            self.compression = claimed
            self._fail(
                "corrupt_stream",
                f"the name says {claimed}, the first bytes are no {claimed} header",
            )

    def _plain(self, size: int) -> bytes:
        if self._input:
            data, self._input = self._input[:size], self._input[size:]
            return data
        return self._raw.read(size)

    def _more(self) -> bytes:
        data = self._raw.read(READ_BYTES)
        self._consumed += len(data)
        return data

    def _decode(self, size: int) -> bytes:
        pieces: list[bytes] = []
        wanted = size
        while wanted > 0 and self.fault is None:
            piece = self._step(wanted)
            if piece is None:
                break
            if piece:
                pieces.append(piece)
                wanted -= len(piece)
                self._check_ratio(self.offset + size - wanted)
            if pieces and self._by_member and self._decoder is None:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _step(self, wanted: int) -> bytes | None:
        """One call of the decoder; None at the clean end of the file."""
        if self._decoder is None and not self._next_member():
            return None
        decoder = self._decoder
        assert decoder is not None
        data = b""
        if decoder.needs_input():
            self._input = self._input or self._more()
            if not self._input:
                self._fail(
                    "truncated_stream",
                    f"the {self.compression} stream ends in the middle of its data",
                )
                return b""
            step = GZIP_STEP_BYTES if isinstance(decoder, GzipDecoder) else STEP_BYTES
            data, self._input = self._input[:step], self._input[step:]
        try:
            output = decoder.decompress(data, wanted)
        except DECODER_ERRORS as error:
            self._fail("corrupt_stream", f"the {self.compression} stream is damaged: {error}")
            return decoder.salvage() if isinstance(decoder, GzipDecoder) else b""
        if decoder.eof:
            self._input = decoder.unused_data + self._input
            self._decoder = None
        return output

    def _next_member(self) -> bool:
        """Start the member at the current position; False at the end of the file. Zero padding
        between members is allowed."""
        assert self.compression is not None
        while True:
            if self.offset or self._consumed > len(self._input):
                self._input = self._input.lstrip(b"\x00")
            if self._input:
                break
            self._input = self._more()
            if not self._input:
                return False
        if len(self._input) < MAGIC_BYTES:
            self._input += self._more()
        if compression_of(self._input) != self.compression:
            self._fail(
                "corrupt_stream",
                f"bytes after the {self.compression} stream that are no {self.compression} data",
            )
            return False
        self._decoder = DECODERS[self.compression]()
        self.member = self._consumed - len(self._input)
        return True

    def _check_ratio(self, produced: int) -> None:
        limit = self._caps.max_expansion_ratio
        if produced > RATIO_FREE_BYTES and produced > limit * self._consumed:
            self._fail(
                "expansion_limit",
                f"more than {limit} bytes per compressed byte; raise engine.max_expansion_ratio",
            )

    def _fail(self, error: str, message: str) -> None:
        self.fault = StreamFault(error, message)


def _looks_like_text(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8
    return b"\x00" not in head
