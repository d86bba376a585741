"""What packing does to documents: how much is padding, how much is left out, how many are cut.

All strategies are measured in every run, from the histogram of lengths (and, for `concat`, from the
places where documents fall), so the choice can be made on numbers. Cost: one bincount per batch of
lengths, and a few milliseconds at the end; memory is the histogram.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from curate.tokenizer.packing.best_fit import best_fit_classes, fewest_rows
from curate.tokenizer.packing.rows import PackedRows, PackingSettings, Strategy

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


class PackingFigures(BaseModel):
    """Counts of one strategy on one split. A document is cut when its tokens lie in several rows,
    or in rows and among the discarded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = Field(ge=0)
    tokens: int = Field(ge=0)
    rows: int = Field(ge=0)
    row_tokens: int = Field(ge=0, description="of all rows, padding included")
    padding_tokens: int = Field(ge=0)
    fewest_padding_tokens: int = Field(
        ge=0, description="no packing of whole documents has less; 0 where documents may be cut"
    )
    discarded_tokens: int = Field(ge=0, description="in no row")
    cut_documents: int = Field(ge=0)
    cut_documents_that_fit: int = Field(ge=0, description="not longer than a row, and cut")

    def percent(self) -> dict[str, float]:
        """Of row tokens: padding and fewest padding. Of tokens: discarded. Of documents: cut, and
        truncated without need.
        """
        return {
            "padding": _percent(self.padding_tokens, self.row_tokens),
            "fewest_padding": _percent(self.fewest_padding_tokens, self.row_tokens),
            "discarded": _percent(self.discarded_tokens, self.tokens),
            "cut": _percent(self.cut_documents, self.documents),
            "truncated": _percent(self.cut_documents_that_fit, self.documents),
        }


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def added(figures: Iterable[PackingFigures]) -> PackingFigures:
    """The sums over phases of training, which share no row."""
    first, *others = figures
    names = PackingFigures.model_fields
    sums = {n: sum((getattr(f, n) for f in others), getattr(first, n)) for n in names}
    return PackingFigures(**sums)


class LengthTotals:
    """Sums over the lengths of a split, in training order."""

    def __init__(self, settings: PackingSettings) -> None:
        self._settings = settings
        length = settings.sequence_length
        self._fitting = np.zeros(length + 1, dtype=np.int64)  # documents by length
        self._tails = np.zeros(length + 1, dtype=np.int64)  # of longer documents, by what is left
        self._full_rows = self.documents = self.tokens = 0
        self._crossing = self._crossing_that_fit = 0

    def add(self, lengths: np.ndarray) -> None:
        """The lengths of the next documents."""
        size = self._settings.sequence_length
        lengths = lengths[lengths > 0].astype(np.int64)
        long = lengths[lengths > size]
        self._fitting += np.bincount(lengths[lengths <= size], minlength=size + 1)
        self._tails += np.bincount(long % size, minlength=size + 1)
        self._full_rows += int((long // size).sum())
        ends = self.tokens + np.cumsum(lengths)
        crossing = (ends - lengths) // size < (ends - 1) // size
        self._crossing += int(crossing.sum())
        self._crossing_that_fit += int((crossing & (lengths <= size)).sum())
        self.documents += len(lengths)
        self.tokens += int(lengths.sum())

    def figures(self, strategy: Strategy) -> PackingFigures:
        """What `strategy` would do, were all documents packed as one group."""
        if strategy == "concat":
            return self._concat()
        return self._best_fit() if strategy == "best_fit" else self._buckets()

    def _figures(self, rows: int, row_tokens: int, used: int, **counts: int) -> PackingFigures:
        absent = {"fewest_padding_tokens": 0, "cut_documents_that_fit": 0}
        return PackingFigures(
            documents=self.documents,
            tokens=self.tokens,
            rows=rows,
            row_tokens=row_tokens,
            padding_tokens=row_tokens - min(used, row_tokens),
            discarded_tokens=self.tokens - used,
            **(absent | counts),
        )

    def _concat(self) -> PackingFigures:
        size = self._settings.sequence_length
        rows = max(0, (self.tokens - 1) // size)
        used = rows * size + 1 if rows else 0
        return self._figures(
            rows,
            rows * size,
            used,
            cut_documents=self._crossing,
            cut_documents_that_fit=self._crossing_that_fit,
        )

    def _best_fit(self) -> PackingFigures:
        size = self._settings.sequence_length
        counts = self._fitting + self._tails
        counts[0] = 0
        rows = self._full_rows + sum(bins for bins, _ in best_fit_classes(counts, size))
        fewest = (self._full_rows + fewest_rows(counts, size)) * size - self.tokens
        cut = int(self._tails.sum())
        return self._figures(
            rows, rows * size, self.tokens, cut_documents=cut, fewest_padding_tokens=fewest
        )

    def _buckets(self) -> PackingFigures:
        size, shortest = self._settings.sequence_length, self._settings.shortest_bucket
        sizes = 2 ** np.arange(shortest.bit_length() - 1, size.bit_length() - 1)
        lengths = np.arange(size + 1)
        counts = self._fitting + self._tails
        chosen = (lengths[:, None] & sizes) > 0
        full_rows = self._full_rows + int(self._fitting[size])
        rows = full_rows + int((chosen.sum(axis=1) * counts).sum())
        used = full_rows * size + int(((chosen * sizes).sum(axis=1) * counts).sum())
        lost = (lengths & (shortest - 1)) > 0
        in_two = (chosen.sum(axis=1) + lost > 1) & (lengths >= shortest)
        fitting = int(self._fitting[in_two].sum())
        cut = fitting + int(self._tails.sum())
        return self._figures(rows, used, used, cut_documents=cut, cut_documents_that_fit=fitting)


class PlanTotals:
    """Sums over the rows of a plan as it was made."""

    def __init__(self) -> None:
        self._rows = self._row_tokens = self._used = 0

    def add(self, packed: PackedRows) -> None:
        self._rows += packed.rows
        self._row_tokens += sum(length * rows for length, rows in packed.lengths)
        self._used += int(packed.pieces["length"].sum(dtype=np.int64))

    def correct(self, figures: PackingFigures, strategy: Strategy) -> PackingFigures:
        """`figures` with what several groups changed. Windows of `concat` share tokens and know no
        groups.
        """
        if strategy == "concat":
            return figures
        counted = {
            "rows": self._rows,
            "row_tokens": self._row_tokens,
            "padding_tokens": self._row_tokens - self._used,
            "discarded_tokens": figures.tokens - self._used,
        }
        return figures.model_copy(update=counted)
