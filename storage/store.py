"""One folder, local or remote, through fsspec: atomic publishing, checksums, listing.

A file appears under its name complete or not at all. Local: temporary name, fsync, rename, fsync of
the folder. Object store: one PUT or multipart upload that becomes visible on completion. Checksums
are xxh3-64 over the bytes written, computed on the way.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import fsspec
import xxhash

from curate.errors import CurateError, DataError

PIECE_BYTES = 256 * 2**10
"""What is read at once where a file passes through: it stays in the processor's cache. Pieces of
8 MB come from new pages each time and cost three to five times as much.
"""


class DamagedFile(CurateError):
    """A file that a record names is missing, has another size, or fails its checksum."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A published file: path relative to the store, size in bytes, xxh3-64 of the bytes, rows (0
    where it has none).
    """

    path: str
    size_bytes: int
    checksum: int
    rows: int = 0


class HashingFile:
    """A write-only file object that counts and hashes what passes through (position never goes
    back).
    """

    def __init__(self, path: str, target: IO[bytes]) -> None:
        self._path, self._target = path, target
        self._hash = xxhash.xxh3_64()
        self.size_bytes = 0
        self.closed = False
        self.abandoned = False
        """Set when writing failed: what a library's finaliser still sends goes nowhere."""

    def write(self, data: Any) -> int:
        if self.abandoned:
            return memoryview(data).nbytes
        self._target.write(data)
        self._hash.update(data)
        length = memoryview(data).nbytes
        self.size_bytes += length
        return length

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        self._target.flush()

    def close(self) -> None:
        """Keep the target open: publishing closes it after the last byte."""
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    @property
    def checksum(self) -> int:
        return int(self._hash.intdigest())

    def ref(self, rows: int = 0) -> FileRef:
        """Of the file once it is published, after its last byte."""
        return FileRef(self._path, self.size_bytes, self.checksum, rows)


class Creation:
    """A file that grows over many calls: write to `file`, then `close` or `abandon` it."""

    def __init__(self, store: Store, path: str) -> None:
        self._block = store.create(path)
        self.file = self._block.__enter__()

    def close(self) -> None:
        """Publish the file."""
        self._block.__exit__(None, None, None)

    def abandon(self, error: BaseException) -> None:
        """Drop what was written; nothing happens to a file that is published."""
        try:
            self._block.__exit__(type(error), error, error.__traceback__)
        except BaseException as raised:  # the block raises what it was given
            if raised is not error:
                raise


class Store:
    """A folder by fsspec URL. Paths are relative with `/`. Picklable; opens its file system once
    per process. Raises DataError for an address that no installed library reads.
    """

    def __init__(self, url: str) -> None:
        self.url = url if "://" in url else os.path.abspath(url)
        self._connect()

    def _connect(self) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise DataError(f"{self.url}: cannot be opened: {error}") from error
        self._root = root.rstrip("/")
        self.is_local = "file" in (
            self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        )

    def __getstate__(self) -> dict[str, str]:
        return {"url": self.url}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.url = state["url"]
        self._connect()

    def full(self, path: str) -> str:
        """The path as the file system knows it."""
        return f"{self._root}/{path}" if path else self._root

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[HashingFile]:
        """Write a file that appears under `path` when the block ends without an exception."""
        if self.is_local:
            with self._create_local(path) as writer:
                yield writer
        else:
            with self._create_remote(path) as writer:
                yield writer

    @contextlib.contextmanager
    def _create_local(self, path: str) -> Iterator[HashingFile]:
        final = self.full(path)
        folder = os.path.dirname(final)
        os.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{os.path.basename(final)}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            with open(temporary, "wb") as file:
                writer = HashingFile(path, file)
                try:
                    yield writer
                except BaseException:
                    writer.abandoned = True
                    raise
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, final)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)

    @contextlib.contextmanager
    def _create_remote(self, path: str) -> Iterator[HashingFile]:
        file = self._fs.open(self.full(path), "wb")
        writer = HashingFile(path, file)
        try:
            yield writer
        except BaseException:
            writer.abandoned = True
            file.discard()
            file.closed = True  # or its finaliser would try to upload what is left
            raise
        file.close()

    def publish(self, path: str, data: bytes) -> FileRef:
        """Write `data` whole."""
        with self.create(path) as file:
            file.write(data)
        return file.ref()

    def create_exclusively(self, path: str, data: bytes) -> bool:
        """Write a small file unless one is there; False when there is. Two writers at once: one
        wins on a local disk, and nobody sees half of its file; an object store without conditional
        writes cannot promise it.
        """
        if not self.is_local:
            if self.exists(path):
                return False
            self.publish(path, data)
            return True
        complete = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
        self.publish(complete, data)
        try:
            os.link(self.full(complete), self.full(path))
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links: the file is there before its bytes
            try:
                with open(self.full(path), "xb") as file:
                    file.write(data)
            except FileExistsError:
                return False
        finally:
            self.delete(complete)
        return True

    def append(self, path: str, data: bytes) -> None:
        """Add bytes at the end of a small log. Object stores have no append: the object is written
        again whole.
        """
        if self.is_local:
            os.makedirs(os.path.dirname(self.full(path)), exist_ok=True)
            with open(self.full(path), "ab") as file:
                file.write(data)
        else:
            self.publish(path, (self.read(path) if self.exists(path) else b"") + data)

    def open(self, path: str) -> IO[bytes]:
        """Open for reading. Raises DamagedFile when it does not exist."""
        try:
            if self.is_local:
                return open(self.full(path), "rb")
            file: IO[bytes] = self._fs.open(self.full(path), "rb")
            return file
        except FileNotFoundError as error:
            raise DamagedFile(path, "the file is missing") from error

    def read(self, path: str) -> bytes:
        """All bytes of a small file. Raises DamagedFile when it does not exist."""
        with self.open(path) as file:
            return file.read()

    def read_range(
        self, path: str, offset: int, size_bytes: int, whole_bytes: int | None = None
    ) -> bytes:
        """Part of a file, without keeping it open. Raises DamagedFile when it does not exist, is
        shorter, or is not of `whole_bytes` in all (where given).
        """
        if whole_bytes is not None and (found := self.size(path)) != whole_bytes:
            reason = f"{found} bytes, recorded were {whole_bytes}"
            raise DamagedFile(path, reason if found is not None else "the file is missing")
        try:
            if self.is_local:
                with open(self.full(path), "rb", buffering=0) as file:
                    data = os.pread(file.fileno(), size_bytes, offset)
                    while len(data) < size_bytes and (  # Linux gives 2 GiB at once
                        more := os.pread(file.fileno(), size_bytes - len(data), offset + len(data))
                    ):
                        data += more
            else:
                # By name: s3fs has another parameter in second place.
                data = self._fs.cat_file(self.full(path), start=offset, end=offset + size_bytes)
        except FileNotFoundError as error:
            raise DamagedFile(path, "the file is missing") from error
        if len(data) != size_bytes:
            raise DamagedFile(path, f"ends before byte {offset + size_bytes}")
        return bytes(data)

    def exists(self, path: str) -> bool:
        return self.size(path) is not None

    def size(self, path: str) -> int | None:
        """Size in bytes, None when there is no such file; a folder is none."""
        try:
            info = self._fs.info(self.full(path))
        except FileNotFoundError:
            return None
        return None if info["type"] == "directory" else int(info["size"])

    def sizes(self, folder: str) -> dict[str, int]:
        """Every finished file below `folder`: relative path -> size in bytes."""
        prefix = self.full("") + "/"
        try:
            found = self._fs.find(self.full(folder), detail=True)
        except FileNotFoundError:
            return {}
        names = {str(name): info for name, info in found.items()}
        return {
            name.removeprefix(prefix): int(info["size"])
            for name, info in sorted(names.items())
            if not name.endswith(".tmp")
        }

    def checksum(self, path: str) -> int:
        """xxh3-64 of a file's bytes, read in pieces."""
        digest = xxhash.xxh3_64()
        with self.open(path) as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
        return int(digest.intdigest())

    def verify(self, ref: FileRef) -> None:
        """Read every byte of a file. Raises DamagedFile."""
        size = self.size(ref.path)
        if size is None:
            raise DamagedFile(ref.path, "the file is missing")
        if size != ref.size_bytes:
            raise DamagedFile(ref.path, f"{size} bytes, recorded were {ref.size_bytes}")
        if self.checksum(ref.path) != ref.checksum:
            raise DamagedFile(ref.path, "its bytes do not match the recorded checksum")

    def move(self, path: str, target: str) -> None:
        """Rename inside the store; atomic on a local disk, copy and delete on an object store. An
        empty folder gives way to a file of its name.
        """
        if self.is_local:
            os.makedirs(os.path.dirname(self.full(target)), exist_ok=True)
            if os.path.isdir(self.full(target)):
                os.rmdir(self.full(target))
            os.replace(self.full(path), self.full(target))
            _sync_folder(os.path.dirname(self.full(target)))
        else:
            self._fs.copy(self.full(path), self.full(target))
            self._fs.rm_file(self.full(path))

    def delete(self, path: str) -> None:
        """Remove one file; no error when it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self.full(path))

    def delete_folder(self, path: str) -> None:
        """Remove a folder with all it holds; no error when it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(self.full(path), recursive=True)

    def delete_temporaries(self, folder: str) -> int:
        """Remove what interrupted local writes left behind; the count."""
        if not self.is_local:
            return 0
        count = 0
        for parent, _, names in os.walk(self.full(folder)):
            for name in names:
                if name.startswith(".") and name.endswith(".tmp"):
                    os.unlink(os.path.join(parent, name))
                    count += 1
        return count


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
