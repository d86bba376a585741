"""Counts of *pre-tokens*: the pieces that a tokenizer's pattern cuts texts into.

The cuts are those of `tokenizers` 0.23 (Oniguruma with Unicode 16.0; for `words` its own list of
punctuation), written by hand as scanners and compared with it on every code point; in `metaspace` a
blank stands before every text. Pieces of more than 64 characters are counted in stretches of 64.

Cost: see benchmarks/pretokens. Memory is 35 to 46 bytes per distinct piece (24 and the slots of a
table that is 3/8 to 3/4 full), and one byte more than its length for one of more than 15 bytes;
while the table grows, half of the slots' bytes again. Counts are 64-bit and exact: strings are
compared, not hashes. The GIL is released.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import EMPTY, text_buffers, word_buffers

PretokenPattern = Literal["gpt2", "gpt4", "llama3", "metaspace", "words"]
DigitRuns = Literal["pattern", "single", "triples"]

STRETCH_CHARACTERS = 64

COUNTS_SCHEMA = pa.schema(
    [
        pa.field("pretoken", pa.large_binary(), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
    ]
)
"""Distinct pieces, ascending by bytes. A piece is UTF-8, with `▁` for a blank in `metaspace`."""

BATCH_ROWS = 65_536
_PATTERNS = {"gpt2": 0, "gpt4": 1, "llama3": 1, "metaspace": 2, "words": 3}
_DIGITS = {"pattern": 0, "single": 1, "triples": 3}


class PretokenCounter:
    """Counts the pieces of texts. Not thread-safe; cannot be pickled."""

    def __init__(self, pattern: PretokenPattern, digits: DigitRuns = "pattern") -> None:
        self._counter = _native.PretokenCounter(_PATTERNS[pattern], _DIGITS[digits])

    def add(self, text: pa.LargeStringArray) -> None:
        """Count n texts. Raises ValueError for nulls and for invalid UTF-8."""
        self._counter.add(*text_buffers(text))

    @property
    def distinct(self) -> int:
        """Distinct pieces so far."""
        return self._counter.distinct

    @property
    def memory_bytes(self) -> int:
        """Bytes that the table takes now."""
        return self._counter.memory_bytes

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """All pieces as sorted rows of `COUNTS_SCHEMA`, from the first one in every call; the
        counter takes no more texts then.

        Sorting takes 16 bytes per distinct piece, for which the slots are freed first.
        """
        self._counter.sort()
        while (batch := _batch(*self._counter.take(rows))).num_rows:
            yield batch

    def table(self) -> pa.Table:
        """All of `batches` at once."""
        return pa.Table.from_batches(self.batches(), COUNTS_SCHEMA).combine_chunks()


def merge_counted(streams: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Sorted rows of `COUNTS_SCHEMA` from sorted streams of them, equal pieces added up.

    The rows do not depend on how the streams are cut into batches, which stay one per stream in
    memory. Raises OverflowError when a count exceeds 64 bits, ValueError for a stream out of order.
    Cost: about 0.1 µs per row and doubling of the streams.
    """
    held: list[pa.RecordBatch | None] = [next(stream, None) for stream in streams]
    while any(batch is not None for batch in held):
        merged, taken = _native.merge_counted([_columns(batch) for batch in held])
        made = _batch(*merged)
        if made.num_rows:
            yield made
        for index, (batch, rows) in enumerate(zip(held, taken, strict=True)):
            if batch is not None:
                left = batch.slice(rows)
                held[index] = left if left.num_rows else next(streams[index], None)


def _columns(
    batch: pa.RecordBatch | None,
) -> tuple[pa.Buffer, pa.Buffer, int, int, np.ndarray, bool]:
    """Arguments of the merge for one stream; a stream without a batch has ended."""
    if batch is None:
        return EMPTY, EMPTY, 0, 0, np.zeros(0, np.uint64), True
    pieces = batch.column("pretoken")
    _, offsets, data = pieces.buffers()
    counts = np.ascontiguousarray(batch.column("count").to_numpy())
    return offsets or EMPTY, data or EMPTY, pieces.offset, len(pieces), counts, False


def _batch(offsets: np.ndarray, data: np.ndarray, counts: np.ndarray) -> pa.RecordBatch:
    pieces = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(counts), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return pa.RecordBatch.from_arrays([pieces, pa.array(counts)], schema=COUNTS_SCHEMA)


def count_characters(
    words: pa.LargeBinaryArray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Code points (uint32, ascending) of n words (UTF-8, no nulls) and their occurrences (uint64),
    where word w occurs counts[w] times (uint64[n]). Raises ValueError for invalid UTF-8.
    """
    code_points, numbers = _native.count_characters(
        *word_buffers(words), np.ascontiguousarray(counts, dtype=np.uint64)
    )
    return code_points, numbers
