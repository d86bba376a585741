"""From documents to token files: encode parts in any order, then put the chunks in order.

*encode* turns one batch of documents into ids and rows per split; a job appends them to one chunk
per split. *assemble* plans which documents go into which file (never cutting a document) and copies
ranges of chunks, so the bytes depend on the documents and their order only. A document longer than
`max_file_bytes` fills a file of its own. Memory: one batch, one chunk's lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import DataError, StageError
from curate.storage.store import PIECE_BYTES
from curate.tokenizer.encoding.encode import Encoder, EncodingDifference
from curate.tokenizer.encoding.split import SPLITS
from curate.tokenizer.files.megatron import BinaryOutput, token_type, write_index

CHUNK_SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)
"""One row per encoded document of a chunk, in the order of its ids. `length` counts the
end-of-document token.
"""

DOCUMENTS_SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("token_offset", pa.int64(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)
"""`documents.parquet`: where the tokens of a document are (`file` without ending, offset and length
in tokens) and where its text is (`shard` is the part below the run folder, `row` its row there).
"""


class BinaryInput(Protocol):
    """A chunk of ids, opened for reading."""

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Documents of a batch and split: all ids in file type, and a `CHUNK_SCHEMA` row for each."""

    ids: np.ndarray
    rows: pa.RecordBatch


def encode_batch(
    batch: pa.RecordBatch,
    splits: pa.Array,
    encoder: Encoder,
    shard: str,
    first_row: int,
    wanted: Sequence[str] = SPLITS,
) -> dict[str, EncodedRows]:
    """Encode the documents of a batch.

    batch: columns `id`, `text`, `source` (n rows of one part of documents/). splits: what
    `split_of` gave for them. shard: name of the part; first_row: row of the batch's first document
    in it. wanted: the splits of the run. Returns all of them. Raises StageError where the encoding
    libraries differ or an id is one that text cannot have.
    """
    dtype = token_type(encoder.vocabulary_size)
    text = batch.column("text").cast(pa.large_string())
    encoded = {}
    for split in wanted:
        chosen = pc.equal(splits, split)
        part = text.filter(chosen)
        ids_of_documents = batch.column("id").cast(pa.string()).filter(chosen)
        offsets, ids = _encode(encoder, part, ids_of_documents, dtype)
        documents = np.arange(first_row, first_row + batch.num_rows)[
            chosen.to_numpy(zero_copy_only=False)
        ]
        columns = [
            ids_of_documents,
            batch.column("source").cast(pa.string()).filter(chosen),
            pa.array(np.diff(offsets).astype(np.int32)),
            pc.binary_length(part).cast(pa.int64()),
            pa.repeat(shard, len(part)),
            pa.array(documents.astype(np.uint32)),
        ]
        rows = pa.RecordBatch.from_arrays(columns, schema=CHUNK_SCHEMA)
        encoded[split] = EncodedRows(ids, rows)
    return encoded


def _encode(
    encoder: Encoder, text: pa.LargeStringArray, document_ids: pa.StringArray, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    try:
        return encoder.encode(text, dtype)
    except EncodingDifference as error:
        document = document_ids[error.index].as_py()
        raise StageError(f"encode: document {document}: {error}") from error


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """Neighbouring documents of a chunk for one file; tokens are counted within the chunk."""

    chunk: int
    first_document: int
    documents: int
    first_token: int
    tokens: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One .bin/.idx pair: `name` is `<source>-<00000>`, the ranges are copied in order."""

    name: str
    ranges: tuple[ChunkRange, ...]

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.ranges)

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.ranges)


def plan_files(
    source: str, lengths: Iterable[np.ndarray], dtype: np.dtype, max_file_bytes: int
) -> list[PlannedFile]:
    """Share out the documents of the chunks of one split and source, in order, among files of at
    most `max_file_bytes`.

    lengths: for every chunk its documents' lengths in tokens (read one at a time). No documents, no
    files.
    """
    room = max_file_bytes // dtype.itemsize
    groups: list[list[ChunkRange]] = []
    filled = 0
    for chunk, chunk_lengths in enumerate(lengths):
        ends = np.cumsum(chunk_lengths.astype(np.int64))
        first, done = 0, 0
        while first < len(ends):
            last = int(np.searchsorted(ends, done + room - filled, side="right"))
            if not groups or (last <= first and filled > 0):
                groups.append([])
                filled = 0
                continue
            last = max(last, first + 1)
            tokens = int(ends[last - 1]) - done
            groups[-1].append(ChunkRange(chunk, first, last - first, done, tokens))
            filled += tokens
            first, done = last, done + tokens
    return [
        PlannedFile(f"{source}-{number:05d}", tuple(group)) for number, group in enumerate(groups)
    ]


def assemble(
    planned: PlannedFile,
    open_ids: Callable[[int], AbstractContextManager[BinaryInput]],
    lengths_of: Callable[[int], np.ndarray],
    dtype: np.dtype,
    bin_output: BinaryOutput,
    idx_output: BinaryOutput,
) -> None:
    """Write one file pair from its chunks.

    open_ids: opens the ids of a chunk by number. lengths_of: lengths of all documents of a chunk
    (called twice per range). Raises DataError when a chunk ends before its documents do.
    """
    for part in planned.ranges:
        with open_ids(part.chunk) as ids:
            _copy(part, ids, dtype.itemsize, bin_output)

    def lengths() -> Iterator[np.ndarray]:
        for part in planned.ranges:
            yield lengths_of(part.chunk)[part.first_document : part.first_document + part.documents]

    write_index(idx_output, dtype, lengths, planned.documents)


def _copy(part: ChunkRange, source: BinaryInput, item_bytes: int, output: BinaryOutput) -> None:
    source.seek(part.first_token * item_bytes)
    left = part.tokens * item_bytes
    while left:
        piece = source.read(min(left, PIECE_BYTES))
        if not piece:
            raise DataError(
                f"chunk {part.chunk} of the encoded documents ends {left} bytes early; its step "
                "must run again"
            )
        output.write(piece)
        left -= len(piece)


def document_rows(
    planned: PlannedFile, rows_of: Callable[[int], pa.Table]
) -> Iterator[pa.RecordBatch]:
    """The `DOCUMENTS_SCHEMA` rows of one file, a batch per chunk range. rows_of: the `CHUNK_SCHEMA`
    rows of a chunk.
    """
    offset = 0
    for part in planned.ranges:
        rows = rows_of(part.chunk).slice(part.first_document, part.documents).combine_chunks()
        lengths = rows.column("length").to_numpy().astype(np.int64)
        starts = offset + np.cumsum(lengths) - lengths
        offset += int(lengths.sum())
        columns = {
            **{
                name: rows.column(name)
                for name in ("document_id", "source", "length", "shard", "row")
            },
            "file": pa.repeat(planned.name, part.documents),
            "token_offset": pa.array(starts),
        }
        table = pa.table(
            [columns[name] for name in DOCUMENTS_SCHEMA.names], schema=DOCUMENTS_SCHEMA
        )
        yield from table.to_batches()
