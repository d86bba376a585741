"""Packing: which stretches of which documents make up a training row.

* `concat`: documents one after another, cut into windows of `sequence_length` + 1 tokens that share
  their border token, as Megatron-Core does (`gpt_dataset.py`). No padding; cuts where it comes.
* `best_fit`: documents longer than a row give full rows, what is left of them and all other
  documents are put by best-fit decreasing (Ding et al. 2024, arXiv 2404.10830) into rows of
  `sequence_length` tokens, whole. Differs from the paper: tails of long documents are packed with
  the rest (as there), but everything of one length is placed at once, from the histogram of lengths
  (`best_fit.py`), so the placing costs the same for a thousand and for a billion documents.
* `buckets`: dataset decomposition (Pouransari et al. 2024, arXiv 2405.13226): every document is cut
  into powers of two, longest first, and a row holds one of them. Differs from the authors' script:
  no random cuts of long documents; rows of 2^k tokens, not 2^k + 1, because a row's last token
  takes its label from the document, wherever the next stretch lies.

A plan is made group by group (`GROUP_PIECES`), so memory does not grow with the corpus: about 100
bytes per document of a group, 200 MB. Stored are 12 bytes per piece (16 from 2^32 documents on) and
4 per row, below 1 % of the tokens of web text. Speed: see `benchmarks/packing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.tokenizer.packing.best_fit import best_fit_classes

Strategy = Literal["concat", "best_fit", "buckets"]

GROUP_PIECES = 2**21
"""Documents and full rows of long documents that are packed together."""


@dataclass(frozen=True)
class PackingSettings:
    """How to pack. shortest_bucket: tokens; only `buckets` looks at it."""

    strategy: Strategy
    sequence_length: int
    shortest_bucket: int

    @property
    def row_tokens(self) -> int:
        """Tokens that a row reads; a row of `buckets` may have fewer."""
        return self.sequence_length + (1 if self.strategy == "concat" else 0)


@dataclass(frozen=True)
class PackedRows:
    """Neighbouring rows of a plan.

    starts: uint32[rows + 1], where the pieces of a row begin. pieces: `piece_type` records, a
    stretch of `length` tokens of a document (its row in documents.parquet) from token `start` of it
    on. lengths: (tokens per row, number of such rows), in the order of the rows.
    """

    starts: np.ndarray
    pieces: np.ndarray
    lengths: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        return len(self.starts) - 1


def piece_type(documents: int) -> np.dtype:
    """Type of one piece for a split of that many documents; little endian, packed."""
    document = "<u4" if documents < 2**32 else "<i8"
    return np.dtype([("document", document), ("start", "<i4"), ("length", "<i4")])


def pack(
    documents: Iterable[tuple[np.ndarray, np.ndarray]],
    settings: PackingSettings,
    dtype: np.dtype,
    group_pieces: int = GROUP_PIECES,
) -> Iterator[PackedRows]:
    """The rows of a plan, a group at a time.

    documents: batches of (int64[n] rows of documents.parquet in training order, repeats included;
    int32[n] their lengths in tokens). How they are cut in batches does not matter. dtype: what
    `piece_type` gave. Documents without tokens are left out.
    """
    groups = _groups(documents, settings.sequence_length, group_pieces)
    if settings.strategy == "concat":
        yield from _concat(groups, settings.sequence_length, dtype)
        return
    for rows, lengths in groups:
        if settings.strategy == "best_fit":
            yield _best_fit(rows, lengths, settings.sequence_length, dtype)
        else:
            yield _buckets(rows, lengths, settings, dtype)


def _groups(
    documents: Iterable[tuple[np.ndarray, np.ndarray]], sequence_length: int, group_pieces: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same documents, a group ending with the one that brings it to `group_pieces` pieces."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    weight = 0
    for rows, lengths in documents:
        present = lengths > 0
        rows, lengths = rows[present], lengths[present].astype(np.int64)
        while len(rows):
            weights = np.cumsum(1 + lengths // sequence_length)
            end = int(np.searchsorted(weights, group_pieces - weight)) + 1
            held.append((rows[:end], lengths[:end]))
            weight += int(weights[min(end, len(rows)) - 1])
            rows, lengths = rows[end:], lengths[end:]
            if weight >= group_pieces:
                yield _joined(held)
                held, weight = [], 0
    if held:
        yield _joined(held)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([of for _, of in parts])


def _pieces(
    dtype: np.dtype, documents: np.ndarray, starts: np.ndarray, lengths: np.ndarray | int
) -> np.ndarray:
    pieces = np.empty(len(documents), dtype=dtype)
    pieces["document"], pieces["start"], pieces["length"] = documents, starts, lengths
    return pieces


def _concat(
    groups: Iterable[tuple[np.ndarray, np.ndarray]], sequence_length: int, dtype: np.dtype
) -> Iterator[PackedRows]:
    """Windows [r T, r T + T + 1) of all tokens; the last, incomplete one is left out."""
    rows = lengths = np.empty(0, dtype=np.int64)
    base = 0  # tokens before the first document that is still held
    first_window = 0
    for more_rows, more_lengths in groups:
        rows, lengths = np.concatenate([rows, more_rows]), np.concatenate([lengths, more_lengths])
        ends = base + np.cumsum(lengths)
        windows = max(0, (int(ends[-1]) - 1) // sequence_length)
        begins = np.arange(first_window, windows, dtype=np.int64) * sequence_length
        if not len(begins):
            continue
        stops = begins + sequence_length + 1
        first = np.searchsorted(ends, begins, side="right")
        last = np.searchsorted(ends, stops - 1, side="right")
        counts = last - first + 1
        starts = np.concatenate([[0], np.cumsum(counts)])
        document = np.arange(starts[-1]) - np.repeat(starts[:-1] - first, counts)
        document_starts = ends - lengths
        begin = np.maximum(np.repeat(begins, counts), document_starts[document])
        stop = np.minimum(np.repeat(stops, counts), ends[document])
        inside = begin - document_starts[document]
        pieces = _pieces(dtype, rows[document], inside, stop - begin)
        yield PackedRows(starts.astype("<u4"), pieces, ((sequence_length + 1, len(begins)),))
        first_window = windows
        kept = int(np.searchsorted(ends, windows * sequence_length, side="right"))
        base = int(ends[kept] - lengths[kept]) if kept < len(ends) else int(ends[-1])
        rows, lengths = rows[kept:], lengths[kept:]


def _full_rows(lengths: np.ndarray, sequence_length: int) -> tuple[np.ndarray, np.ndarray]:
    """(index of the document, start in it) of every stretch of `sequence_length` tokens."""
    full = lengths // sequence_length
    index = np.repeat(np.arange(len(lengths)), full)
    number = np.arange(len(index)) - np.repeat(np.cumsum(full) - full, full)
    return index, number * sequence_length


def _best_fit(
    rows: np.ndarray, lengths: np.ndarray, sequence_length: int, dtype: np.dtype
) -> PackedRows:
    index, start = _full_rows(lengths, sequence_length)
    tails = lengths % sequence_length
    order = np.argsort(tails, kind="stable")
    counts = np.bincount(tails, minlength=sequence_length + 1)
    next_of = np.cumsum(counts) - counts
    counts[0] = 0
    blocks, sizes = [np.empty(0, dtype=np.int64)], [np.ones(len(index), dtype=np.int64)]
    for bins, contents in best_fit_classes(counts, sequence_length):
        in_bin = sum(number for _, number in contents)
        block = np.empty((bins, in_bin), dtype=np.int64)
        column = 0
        for length, number in contents:
            at = int(next_of[length])
            taken = order[at : at + bins * number]
            block[:, column : column + number] = taken.reshape(bins, number)
            next_of[length] += bins * number
            column += number
        blocks.append(block.ravel())
        sizes.append(np.full(bins, in_bin, dtype=np.int64))
    packed = np.concatenate(blocks)
    pieces = np.concatenate(
        [
            _pieces(dtype, rows[index], start, sequence_length),
            _pieces(dtype, rows[packed], (lengths - tails)[packed], tails[packed]),
        ]
    )
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype("<u4")
    return PackedRows(starts, pieces, ((sequence_length, len(starts) - 1),))


def _buckets(
    rows: np.ndarray, lengths: np.ndarray, settings: PackingSettings, dtype: np.dtype
) -> PackedRows:
    index, start = _full_rows(lengths, settings.sequence_length)
    parts = [_pieces(dtype, rows[index], start, settings.sequence_length)]
    sizes = [(settings.sequence_length, len(index))]
    size = settings.sequence_length // 2
    while size >= settings.shortest_bucket:
        chosen = np.flatnonzero(lengths & size)
        parts.append(_pieces(dtype, rows[chosen], lengths[chosen] // (2 * size) * (2 * size), size))
        sizes.append((size, len(chosen)))
        size //= 2
    pieces = np.concatenate(parts)
    return PackedRows(np.arange(len(pieces) + 1, dtype="<u4"), pieces, tuple(sizes))
