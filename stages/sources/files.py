"""From patterns to a list of files that is the same everywhere.

A pattern is a file, a glob (`*`, `**`, `?`, `[…]`) or an fsspec URL of either; relative ones start
at the pipeline file's folder. A file's relative path is what stands below the longest glob-free
folder of its pattern, so document ids hold no machine path. A file that two patterns match counts
once, under the first of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from curate.errors import SpecError
from curate.stages.sources.base import InputFile, InputSplit, Source

GLOB_CHARACTERS = frozenset("*?[")
REMOTE_BLOCK_BYTES = 8 * 2**20


class FileSource(Source):
    """A source whose input is the files that `paths` match; a file is one split unless a format can
    cut it."""

    def files(self, folder: str) -> list[InputFile]:
        """Files in order of the UTF-8 bytes of `path`, each once. Raises SpecError naming every
        pattern without a match."""
        if not self.paths:
            raise SpecError(
                f"paths: the format '{self.format}' needs a file or a glob, such as 'data/*'"
            )
        return list_files(self.paths, folder)

    def splits(self, file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
        """The whole file."""
        return [InputSplit(file, 0, file.size_bytes)]


def list_files(patterns: Iterable[str], folder: str) -> list[InputFile]:
    """Expand `patterns`; see the module's text. Raises SpecError with one line per pattern that
    cannot be used."""
    found: dict[str, InputFile] = {}
    problems: list[str] = []
    for pattern in patterns:
        try:
            for file in _expand(pattern, folder):
                found.setdefault(file.url, file)
        except SpecError as error:
            problems.append(str(error))
    by_path: dict[str, InputFile] = {}
    for file in found.values():
        twin = by_path.setdefault(file.path, file)
        if twin is not file:
            problems.append(
                f"paths: {twin.url} and {file.url} would both be '{file.path}' in document ids; "
                "match them by one pattern that starts at their common folder, or make two sources"
            )
    if problems:
        raise SpecError("\n".join(problems))
    return sorted(by_path.values(), key=lambda file: file.path.encode())


def open_file(file: InputFile) -> BinaryIO:
    """Open for seeking reads; remote files are read ahead in blocks of 8 MiB."""
    if "://" not in file.url:
        return open(file.url, "rb")
    system, path = fsspec.url_to_fs(file.url)
    opened = system.open(path, "rb", block_size=REMOTE_BLOCK_BYTES, cache_type="readahead")
    return cast(BinaryIO, opened)


def _expand(pattern: str, folder: str) -> Iterator[InputFile]:
    location = _anchor(pattern, folder)
    try:
        system, path = fsspec.url_to_fs(location)
        system.invalidate_cache()
        if isinstance(system, LocalFileSystem):
            yield from _local(pattern, path)
        else:
            yield from _remote(system, pattern, path)
    except SpecError:
        raise
    except Exception as error:
        # Each storage library has its own exceptions for a wrong bucket or missing credentials.
        reason = f"{type(error).__name__}: {error}"
        raise SpecError(
            f"paths: cannot list '{pattern}' ({reason}); check the address and the credentials"
        ) from error


def _anchor(pattern: str, folder: str) -> str:
    if "://" in pattern:
        return pattern
    pattern = os.path.expanduser(pattern)
    if os.path.isabs(pattern):
        return pattern
    return (
        f"{folder.rstrip('/')}/{pattern}"
        if "://" in folder
        else os.path.abspath(os.path.join(folder, pattern))
    )


def _prefix(path: str) -> str:
    """The folder above the first part that holds a glob character, or above the file where none
    does."""
    parts = path.split("/")
    globbed = (index for index, part in enumerate(parts) if GLOB_CHARACTERS & set(part))
    return "/".join(parts[: next(globbed, len(parts) - 1)])


def _local(pattern: str, path: str) -> Iterator[InputFile]:
    if os.path.isdir(path):
        raise _folder_given(pattern)
    if os.path.isfile(path):
        yield _local_file(path, os.path.dirname(path))
        return
    prefix, empty = _prefix(path), True
    for match in LocalFileSystem(skip_instance_cache=True).glob(path):
        if os.path.isfile(match):
            empty = False
            yield _local_file(match, prefix)
    if empty:
        raise _nothing(pattern, prefix)


def _local_file(path: str, prefix: str) -> InputFile:
    status = os.stat(path)
    assert stat.S_ISREG(status.st_mode)
    relative = os.path.relpath(path, prefix or "/").replace(os.sep, "/")
    return InputFile(_printable(relative), path, status.st_size, str(status.st_mtime_ns))


def _remote(system: fsspec.AbstractFileSystem, pattern: str, path: str) -> Iterator[InputFile]:
    if system.isfile(path):
        matches = {path: system.info(path)}
        prefix = path.rpartition("/")[0]
    else:
        if not GLOB_CHARACTERS & set(path) and system.isdir(path):
            raise _folder_given(pattern)
        prefix = _prefix(path)
        found = system.glob(path, detail=True)
        matches = {
            name: info
            for name, info in found.items()
            if info["type"] == "file" and not name.endswith("/")
        }
    if not matches:
        raise _nothing(pattern, prefix)
    for name, info in matches.items():
        relative = name[len(prefix) :].lstrip("/")
        yield InputFile(
            _printable(relative), system.unstrip_protocol(name), int(info["size"]), _stamp(info)
        )


def _stamp(info: dict[str, object]) -> str:
    for key in ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "created"):
        if info.get(key):
            return str(info[key]).strip('"')
    return f"size-{info['size']}"


def _printable(path: str) -> str:
    """File names that are not UTF-8 get `\\xNN` for the odd bytes, so that ids stay valid UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _folder_given(pattern: str) -> SpecError:
    return SpecError(
        f"paths: '{pattern}' is a folder; "
        f"write '{pattern.rstrip('/')}/*' (or '/**/*' for all below it)"
    )


def _nothing(pattern: str, prefix: str) -> SpecError:
    return SpecError(f"paths: '{pattern}' matches no file (looked below {prefix or '/'})")
