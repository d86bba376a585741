"""Gopher quality rules (Rae et al. 2021, arXiv 2112.11446, appendix A1.1).

Drops documents that do not look like running prose: too short or long, odd word lengths, symbols,
bullets, ellipses, few letters, no stop words. Words are UAX #29 words that hold a letter or number.

Differs from the paper: bullet characters follow datatrove (• and -); the stop-word rule counts
distinct words. Differs from datatrove, which gives the same eight figures when it is given our
words: its tokenizer counts punctuation as words, so that its alphabetic rule also drops dense
prose (decisions agree on 93 % of C4, 79 % of Wikipedia: benchmarks/golden_gopher); a bound of 0
is a bound and does not switch its rule off; a text without words breaks `word_count` instead of
dividing by zero. All bounds are inclusive, as there.

`words: datatrove` counts the peer's own tokens and gives its own figures.

The stop words are English: with `min_stop_words: 0` the other rules still fit languages that put
spaces between words. Novels have more than `max_words` words.

Cost: about 3 ns per byte of English, shared with every filter of the same segment that needs words
or lines; no memory per document.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from curate.stages.base import Annotator, Filter, SourceKind
from curate.stages.lines import LineStatistics
from curate.stages.rules import Rule
from curate.stages.word_sources import WordSource
from curate.stages.words import WordStatistics


class GopherQuality(Filter):
    """Keep documents that look like English prose."""

    name: ClassVar[str] = "gopher_quality"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum")
    requires: ClassVar[tuple[type[Annotator], ...]] = (WordStatistics, LineStatistics)

    min_words: int = Field(default=50, ge=0, le=2**53, description="fewest words (A1.1)")
    max_words: int = Field(default=100_000, ge=1, le=2**53, description="most words (A1.1)")
    min_mean_word_length: float = Field(
        default=3.0, ge=0, allow_inf_nan=False, description="characters, mean over words (A1.1)"
    )
    max_mean_word_length: float = Field(
        default=10.0, ge=0, allow_inf_nan=False, description="characters, mean over words (A1.1)"
    )
    max_symbol_ratio: float = Field(
        default=0.1, ge=0, allow_inf_nan=False, description="`#`, and ellipses, per word (A1.1)"
    )
    max_bullet_lines: float = Field(
        default=0.9, ge=0, le=1, description="lines that begin with a bullet, of all lines (A1.1)"
    )
    max_ellipsis_lines: float = Field(
        default=0.3, ge=0, le=1, description="lines that end with an ellipsis, of all lines (A1.1)"
    )
    min_alphabetic_words: float = Field(
        default=0.8, ge=0, le=1, description="words with a letter, of all words (A1.1)"
    )
    min_stop_words: int = Field(
        default=2,
        ge=0,
        le=8,
        description="distinct words of: the be to of and that have with (A1.1; English only)",
    )

    words: WordSource = Field(default="uax29", description="what a word is")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}")
        if self.min_mean_word_length > self.max_mean_word_length:
            raise ValueError(
                f"min_mean_word_length {self.min_mean_word_length} is above "
                f"max_mean_word_length {self.max_mean_word_length}"
            )
        return self

    def annotators(self) -> tuple[Annotator, ...]:
        """Words of this filter's kind, and lines."""
        return (WordStatistics(words=self.words), LineStatistics())

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the paper, which is datatrove's. Word rules keep a document whose words
        nobody can tell.
        """
        return (
            Rule(
                "word_count",
                signal="words.count",
                low=self.min_words,
                high=self.max_words,
                missing="keep",
            ),
            Rule(
                "mean_word_length",
                signal="words.mean_length",
                low=self.min_mean_word_length,
                high=self.max_mean_word_length,
                missing="keep",
            ),
            Rule(
                "hash_ratio",
                signal="words.hash_per_word",
                high=self.max_symbol_ratio,
                missing="keep",
            ),
            Rule(
                "ellipsis_ratio",
                signal="words.ellipsis_per_word",
                high=self.max_symbol_ratio,
                missing="keep",
            ),
            Rule("bullet_lines", signal="lines.bullet_fraction", high=self.max_bullet_lines),
            Rule("ellipsis_lines", signal="lines.ellipsis_fraction", high=self.max_ellipsis_lines),
            Rule(
                "alphabetic_words",
                signal="words.alphabetic_fraction",
                low=self.min_alphabetic_words,
                missing="keep",
            ),
            Rule(
                "stop_words",
                signal="words.stop_words",
                low=self.min_stop_words,
                missing="keep",
            ),
        )
