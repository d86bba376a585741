"""Sliced files: Arrow record batches by integer slice, each slice readable and verified alone.

Layout: Arrow IPC streams, one per non-empty slice in ascending order; then the index as JSON
`{"slices": [[slice, offset, bytes, xxh3-64, rows], …]}`; then the index length (uint64 LE), its
xxh3-64 (uint64 LE) and the magic `CURATE1\\n`. An exchange file is sliced by partition, a verdict
file by shard ordinal.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.storage.store import DamagedFile, FileRef, HashingFile, Store

MAGIC = b"CURATE1\n"
_TAIL = struct.Struct("<QQ8s")
BATCH_ROWS = 8_192
BATCH_BYTES = 512 * 2**10
"""Most rows and bytes of a record batch inside a slice (a larger row stands alone): bounds what a
merge of 1,024 files holds to half a GB, however wide the rows are.
"""
NESTED_ITEM_BYTES = 16
"""Counted for an item of a list whose items vary in length."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one slice lies in its file."""

    offset: int
    size_bytes: int
    checksum: int
    rows: int


class SlicedWriter:
    """Writes slices in ascending order."""

    def __init__(self, file: HashingFile) -> None:
        self._file = file
        self._index: list[list[int]] = []
        self.rows = 0

    def write(
        self, slice_number: int, batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> None:
        """One slice, a record batch in memory; nothing is written for a slice without rows."""
        sink: _SliceSink | None = None
        with ExitStack() as stack:
            for batch in even_batches(batches, schema):
                if sink is None:
                    if self._index and slice_number <= self._index[-1][0]:
                        raise ValueError(
                            f"slice {slice_number} follows {self._index[-1][0]}: not ascending"
                        )
                    sink = _SliceSink(self._file)
                    stream = stack.enter_context(
                        pa.BufferedOutputStream(pa.PythonFile(sink, "w"), BATCH_BYTES)
                    )
                    writer = stack.enter_context(pa.ipc.new_stream(stream, schema))
                writer.write_batch(batch)
                sink.rows += batch.num_rows
        if sink is not None:
            checksum = sink.digest.intdigest()
            self._index.append([slice_number, sink.start, sink.size_bytes, checksum, sink.rows])
            self.rows += sink.rows

    def close(self) -> None:
        index = orjson.dumps({"slices": self._index})
        self._file.write(index)
        self._file.write(_TAIL.pack(len(index), xxhash.xxh3_64_intdigest(index), MAGIC))


class _SliceSink:
    """The part of a file that one slice takes: counted and hashed by itself."""

    def __init__(self, file: HashingFile) -> None:
        self._file = file
        self.start = file.size_bytes
        self.size_bytes = self.rows = 0
        self.digest = xxhash.xxh3_64()
        self.closed = False

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self.digest.update(data)
        self.size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        """The file is flushed when it is published."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def even_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that end where rows or bytes reach the bound: cut by the rows alone,
    however they came.
    """
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        start, ends = 0, np.cumsum(row_bytes(batch))
        while start < batch.num_rows:
            before = int(ends[start - 1]) if start else 0
            end = int(np.searchsorted(ends, before + BATCH_BYTES - size, side="left")) + 1
            end = min(end, start + BATCH_ROWS - rows, batch.num_rows)
            pending.append(batch.slice(start, end - start))
            rows, size = rows + end - start, size + int(ends[end - 1]) - before
            start = end
            if rows >= BATCH_ROWS or size >= BATCH_BYTES:
                yield _one(pending, schema)
                pending, rows, size = [], 0, 0
    if pending:
        yield _one(pending, schema)


def _one(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (whole,) = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return whole


def row_bytes(batch: pa.RecordBatch) -> np.ndarray:
    """int64[n]: bytes of each row, validity aside; what varies below a list is estimated."""
    fixed = 0
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        width = fixed_width(column.type)
        if width is not None:
            fixed += width
            continue
        kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            item = fixed_width(kind.value_type) or NESTED_ITEM_BYTES
            lengths, fixed = pc.list_value_length(column), fixed + 4
        elif isinstance(kind, pa.BaseExtensionType) or pa.types.is_nested(kind):
            fixed += NESTED_ITEM_BYTES
            continue
        else:
            item, lengths, fixed = 1, pc.binary_length(column), fixed + 4
        sizes += item * pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes += fixed
    return sizes


def fixed_width(kind: pa.DataType) -> int | None:
    """Bytes of a value; None where they vary."""
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return None


def write_sliced(
    store: Store,
    path: str,
    schema: pa.Schema,
    slices: Iterable[tuple[int, Iterable[pa.RecordBatch]]],
) -> FileRef:
    """Publish (slice number, batches) pairs, ascending."""
    with store.create(path) as file:
        writer = SlicedWriter(file)
        for number, batches in slices:
            writer.write(number, batches, schema)
        writer.close()
    return FileRef(path, file.size_bytes, file.checksum, writer.rows)


def read_index(store: Store, ref: FileRef) -> dict[int, Slice]:
    """The slices of a file. Raises DamagedFile."""
    with store.open(ref.path) as file:
        return _index(file, ref)


def _index(file: IO[bytes], ref: FileRef) -> dict[int, Slice]:
    size = file.seek(0, 2)
    if size != ref.size_bytes:
        raise DamagedFile(ref.path, f"{size} bytes, recorded were {ref.size_bytes}")
    if size < _TAIL.size:
        raise DamagedFile(ref.path, "too short for a sliced file")
    file.seek(size - _TAIL.size)
    length, checksum, magic = _TAIL.unpack(file.read(_TAIL.size))
    if magic != MAGIC or length > size - _TAIL.size:
        raise DamagedFile(ref.path, "its end is not that of a sliced file")
    file.seek(size - _TAIL.size - length)
    index = file.read(length)
    if xxhash.xxh3_64_intdigest(index) != checksum:
        raise DamagedFile(ref.path, "its index does not match the checksum")
    return {entry[0]: Slice(*entry[1:]) for entry in orjson.loads(index)["slices"]}


def read_slice(store: Store, ref: FileRef, number: int) -> Iterator[pa.RecordBatch]:
    """Batches of one slice as a stream, none when the file has no such slice. Raises DamagedFile.

    The slice is read twice, first for its checksum: Arrow must not see damaged offsets, and a merge
    must not see keys out of order.
    """
    with store.open(ref.path) as file:
        found = _index(file, ref).get(number)
        if found is None:
            return
        file.seek(found.offset)
        if _checksum(_Window(file, found.size_bytes)) != found.checksum:
            raise DamagedFile(ref.path, f"slice {number} does not match its checksum")
        file.seek(found.offset)
        with pa.ipc.open_stream(_Window(file, found.size_bytes)) as reader:
            yield from reader


def _checksum(window: _Window) -> int:
    digest = xxhash.xxh3_64()
    while piece := window.read(2**20):
        digest.update(piece)
    return int(digest.intdigest())


class _Window:
    """The next `size_bytes` of a file as a readable."""

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self._file = file
        self._left = size_bytes
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
