"""List files of the user: words, phrases, domains, rules, one per line.

UTF-8 (a byte order mark is fine), plain or gzip. White space around an entry is cut, blank lines
and lines that begin with `#` are not entries. Everything that can be wrong with a file is a
SpecError that names the file, what was found and what to do; stages read their lists before a run
starts and once per worker process.

Entries stay in Arrow, so that a list of millions of domains makes no Python objects.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import SpecError
from curate.stages.base import ModelFile

_GZIP = b"\x1f\x8b"
_RARE_LINE_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_WHITE_SPACE = "".join(chr(point) for point in range(0x3001) if chr(point).isspace())
_OTHER_ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class ListFile:
    """The entries of one file, in its order, and the digest of its bytes."""

    path: str
    sha256: str
    entries: pa.LargeStringArray

    def texts(self) -> list[str]:
        """The entries as Python strings: for lists of a few thousand."""
        found: list[str] = self.entries.to_pylist()
        return found

    def as_model(self, name: str) -> ModelFile:
        """How the file enters the fingerprint of a stage."""
        return ModelFile(name=name, path=self.path, sha256=self.sha256)


def read_list(path: str, comments: str = "#") -> ListFile:
    """Read a list file; relative paths are relative to the working directory.

    comments: lines that begin with this are no entries. Raises SpecError: missing, a folder,
    unreadable, damaged gzip, not UTF-8, or without entries. Cached per process while the file
    keeps its size and modification time.
    """
    full = Path(path).expanduser().absolute()
    try:
        state = full.stat()
    except OSError as error:
        raise SpecError(
            f"list file {path}: {_reason(error)}; give the path of a text file with one entry per "
            "line (relative paths are relative to the working directory)"
        ) from error
    if full.is_dir():
        raise SpecError(f"list file {path}: this is a folder; name the files in it one by one")
    return _read(str(full), path, comments, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _read(full: str, shown: str, comments: str, size_bytes: int, modified_ns: int) -> ListFile:
    del size_bytes, modified_ns
    try:
        data = Path(full).read_bytes()
    except OSError as error:
        raise SpecError(f"list file {shown}: {_reason(error)}; make it readable") from error
    digest = hashlib.sha256(data).hexdigest()
    entries = _entries(_decoded(_unpacked(data, shown), shown), comments)
    if len(entries) == 0:
        raise SpecError(
            f"list file {shown}: it holds no entry; put one entry on each line, or leave the list "
            "out of the configuration"
        )
    return ListFile(full, digest, entries)


def _unpacked(data: bytes, shown: str) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise SpecError(
            f"list file {shown}: damaged gzip ({error}); copy or download the file again"
        ) from error


def _decoded(data: bytes, shown: str) -> str:
    for mark, encoding in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            raise SpecError(
                f"list file {shown}: it is {encoding.upper()}, not UTF-8; convert it: "
                f"iconv -f {encoding} -t utf-8"
            )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"list file {shown}: line {line} is not UTF-8 (byte 0x{data[error.start]:02x}); "
            "convert it from the encoding it has, for example: iconv -f latin1 -t utf-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SpecError(
            f"list file {shown}: line {line} holds a NUL character, so this is no text; give a "
            "text file with one entry per line"
        )
    return text


def _entries(text: str, comments: str) -> pa.LargeStringArray:
    if any(end in text for end in _RARE_LINE_ENDS):
        text = "\n".join(text.splitlines())
    lines = pc.list_flatten(pc.split_pattern(pa.array([text], pa.large_string()), "\n"))
    trimmed = pc.utf8_trim(lines, _WHITE_SPACE)
    is_entry = pc.not_equal(trimmed, "")
    if comments:
        is_entry = pc.and_not(is_entry, pc.starts_with(trimmed, comments))
    return trimmed.filter(is_entry).cast(pa.large_string())


def _reason(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror or error)
