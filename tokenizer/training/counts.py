"""How often each distinct piece of text (*pre-token*) occurs: what tokenizers are trained on.

A trainer needs no text, only its pieces and their numbers; those are far smaller, add up over
shards and sources, and can be scaled. Counts are exact 64-bit integers, so nothing overflows.
Pieces are cut as `patterns.cutter` cuts; a piece of more than 64 characters (a genome, a long line
of signs) is counted in stretches of 64, because no tokenizer learns from it and trainers take time
in the square of a piece's length. The saved pre-tokenizer does not cut them.

`gather` reads sorted counts of several sources, scales each by a fraction and adds them up; where
the pieces do not fit into `count_memory_bytes` it keeps the most frequent, of equally frequent ones
those first in order of bytes, and says what was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.pretokens import COUNTS_SCHEMA, PretokenCounter, merge_counted
from curate.tokenizer.config import BYTES_PER_PRETOKEN, TokenizerConfig
from curate.tokenizer.normal_forms import NFKC_WARNING, normalized

__all__ = ["ALL", "COUNTS_SCHEMA", "Counts", "Share", "count_texts", "gather", "pretoken_counter"]

MOST_SHARE = 2**31 - 1
WAITING_ROWS = 2**20


@dataclass(frozen=True)
class Counts:
    """Rows of `COUNTS_SCHEMA` and what they were counted in; `notes` are sentences for the user."""

    pretokens: pa.LargeBinaryArray
    counts: np.ndarray
    documents: int
    text_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """The fraction of a source's counts that takes part, 0 to 2^31 - 1 over 1 to 2^31 - 1."""

    numerator: int = 1
    denominator: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.numerator <= MOST_SHARE and 0 < self.denominator <= MOST_SHARE):
            raise ValueError(f"{self.numerator}/{self.denominator} is no share of counts")

    def of(self, counts: np.ndarray) -> np.ndarray:
        """uint64[n] counts times the share, halves up. Raises OverflowError above 63 bits."""
        if self.numerator == self.denominator:
            return counts
        above, below = np.uint64(self.numerator), np.uint64(self.denominator)
        whole, rest = np.divmod(counts, below)
        if len(whole) and int(whole.max()) * self.numerator >= 2**63:
            raise OverflowError(
                f"a count times {self.numerator}/{self.denominator} exceeds 63 bits"
            )
        scaled: np.ndarray = whole * above + (rest * above + below // np.uint64(2)) // below
        return scaled


ALL = Share()


def pretoken_counter(config: TokenizerConfig) -> PretokenCounter:
    """An empty counter for texts in the normal form of the configuration."""
    return PretokenCounter(config.chosen_pattern, config.digits)


def count_texts(texts: Iterable[pa.LargeStringArray], config: TokenizerConfig) -> Counts:
    """Count the pieces of batches of texts (no nulls) in memory."""
    counter = pretoken_counter(config)
    documents = text_bytes = 0
    for batch in texts:
        documents += len(batch)
        text_bytes += pc.sum(pc.binary_length(batch)).as_py() or 0
        counter.add(normalized(batch, config.normalization))
    return gather(lambda: [counter.batches()], [ALL], documents, text_bytes, config)


def gather(
    streams: Callable[[], Sequence[Iterator[pa.RecordBatch]]],
    shares: Sequence[Share],
    documents: int,
    text_bytes: int,
    config: TokenizerConfig,
) -> Counts:
    """Sum of sorted counts of several sources, each times its share.

    streams: opens the sources from their beginning; called a second time where the pieces do not
    fit. Memory: `config.count_memory_bytes` at most, and a batch per source.
    """

    def opened() -> Iterator[pa.RecordBatch]:
        scaled = [_scaled(stream, share) for stream, share in zip(streams(), shares, strict=True)]
        return merge_counted(scaled)

    notes = (NFKC_WARNING,) if config.normalization == "nfkc" else ()
    kept: list[pa.RecordBatch] = []
    held_bytes = 0
    for batch in opened():
        kept.append(batch)
        held_bytes += int(_sizes(batch).sum())
        if held_bytes > config.count_memory_bytes:
            kept.clear()
            bound = _find_bound(opened(), config.count_memory_bytes)
            kept = [part for batch in opened() if (part := bound.keep(batch)).num_rows]
            notes = (*notes, bound.note())
            break
    table = pa.Table.from_batches(kept, COUNTS_SCHEMA)
    del kept
    # One chunk: trainers read the buffers.
    pieces = table.column("pretoken").combine_chunks()
    counts = table.column("count").to_numpy()
    return Counts(pieces, counts, documents, text_bytes, notes)


def _scaled(stream: Iterator[pa.RecordBatch], share: Share) -> Iterator[pa.RecordBatch]:
    for batch in stream:
        counts = share.of(batch.column("count").to_numpy())
        scaled = pa.RecordBatch.from_arrays(
            [batch.column("pretoken"), pa.array(counts)], schema=COUNTS_SCHEMA
        )
        yield scaled if counts.all() else scaled.filter(pa.array(counts != 0))


def _sizes(batch: pa.RecordBatch) -> np.ndarray:
    """Memory that every piece takes while training, int64[n]."""
    lengths = pc.binary_length(batch.column("pretoken")).to_numpy()
    found: np.ndarray = lengths + BYTES_PER_PRETOKEN
    return found


class _Bound:
    """Keeps pieces that occur more than `count` times, and of those with exactly that count the
    first ones in order of bytes while there is room for them.
    """

    def __init__(self, count: int, room_bytes: int) -> None:
        self._count, self._room = np.uint64(count), room_bytes
        self._pieces = self._dropped_pieces = 0
        self._bytes = self._dropped_bytes = 0

    def keep(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that stay; batches come in order, each once."""
        counts, sizes = batch.column("count").to_numpy(), _sizes(batch)
        at_bound = counts == self._count
        filled = np.cumsum(np.where(at_bound, sizes, 0))
        stays = (counts > self._count) | (at_bound & (filled <= self._room))
        self._room -= int(filled[-1]) if len(filled) else 0
        text = counts * (sizes - BYTES_PER_PRETOKEN).astype(np.uint64)
        self._pieces += len(counts)
        self._bytes += int(text.sum())
        self._dropped_pieces += int((~stays).sum())
        self._dropped_bytes += int(text[~stays].sum())
        return batch.filter(pa.array(stays))

    def note(self) -> str:
        """What was lost."""
        share = 100 * self._dropped_bytes / max(1, self._bytes)
        return (
            f"the tokenizer was trained without the {self._dropped_pieces:,} rarest of "
            f"{self._pieces:,} distinct pieces of text ({share:.3g} % of the text; each occurs "
            f"{int(self._count):,} times or less), because the others fill "
            "tokenizer.count_memory_bytes"
        )


def _find_bound(batches: Iterator[pa.RecordBatch], memory_bytes: int) -> _Bound:
    """From the memory of all pieces by their count; distinct counts are few."""
    counts, sizes = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    rows = 0
    for batch in batches:
        waiting.append((batch.column("count").to_numpy(), _sizes(batch)))
        rows += batch.num_rows
        if rows >= WAITING_ROWS:
            counts, sizes = _summed([(counts, sizes), *waiting])
            waiting, rows = [], 0
    counts, sizes = _summed([(counts, sizes), *waiting])
    from_above = np.cumsum(sizes[::-1])
    fitting = int(np.searchsorted(from_above, memory_bytes, side="right"))
    used = int(from_above[fitting - 1]) if fitting else 0
    return _Bound(int(counts[len(counts) - 1 - fitting]), memory_bytes - used)


def _summed(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct counts, ascending, and the memory of their pieces."""
    counts, place = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    sizes = np.zeros(len(counts), np.int64)
    np.add.at(sizes, place, np.concatenate([part[1] for part in parts]))
    return counts, sizes
