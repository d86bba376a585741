"""Keyed rows of `substring_dedup` between its phases: marks of repeated anchors, spans by document.

Both functions are one forward pass; they hold one row, or the spans of one document.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curate.kernels.hashes import bytes_hash_128, key_bytes
from curate.stages.base import INDEX_BIT

MARKS = pa.schema([pa.field("address", pa.uint64()), pa.field("mark", pa.uint64())])
"""Documents and the first 8 bytes of keys that occur at least twice."""

SPAN_ORDER = (
    pa.field("documents", pa.uint32(), nullable=False),
    pa.field("begin", pa.uint32(), nullable=False),
    pa.field("end", pa.uint32(), nullable=False),
)
"""Spans of one document in order: the removed ones (`documents` is 0) first."""

PAIRS = pa.list_(pa.uint32())


def repeated_marks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows sorted by (key, address) to `MARKS` and the other columns of the rows: one row per
    document and key that has two rows, the first of them of a document of this run (documents of an
    index have the highest addresses).

    State: the last row, whether it was passed on, and whether its key began in this run.
    """
    held: pa.RecordBatch | None = None
    passed, began = False, False
    for batch in batches:
        if batch.num_rows == 0:
            continue
        rows = batch if held is None else pa.concat_batches([held, batch])
        keys = key_bytes(rows.column("key"))
        address = rows.column("address").to_numpy(zero_copy_only=False)
        again = np.concatenate([[False], (keys[1:] == keys[:-1]).all(axis=1)])
        same_document = again & np.concatenate([[False], address[1:] == address[:-1]])
        followed = np.concatenate([again[1:], [False]])
        passes = (again | followed) & ~same_document
        passes[0] &= not passed
        of_run = address < np.uint64(INDEX_BIT)
        of_run[0] = began if held is not None else of_run[0]
        of_run = of_run[np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))]
        passes &= of_run
        if passes.any():
            yield _marks(rows.filter(pa.array(passes)))
        passed = bool(again[-1]) or (len(again) == 1 and passed)
        held, began = rows.slice(rows.num_rows - 1), bool(of_run[-1])


def document_keys(address: np.ndarray) -> pa.FixedSizeBinaryArray:
    """16-byte keys of documents, spread over all partitions."""
    return bytes_hash_128(np.ascontiguousarray(address, "<u8").view(np.uint8).reshape(-1, 8))


def merged_spans(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows with columns `address` and `SPAN_ORDER`, in this order within a document: spans that
    touch and agree in `documents` become one. Associative.
    """
    if rows.num_rows == 0:
        return rows
    address, documents, begin, end = _columns(rows)
    change = (address[1:] != address[:-1]) | (documents[1:] != documents[:-1])
    shift = np.concatenate([[0], np.cumsum(change, dtype=np.int64)]) << 33
    reach = np.maximum.accumulate(end.astype(np.int64) + shift)
    starts = np.concatenate([[True], begin[1:].astype(np.int64) + shift[1:] > reach[:-1]])
    first = np.flatnonzero(starts)
    last = np.concatenate([first[1:], [len(starts)]]) - 1
    kept = rows.take(pa.array(first))
    ends = pa.array((reach[last] - shift[last]).astype(np.uint32))
    index = kept.schema.get_field_index("end")
    return kept.set_column(index, kept.schema.field(index), ends)


def spans_by_document(
    batches: Iterator[pa.RecordBatch],
) -> Iterator[tuple[pa.Array, pa.ListArray, pa.ListArray]]:
    """Rows sorted by (key, `SPAN_ORDER`): addresses; per document begin and end of the removed
    spans; begin, end and number of documents of the frequent ones.
    """
    held: pa.RecordBatch | None = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        rows = batch.select(["address", *(field.name for field in SPAN_ORDER)])
        if held is not None:
            rows = pa.concat_batches([held, rows])
        address = rows.column("address").to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(address != address[-1])
        closed = int(starts[-1]) + 1 if len(starts) else 0
        if closed:
            yield _lists(merged_spans(rows.slice(0, closed)))
        held = merged_spans(rows.slice(closed))
    if held is not None:
        yield _lists(held)


def _lists(rows: pa.RecordBatch) -> tuple[pa.Array, pa.ListArray, pa.ListArray]:
    address, documents, begin, end = _columns(rows)
    change = np.concatenate([[True], address[1:] != address[:-1]])
    document = np.cumsum(change) - 1
    count = int(document[-1]) + 1
    removed = documents == 0
    pairs = _per_document(document[removed], count, begin[removed], end[removed])
    frequent = ~removed
    counted = _per_document(
        document[frequent], count, begin[frequent], end[frequent], documents[frequent]
    )
    return pa.array(address[change]), pairs, counted


def _per_document(document: np.ndarray, count: int, *columns: np.ndarray) -> pa.ListArray:
    """Values of each row in turn, rows by document."""
    lengths = np.bincount(document, minlength=count) * len(columns)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = np.stack(columns, axis=1).reshape(-1).astype(np.uint32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


def _columns(rows: pa.RecordBatch) -> list[np.ndarray]:
    names = ("address", "documents", "begin", "end")
    return [rows.column(name).to_numpy(zero_copy_only=False) for name in names]


def _marks(rows: pa.RecordBatch) -> pa.RecordBatch:
    high = np.ascontiguousarray(key_bytes(rows.column("key"))[:, :8]).reshape(-1).view(">u8")
    others = [field for field in rows.schema if field.name not in ("key", "address")]
    columns = [rows.column("address"), pa.array(high.astype(np.uint64))]
    columns += [rows.column(field.name) for field in others]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([*MARKS, *others]))
