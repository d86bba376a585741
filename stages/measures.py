"""Annotators that the native pass over the text (`kernels.measure`) measures.

All measures that a segment needs of one text version are taken in one call, so that words and lines
are found once: the planner gathers them in a `MeasureGroup`.

`words` says what a word is. `uax29` (the default): a UAX #29 segment (Unicode 16.0) with at least
one letter or number; punctuation is no word and counts in no denominator. `whitespace`: Python's
`str.split()`, which leaves punctuation at the words.

A new family needs a native file (`kernels/native/measure.hpp`) and a subclass with `name`,
`family` and its documentation.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from curate.kernels.measure import FAMILIES, Request, measure
from curate.stages.base import Annotator

WordSource = Literal["uax29", "whitespace"]


class Measure(Annotator):
    """A family of the native pass without options. Columns `<family>.<signal>`."""

    family: ClassVar[str]

    def signals(self) -> tuple[pa.Field, ...]:
        """The columns of the family: int64 counts, float64 fractions."""
        return tuple(FAMILIES[self.family].schema)

    def segmenter(self) -> WordSource | None:
        """Where its words come from; None when it needs none."""
        return None

    def options(self) -> tuple[int, ...]:
        """Integers that the family reads (`kernels/native/family_<family>.cpp`)."""
        return ()

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        request = Request(self.family, self.options())
        return measure(batch.column("text"), [request], self.segmenter() or "uax29")[0]

    def prefix(self, entry: str) -> str:
        """The family; `<family>_<segmenter>` for other words; the stage's name for other options.

        So equal columns have one name, however many stages ask for them.
        """
        if self.options() != type(self)().options():
            return entry
        words = self.segmenter()
        return self.family if words in (None, "uax29") else f"{self.family}_{words}"


class WordMeasure(Measure):
    """A family that needs words; its word-based columns are null where words are not known."""

    words: WordSource = Field(default="uax29", description="what a word is")

    def segmenter(self) -> WordSource | None:
        """The field `words`."""
        return self.words
