r"""Megatron-Core's indexed dataset: ids in `<name>.bin`, places of documents in `<name>.idx`.

    idx, little endian: 9 bytes `MMIDIDX\0\0`, u64 version 1, u8 type code, u64 sequences S,
    u64 document indices D = S + 1, i32 lengths[S] in tokens, i64 pointers[S] in bytes of .bin,
    i64 document_indices[D] = 0 … S.

One sequence per document. Ids are uint16 up to a vocabulary of 65,499 and int32 above it, as
`DType.optimal_dtype` of Megatron-Core chooses (`megatron/core/datasets/indexed_dataset.py`). 20
bytes of index per document. Writing holds one batch of lengths in memory; reading maps both files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from curate.errors import DataError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
HEADER = struct.Struct("<9sQBQQ")
MAX_UINT16_VOCABULARY = 65_499
TYPE_CODES: dict[int, np.dtype] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}
_CODE_OF = {dtype: code for code, dtype in TYPE_CODES.items()}


class BinaryOutput(Protocol):
    """A file that is written from front to back."""

    def write(self, data: bytes | memoryview, /) -> int: ...


def token_type(vocabulary_size: int) -> np.dtype:
    """uint16 when the vocabulary (special tokens included) has at most 65,499 tokens, else int32;
    little endian.
    """
    return np.dtype("<u2") if vocabulary_size <= MAX_UINT16_VOCABULARY else np.dtype("<i4")


def write_index(
    output: BinaryOutput,
    dtype: np.dtype,
    lengths: Callable[[], Iterable[np.ndarray]],
    documents: int,
) -> None:
    """Write an .idx for `documents` documents. `lengths` gives batches of lengths in tokens and is
    called twice.

    Raises ValueError when the batches do not hold `documents` lengths.
    """
    output.write(HEADER.pack(MAGIC, VERSION, _CODE_OF[dtype], documents, documents + 1))
    seen = 0
    for batch in lengths():
        output.write(np.ascontiguousarray(batch, dtype="<i4").data)
        seen += len(batch)
    if seen != documents:
        raise ValueError(f"the index is for {documents} documents, the lengths are {seen}")
    start = 0
    for batch in lengths():
        ends = start + np.cumsum(batch.astype(np.int64) * dtype.itemsize)
        output.write(np.concatenate([[start], ends])[:-1].astype("<i8").data)
        start = int(ends[-1]) if len(ends) else start
    for numbers in _ranges(documents + 1):
        output.write(numbers.data)


def _ranges(count: int) -> Iterator[np.ndarray]:
    step = 1 << 20
    for start in range(0, count, step):
        yield np.arange(start, min(count, start + step), dtype="<i8")


def parse_header(header: bytes, name: str) -> tuple[int, np.dtype]:
    """(documents, type of the ids) from the first bytes of an .idx; `name` is for the message.

    Raises DataError for anything but a version 1 index with one sequence per document.
    """
    if len(header) < HEADER.size:
        raise DataError(
            f"{name}: {len(header)} bytes, a header has {HEADER.size}; the file is truncated"
        )
    magic, version, code, sequences, indices = HEADER.unpack(header[: HEADER.size])
    if magic != MAGIC:
        raise DataError(
            f"{name}: offset 0: {magic!r} is not {MAGIC!r}; this is no Megatron-Core index"
        )
    if version != VERSION:
        raise DataError(f"{name}: offset 9: version {version}, known is {VERSION}")
    if code not in TYPE_CODES:
        raise DataError(
            f"{name}: offset 17: type code {code}, token files have 8 (uint16) or 4 (int32)"
        )
    if indices != sequences + 1:
        raise DataError(
            f"{name}: offset 26: {indices} document indices for {sequences} sequences; one per "
            "document"
        )
    return int(sequences), TYPE_CODES[code]


class IndexedDataset:
    """Read a pair of local files; `dataset[i]` is the array of ids of document i. Nothing is copied
    into memory.

    prefix: the path without `.bin` or `.idx`. Raises DataError, with file and offset, when the
    files do not fit each other.
    """

    def __init__(self, prefix: str | Path) -> None:
        self._idx, self._bin = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
        index = self._map(self._idx)
        documents, dtype = self._header(index)
        self.dtype = dtype
        lengths_end = HEADER.size + 4 * documents
        pointers_end = lengths_end + 8 * documents
        self.lengths: np.ndarray = index[HEADER.size : lengths_end].view("<i4")
        self.pointers: np.ndarray = index[lengths_end:pointers_end].view("<i8")
        self.document_indices: np.ndarray = index[pointers_end:].view("<i8")
        tokens = self._map(self._bin)
        self._check(len(tokens))
        self.tokens: np.ndarray = tokens.view(dtype)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> np.ndarray:
        start = int(self.pointers[number]) // self.dtype.itemsize
        found: np.ndarray = self.tokens[start : start + int(self.lengths[number])]
        return found

    def check_ids(self, vocabulary_size: int) -> None:
        """Read every id. Raises DataError naming the first one outside the vocabulary."""
        step = 1 << 22
        for start in range(0, len(self.tokens), step):
            part = self.tokens[start : start + step]
            wrong = np.flatnonzero((part < 0) | (part >= vocabulary_size))
            if len(wrong):
                position = start + int(wrong[0])
                raise DataError(
                    f"{self._bin}: token {position} (byte {position * self.dtype.itemsize}) is "
                    f"{int(self.tokens[position])}, "
                    f"outside the vocabulary of {vocabulary_size}; the file belongs to another "
                    "tokenizer or is damaged"
                )

    @staticmethod
    def _map(path: Path) -> np.ndarray:
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise DataError(
                f"{path}: the file is missing; .bin and .idx belong together"
            ) from error
        return np.memmap(path, dtype=np.uint8, mode="r") if size else np.zeros(0, dtype=np.uint8)

    def _header(self, index: np.ndarray) -> tuple[int, np.dtype]:
        documents, dtype = parse_header(index[: HEADER.size].tobytes(), str(self._idx))
        expected = HEADER.size + 4 * documents + 8 * documents + 8 * (documents + 1)
        if len(index) != expected:
            raise DataError(
                f"{self._idx}: {len(index)} bytes, {expected} for {documents} sequences; "
                "truncated or damaged"
            )
        return documents, dtype

    def _check(self, bin_bytes: int) -> None:
        """Every document follows the one before and the last ends with the file."""
        negative = np.flatnonzero(self.lengths < 0)
        if len(negative):
            raise DataError(
                f"{self._idx}: document {int(negative[0])} has a negative length; the file is "
                "damaged"
            )
        ends = np.cumsum(self.lengths.astype(np.int64) * self.dtype.itemsize)
        expected = int(ends[-1]) if len(ends) else 0
        if bin_bytes != expected:
            raise DataError(
                f"{self._bin}: {bin_bytes} bytes, its index says {expected}; "
                f"{'truncated' if bin_bytes < expected else 'it belongs to another index'}"
            )
        if len(ends) and not (
            self.pointers[0] == 0 and np.array_equal(self.pointers[1:], ends[:-1])
        ):
            raise DataError(
                f"{self._idx}: the pointers do not follow from the lengths; the file is damaged"
            )
        if not np.array_equal(self.document_indices, np.arange(len(self) + 1)):
            raise DataError(
                f"{self._idx}: the document indices are not 0 … {len(self)}; the file is damaged"
            )
