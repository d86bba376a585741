"""Annotators that the native pass over the text (`kernels.measure`) measures.

All measures that a segment needs of one text version are taken in one call, so that words and lines
are found once: the planner gathers them in a `MeasureGroup`.

`words` says what a word is. `uax29` (the default): a UAX #29 segment (Unicode 16.0) with at least
one letter or number; punctuation is no word and counts in no denominator. Chinese, Japanese, Thai,
Lao, Khmer and Burmese, which put no spaces between words, are divided by dictionaries (the extra
`segmentation`). Where they are not installed, and for scripts that have none, word signals are null
for a text most of whose letters need them, and rules on them keep it. `uax29_alone`: the rules and
nothing else, so that every such letter is a word. `whitespace`: Python's `str.split()`, which
leaves punctuation at the words. `datatrove`: the tokens of the peer (`stages/word_sources.py`).

A new family needs a native file (`kernels/native/measure.hpp`) and a subclass with `name`,
`family` and its documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
from pydantic import Field, SerializeAsAny

from curate.kernels import dictionary
from curate.kernels.measure import FAMILIES, Request, measure
from curate.stages.base import Annotator
from curate.stages.word_sources import WordSource, WordSourceName, datatrove_words


class Measure(Annotator):
    """A family of the native pass without options. Columns `<family>.<signal>`."""

    family: ClassVar[str]

    def signals(self) -> tuple[pa.Field, ...]:
        """The columns of the family: int64 counts, float64 fractions."""
        return tuple(FAMILIES[self.family].schema)

    def segmenter(self) -> WordSourceName | None:
        """Where its words come from; None when it needs none."""
        return None

    def options(self) -> tuple[int, ...]:
        """Integers that the family reads (`kernels/native/family_<family>.cpp`)."""
        return ()

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        return measure_together(batch, [self])[0]

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

    reads: ClassVar[tuple[str, ...]] = ("text", "language")
    """The language for `datatrove` only."""

    words: WordSource = Field(default="uax29", description="what a word is")

    def segmenter(self) -> WordSourceName | None:
        """The field `words`."""
        return self.words

    def word_segmenter(self) -> str | None:
        """The field `words`, with the dictionaries that are installed."""
        return dictionary.segmenter_name() if self.words == "uax29" else self.words

    def used_distributions(self) -> tuple[str, ...]:
        """What finds the words beside our kernels."""
        by_words = {"datatrove": ("spacy",), "uax29": (dictionary.DISTRIBUTION,)}
        return by_words.get(self.words, ())


class MeasureGroup(Annotator):
    """Measures that are taken in one pass; at most one kind of words among them.

    Not for pipeline files: the planner makes it.
    """

    name: ClassVar[str] = "measures"
    reads: ClassVar[tuple[str, ...]] = ("text", "language")

    measures: tuple[SerializeAsAny[Measure], ...]

    def signals(self) -> tuple[pa.Field, ...]:
        """Those of the measures, one after the other."""
        return tuple(signal for each in self.measures for signal in each.signals())

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        made = measure_together(batch, self.measures)
        columns = [column for part in made for column in part.columns]
        return pa.RecordBatch.from_arrays(columns, names=[each.name for each in self.signals()])


def measure_together(batch: pa.RecordBatch, measures: Sequence[Measure]) -> list[pa.RecordBatch]:
    """The columns of each measure; those that need words must agree on them.

    batch: the column `text`, for datatrove's words also `language`.
    """
    kinds = {each.segmenter() for each in measures} - {None}
    if len(kinds) > 1:
        raise ValueError("one pass cannot use several kinds of words")
    kind = next(iter(kinds), None) or "uax29"
    text = batch.column("text")
    words = datatrove_words(text, batch.column("language")) if kind == "datatrove" else kind
    return measure(text, [Request(each.family, each.options()) for each in measures], words)
