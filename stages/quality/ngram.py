"""Repeated n-grams as ROOTS, the corpus of BLOOM, bounds them (Laurençon et al. 2022, arXiv
2303.03915; published code: bigscience-workshop/data-preparation, `parameters_filtering.py`).

Two shares tell spam and templates from prose. Of all character n-grams: the occurrences of the
int(sqrt(distinct)) most frequent ones among those that occur twice. Of all word n-grams (lower
case): the occurrences of those that occur twice. data-juicer's operators of the same names use the
same formulas with 10 words instead of 5.

Differs from the original: words are UAX #29 words with a letter or number instead of white-space
words stripped of a list of characters; lower case is Unicode's simple mapping; documents above
2^20 characters are counted in windows of that many. The bounds here are the original's defaults;
its bounds for English are 0.106 and 0.19 (recipe `roots`).

Cost: about 30 ns per character; 48 MiB at most per worker for the table.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from curate.stages.base import Annotator, Filter, SourceKind
from curate.stages.measures import WordMeasure
from curate.stages.rules import Rule
from curate.stages.word_sources import WordSource


class NgramRepetition(WordMeasure):
    """Shares of repeated n-grams.

    repeated_character_ngrams, repeated_word_ngrams: of all n-grams of the text. A text shorter than
    one n-gram has none and measures 0.
    """

    name: ClassVar[str] = "ngrams"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "ngrams"

    character_ngram: int = Field(default=10, ge=1, le=1000, description="characters per n-gram")
    word_ngram: int = Field(default=5, ge=1, le=1000, description="words per n-gram")

    def options(self) -> tuple[int, ...]:
        """Characters, words."""
        return (self.character_ngram, self.word_ngram)


class NgramFilter(Filter):
    """Keep documents that do not repeat the same n-grams over and over."""

    name: ClassVar[str] = "ngram_repetition"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum", "encyclopedia")

    character_ngram: int = Field(
        default=10, ge=1, le=1000, description="characters per n-gram (ROOTS, data-juicer)"
    )
    word_ngram: int = Field(
        default=5, ge=1, le=1000, description="words per n-gram (ROOTS; data-juicer: 10)"
    )
    max_character_repetition: float | None = Field(
        default=0.2,
        ge=0,
        le=1,
        description="most frequent character n-grams, of all (ROOTS default; English 0.106)",
    )
    max_word_repetition: float | None = Field(
        default=0.3,
        ge=0,
        le=1,
        description="repeated word n-grams, of all (ROOTS default; English 0.19)",
    )
    words: WordSource = Field(default="uax29", description="what a word is")

    def annotators(self) -> tuple[Annotator, ...]:
        """The measure with this filter's n-grams."""
        return (
            NgramRepetition(
                words=self.words, character_ngram=self.character_ngram, word_ngram=self.word_ngram
            ),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Characters before words, as in the original."""
        bounds = (
            ("character_repetition", "repeated_character_ngrams", self.max_character_repetition),
            ("word_repetition", "repeated_word_ngrams", self.max_word_repetition),
        )
        return tuple(
            Rule(name, signal=f"ngrams.{signal}", high=high, missing="keep")
            for name, signal, high in bounds
            if high is not None
        )
