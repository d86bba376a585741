"""Decoders of the five compressions, one member or frame at a time, with bounded steps.

A decoder takes some compressed bytes and gives at most as many bytes back as it is asked for, so
that a few bytes that expand to gigabytes never stand in memory at once. Cost on one core, of
output: gzip 230 MB/s, zstd 380, lz4 300, bzip2 17.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.frame
import zstandard

MAGIC_BYTES = 16
GZIP_STEP_BYTES = 64 * 1024
STEP_BYTES = 1024
"""Compressed bytes per call of a decoder without an output limit: zstd makes at most 128 KiB of 4
bytes, so 32 MiB of these."""
ZSTD_WINDOW_BYTES = 2**31
"""Published archives use `--long=31`; zstd touches only the part of the window that has data."""

SUFFIXES = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".lz4": "lz4",
}


class Decoder(Protocol):
    """One member or frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...
    def needs_input(self) -> bool: ...


class GzipDecoder:
    """zlib keeps input beyond the output limit in `unconsumed_tail`. An error in a call discards
    what that call had decoded, so a copy of the state at the start of each input chunk lets the
    chunk be replayed byte by byte up to the damage."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._before = self._inner.copy()
        self._chunk = b""
        self._given = 0

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._before, self._chunk, self._given = self._inner.copy(), data, 0
        output = self._inner.decompress(data or self._inner.unconsumed_tail, max_length)
        self._given += len(output)
        return output

    def salvage(self) -> bytes:
        """After an error: what the failed call had decoded."""
        pieces: list[bytes] = []
        with contextlib.suppress(zlib.error):
            for index in range(len(self._chunk)):
                pieces += [self._before.decompress(self._chunk[index : index + 1])]
        return b"".join(pieces)[self._given :]


class _Library:
    """bz2, lzma and lz4 share one interface."""

    def __init__(
        self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor | lz4.frame.LZ4FrameDecompressor
    ) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data or b""

    def needs_input(self) -> bool:
        return bool(self._inner.needs_input)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return bytes(self._inner.decompress(data, max_length))


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def needs_input(self) -> bool:
        return True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(data)


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": GzipDecoder,
    "zstd": _Zstd,
    "bzip2": lambda: _Library(bz2.BZ2Decompressor()),
    "xz": lambda: _Library(lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    "lz4": lambda: _Library(lz4.frame.LZ4FrameDecompressor()),
}
MAGIC = {
    "gzip": b"\x1f\x8b\x08",
    "zstd": b"\x28\xb5\x2f\xfd",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "lz4": b"\x04\x22\x4d\x18",
}
DECODER_ERRORS = (
    zlib.error,
    OSError,
    EOFError,
    lzma.LZMAError,
    zstandard.ZstdError,
    RuntimeError,
    ValueError,
)


def compression_of(head: bytes) -> str | None:
    """Compression by the first 16 bytes; None where they are no known magic number."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if head[:4] == b"\x04\x22\x4d\x18":
        return "lz4"
    if head[:4] == b"\x28\xb5\x2f\xfd" or (
        head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F
    ):
        return "zstd"
    return None


def compression_of_name(path: str) -> str | None:
    """Compression that the file name claims."""
    return next((kind for suffix, kind in SUFFIXES.items() if path.lower().endswith(suffix)), None)
