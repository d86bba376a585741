"""Repeated substrings across documents: the rows by which equal windows meet, and the cut.

A *window* is `window` units (UTF-8 bytes, or token ids of 4 bytes) of one document. Its *anchor* is
the k-gram of `gram` units in it with the smallest hash (winnowing, Schleimer, Wilkerson and Aiken
2003): equal windows have equal anchors at equal places. Windows that stand side by side share an
anchor, two of `window - gram + 2` units on average; their units together are a *fragment*.

Cost: 5 to 10 ns per byte for the anchors of a text, whatever it holds. The GIL is released.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels import _native
from curate.kernels.edited import count_fields, edited_batch
from curate.kernels.hashes import as_keys, key_bytes
from curate.kernels.text_buffers import TextBuffers, text_buffers

SPANS = pa.schema(
    [
        pa.field("address", pa.uint64()),
        pa.field("kind", pa.uint8()),
        pa.field("begin", pa.uint32()),
        pa.field("end", pa.uint32()),
        pa.field("documents", pa.uint32()),
    ]
)
"""Spans of units of documents: what a `RepeatSettler` decides, and what `window_rows` takes. kind:
0 COMPARE, window by window; 1 REMOVED, repeated; 2 FREQUENT, found in `documents` documents.
"""

CUT_COUNTS = count_fields("cuts", "removed_characters")


@dataclass(frozen=True, slots=True)
class WindowShape:
    """unit_bytes: 1 (bytes) or 4 (token ids). told_apart: copies of one content within one document
    whose places are kept; further ones are removed for sure.
    """

    unit_bytes: int
    window: int
    gram: int
    part: int
    told_apart: int


@dataclass(frozen=True, slots=True)
class RepeatRows:
    """Rows of documents: `document` (int64, its position in the batch) and columns of an exchange.

    A row stands for one content: `windows` windows side by side (1: a single window) that begin at
    each of `places`. Where `windows` is 0, places are spans that are known already: begin, end and
    the number of documents (0: removed).
    """

    document: np.ndarray
    keys: pa.FixedSizeBinaryArray
    fragment: np.ndarray
    windows: np.ndarray
    places: pa.ListArray


def anchor_rows(
    units: TextBuffers, shape: WindowShape, seeds: np.ndarray
) -> tuple[np.ndarray, pa.FixedSizeBinaryArray]:
    """Documents (int64) and keys of every anchor: one row, or two where it occurs again in the
    document. seeds: uint64 per document; anchors of documents with other seeds have other keys.
    """
    document, keys = _native.substring_anchors(
        *units, shape.unit_bytes, shape.window, shape.gram, seeds
    )
    return document, as_keys(keys)


def fragment_rows(
    units: TextBuffers,
    shape: WindowShape,
    seeds: np.ndarray,
    starts: np.ndarray,
    marks: np.ndarray,
) -> RepeatRows:
    """The fragments of anchors whose keys begin with a mark: the first 8 bytes, big-endian uint64.

    marks: ascending within each document, which has those from starts[r] to starts[r + 1].
    """
    return _rows(
        _native.substring_fragments(
            *units,
            shape.unit_bytes,
            shape.window,
            shape.gram,
            shape.part,
            shape.told_apart,
            seeds,
            starts,
            marks,
        )
    )


def window_rows(
    units: TextBuffers,
    shape: WindowShape,
    seeds: np.ndarray,
    starts: np.ndarray,
    spans: pa.RecordBatch,
) -> RepeatRows:
    """The single windows of spans of the kind COMPARE; the other spans as one row per document."""
    columns = [_numpy(spans.column(name)) for name in ("kind", "begin", "end", "documents")]
    return _rows(
        _native.substring_windows(
            *units, shape.unit_bytes, shape.window, shape.told_apart, seeds, starts, *columns
        )
    )


def settle_repeats(
    batches: Iterator[pa.RecordBatch],
    *,
    window: int,
    copies: int,
    keep_first: bool,
    compare: bool,
    carried: pa.Field | None = None,
) -> Iterator[pa.RecordBatch]:
    """Sorted rows (`key`, `fragment` where there are any, ..., `address`, `windows`, `places`) to
    `SPANS`.

    Of the copies of a content, those from the `copies + 1`st on are removed (`keep_first`), or all
    when there are more than `copies`. Copies that begin within a window of the one before them in
    their document are part of it. compare: contents of one key may have windows in common, and go
    on as COMPARE where a key has several. carried: a column of 8 bytes per row, which the
    spans of the row get too.
    """
    settler = _native.RepeatSettler(window, copies, keep_first, compare)
    for batch in batches:
        places = batch.column("places")
        along = None if carried is None else _numpy(batch.column(carried.name)).view(np.uint64)
        fragment = _numpy(batch.column("fragment")) if compare else np.empty(0, np.int64)
        settled = settler.feed(
            key_bytes(batch.column("key")),
            fragment,
            _numpy(batch.column("address")),
            np.empty(0, np.uint64) if along is None else along,
            _numpy(batch.column("windows")),
            _numpy(places.offsets),
            _numpy(places.values),
        )
        if len(settled[0]):
            yield _spans(settled, carried)
    yield _spans(settler.finish(), carried)


def cut_spans(
    text: pa.LargeStringArray, spans: pa.ListArray, merge_gap_bytes: int
) -> pa.RecordBatch:
    """Documents without their spans of bytes, and `CUT_COUNTS`.

    spans: n lists of uint32, begin and end in turn, ascending; null for none. Spans that are at
    most `merge_gap_bytes` apart are one. A character that is only in part inside a span stays.
    Raises ValueError for spans that are out of order or outside of their text.
    """
    lengths = pc.fill_null(pc.list_value_length(spans), 0).to_numpy(zero_copy_only=False)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    values = _numpy(pc.list_flatten(spans))
    edited = _native.cut_spans(*text_buffers(text), starts, values, merge_gap_bytes)
    return edited_batch(text, edited, CUT_COUNTS)


def _rows(columns: tuple[np.ndarray, ...]) -> RepeatRows:
    document, keys, fragment, windows, starts, places = columns
    lists = pa.ListArray.from_arrays(pa.array(starts), pa.array(places))
    return RepeatRows(document, as_keys(keys), fragment, windows, lists)


def _spans(columns: tuple[np.ndarray, ...], carried: pa.Field | None) -> pa.RecordBatch:
    arrays = [pa.array(each) for each in columns]
    if carried is None:
        return pa.RecordBatch.from_arrays(arrays[:-1], schema=SPANS)
    arrays[-1] = arrays[-1].view(carried.type)
    return pa.RecordBatch.from_arrays(arrays, schema=SPANS.append(carried))


def _numpy(column: pa.Array) -> np.ndarray:
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values
