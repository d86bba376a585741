"""Sliced files: Arrow record batches by integer slice, each slice readable and verified alone.

Layout: the schema as an Arrow IPC message (none without rows); record batch messages, those of one
slice behind each other, slices ascending; then the index as JSON `{"schema": [bytes, xxh3-64],
"slices": [[slice, offset, rows, [bytes of a message, …], [xxh3-64 of it, …]], …]}`; then the index
length (uint64 LE), its xxh3-64 (uint64 LE) and the magic `CURATE2\\n`. An exchange file is sliced
by partition, a verdict file by shard ordinal.

A message is read once: hashed where it lies, then handed to Arrow without a copy. A reader holds
one batch and no open file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.storage.store import DamagedFile, FileRef, HashingFile, Store

MAGIC = b"CURATE2\n"
_TAIL = struct.Struct("<QQ8s")
BATCH_ROWS = 8_192
BATCH_BYTES = 512 * 2**10
"""Most rows and bytes of a record batch inside a slice (a larger row stands alone): bounds what a
merge of 1,024 files holds to half a GB, however wide the rows are.
"""
INDEX_BYTES = 64 * 2**10
"""The end of a file, read at once; it holds most indexes."""
NESTED_ITEM_BYTES = 16
"""Counted for an item of a list whose items vary in length."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Where the messages of one slice lie in its file, and their checksums."""

    offset: int
    rows: int
    sizes: tuple[int, ...]
    checksums: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes)


class SlicedWriter:
    """Writes slices in ascending order."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file, self._schema = file, schema
        self._slices: list[tuple[int, int, int, list[int], list[int]]] = []
        self.rows = 0
        self._schema_entry = (0, 0)

    def write(self, slice_number: int, batches: Iterable[pa.RecordBatch]) -> None:
        """One slice, a record batch in memory; nothing is written for a slice without rows."""
        if self._slices and slice_number <= self._slices[-1][0]:
            raise ValueError(f"slice {slice_number} follows {self._slices[-1][0]}: not ascending")
        offset, rows = self._file.size_bytes, 0
        sizes: list[int] = []
        checksums: list[int] = []
        for batch in even_batches(batches, self._schema):
            if not self._file.size_bytes:
                self._schema_entry = self._message(self._schema.serialize())
                offset = self._file.size_bytes
            size, checksum = self._message(batch.serialize())
            sizes.append(size)
            checksums.append(checksum)
            rows += batch.num_rows
        if rows:
            self._slices.append((slice_number, offset, rows, sizes, checksums))
            self.rows += rows

    def close(self) -> None:
        index = orjson.dumps({"schema": self._schema_entry, "slices": self._slices})
        self._file.write(index)
        self._file.write(_TAIL.pack(len(index), xxhash.xxh3_64_intdigest(index), MAGIC))

    def _message(self, data: pa.Buffer) -> tuple[int, int]:
        """Size and checksum of a message that was written."""
        self._file.write(data)
        return data.size, xxhash.xxh3_64_intdigest(data)


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
        writer = SlicedWriter(file, schema)
        for number, batches in slices:
            writer.write(number, batches)
        writer.close()
    return file.ref(writer.rows)


def read_index(store: Store, ref: FileRef) -> dict[int, Slice]:
    """The slices of a file. Raises DamagedFile."""
    return _read_index(store, ref)[1]


def read_slice(store: Store, ref: FileRef, number: int) -> Iterator[pa.RecordBatch]:
    """Batches of one slice as a stream, none when the file has no such slice. Raises DamagedFile
    before a damaged batch is looked at.
    """
    (schema_bytes, schema_checksum), slices = _read_index(store, ref)
    found = slices.get(number)
    if found is None:
        return
    data = store.read_range(ref.path, 0, schema_bytes)
    _check(ref, "the schema", data, schema_checksum)
    schema = pa.ipc.read_schema(pa.py_buffer(data))
    offset = found.offset
    for size, checksum in zip(found.sizes, found.checksums, strict=True):
        data = store.read_range(ref.path, offset, size)
        _check(ref, f"slice {number}", data, checksum)
        yield pa.ipc.read_record_batch(pa.py_buffer(data), schema)
        offset += size


def _read_index(store: Store, ref: FileRef) -> tuple[tuple[int, int], dict[int, Slice]]:
    """Size and checksum of the schema, and the slices."""
    size = ref.size_bytes
    if size < _TAIL.size:
        raise DamagedFile(ref.path, "too short for a sliced file")
    start = max(0, size - INDEX_BYTES)
    end = store.read_range(ref.path, start, size - start, whole_bytes=size)
    length, checksum, magic = _TAIL.unpack(end[-_TAIL.size :])
    if magic != MAGIC or length > size - _TAIL.size:
        raise DamagedFile(ref.path, "its end is not that of a sliced file")
    if length > len(end) - _TAIL.size:
        index = store.read_range(ref.path, size - _TAIL.size - length, length)
    else:
        index = end[len(end) - _TAIL.size - length : -_TAIL.size]
    _check(ref, "its index", index, checksum)
    content = orjson.loads(index)
    slices = {
        number: Slice(offset, rows, tuple(sizes), tuple(checksums))
        for number, offset, rows, sizes, checksums in content["slices"]
    }
    return (content["schema"][0], content["schema"][1]), slices


def _check(ref: FileRef, what: str, data: bytes, checksum: int) -> None:
    if xxhash.xxh3_64_intdigest(data) != checksum:
        raise DamagedFile(ref.path, f"{what} does not match its checksum")
