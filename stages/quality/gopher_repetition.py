"""Gopher repetition rules (Rae et al. 2021, arXiv 2112.11446, table A1).

Drops documents that say the same thing again and again: repeated lines and paragraphs, a few
n-grams that fill the text, long n-grams that come back. Thirteen fractions, thirteen bounds.

Figures and bounds follow datatrove's `GopherRepetitionFilter`, which they equal on 1,740 real
documents when both get the same words (benchmarks/golden_fineweb). Differs from it on purpose:
- A blank line or paragraph is no duplicate (there every white-space line after the first is one).
- CR LF is a line end like LF, so that Windows texts have paragraphs.
- Repeated n-grams are compared word by word; there words are glued together, so that `a bc` equals
  `ab c` (this changes one of the 1,740 documents).
- A text without characters measures 0 and is kept; the peer removes it as `empty`. A text shorter
  than n words has no n-gram.
- A bound of 0 is a bound; `null` switches a rule off.
Same as there, and worth knowing: the most frequent n-gram counts with all its occurrences even if
they overlap, so that the fraction may exceed 1, and one that occurs once counts too, so that texts
of a few words break the rule; a document of two words is its own top 2-gram.

Books repeat phrases over 100,000 words. `window_words: 10000` takes the fractions per window of
that many words and their mean, weighted by characters: all 34 shared novels pass, 33 without it
(32.7 % of the paragraphs of one novel repeat an earlier one, 1.6 % within windows). The largest
window would pass all 34 too; the mean is taken so that no list or index decides about a book.

Cost: 6 ns per byte of English, shared words included, linear for every text; at most about 40 bytes
of scratch memory per word of the longest document.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from curate.stages.base import Annotator, Filter, SourceKind
from curate.stages.measures import WordMeasure
from curate.stages.rules import Rule
from curate.stages.word_sources import WordSource


class Repetition(WordMeasure):
    """The thirteen fractions.

    duplicate_line_fraction, duplicate_paragraph_fraction: pieces that equal an earlier one, of all
    pieces; lines are what runs of line ends separate, paragraphs what two or more line ends do.
    duplicate_line_characters, duplicate_paragraph_characters: their characters, of all characters.
    top_2gram_characters to top_4gram_characters: length (with spaces) times occurrences of the most
    frequent n-gram, of all characters; the earliest among equals. duplicate_5gram_characters to
    duplicate_10gram_characters: characters of words in n-grams met before, walking from left to
    right and jumping over each, of all characters.
    """

    name: ClassVar[str] = "repetition"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "repetition"

    window_words: int | None = Field(
        default=None, ge=1, le=2**31, description="longest window in words; null: whole document"
    )

    def options(self) -> tuple[int, ...]:
        """The window, if any."""
        return () if self.window_words is None else (self.window_words,)


def _bound(value: float, of_what: str) -> float | None:
    bound: float | None = Field(default=value, ge=0, le=1, description=f"{of_what} (table A1)")
    return bound


class GopherRepetition(Filter):
    """Keep documents that do not repeat themselves."""

    name: ClassVar[str] = "gopher_repetition"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum", "encyclopedia", "book")
    requires: ClassVar[tuple[type[Annotator], ...]] = (Repetition,)

    max_duplicate_lines: float | None = _bound(0.3, "repeated lines, of all lines")
    max_duplicate_paragraphs: float | None = _bound(0.3, "repeated paragraphs, of all paragraphs")
    max_duplicate_line_characters: float | None = _bound(
        0.2, "characters in repeated lines, of all characters"
    )
    max_duplicate_paragraph_characters: float | None = _bound(
        0.2, "characters in repeated paragraphs, of all characters"
    )
    max_top_2gram_characters: float | None = _bound(0.2, "characters in the most frequent 2-gram")
    max_top_3gram_characters: float | None = _bound(0.18, "characters in the most frequent 3-gram")
    max_top_4gram_characters: float | None = _bound(0.16, "characters in the most frequent 4-gram")
    max_duplicate_5gram_characters: float | None = _bound(0.15, "characters in repeated 5-grams")
    max_duplicate_6gram_characters: float | None = _bound(0.14, "characters in repeated 6-grams")
    max_duplicate_7gram_characters: float | None = _bound(0.13, "characters in repeated 7-grams")
    max_duplicate_8gram_characters: float | None = _bound(0.12, "characters in repeated 8-grams")
    max_duplicate_9gram_characters: float | None = _bound(0.11, "characters in repeated 9-grams")
    max_duplicate_10gram_characters: float | None = _bound(0.10, "characters in repeated 10-grams")
    window_words: int | None = Field(
        default=None,
        ge=1,
        le=2**31,
        description="for books: mean over windows of this many words; null: the whole document",
    )
    words: WordSource = Field(default="uax29", description="what a word is")

    def annotators(self) -> tuple[Annotator, ...]:
        """Repetition, with the words and the window of this filter."""
        return (Repetition(words=self.words, window_words=self.window_words),)

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order: paragraphs, lines, then n-grams of growing length."""
        pieces = (
            ("duplicate_paragraph_fraction", self.max_duplicate_paragraphs),
            ("duplicate_paragraph_characters", self.max_duplicate_paragraph_characters),
            ("duplicate_line_fraction", self.max_duplicate_lines),
            ("duplicate_line_characters", self.max_duplicate_line_characters),
        )
        grams = (
            ("top_2gram_characters", self.max_top_2gram_characters),
            ("top_3gram_characters", self.max_top_3gram_characters),
            ("top_4gram_characters", self.max_top_4gram_characters),
            ("duplicate_5gram_characters", self.max_duplicate_5gram_characters),
            ("duplicate_6gram_characters", self.max_duplicate_6gram_characters),
            ("duplicate_7gram_characters", self.max_duplicate_7gram_characters),
            ("duplicate_8gram_characters", self.max_duplicate_8gram_characters),
            ("duplicate_9gram_characters", self.max_duplicate_9gram_characters),
            ("duplicate_10gram_characters", self.max_duplicate_10gram_characters),
        )
        return tuple(
            Rule(
                name,
                signal=f"repetition.{name}",
                high=bound,
                missing="keep" if "gram" in name else "break",
            )
            for name, bound in (*pieces, *grams)
            if bound is not None
        )
