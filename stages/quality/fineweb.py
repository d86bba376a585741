"""FineWeb's own quality rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6).

Drops pages that are lists of fragments: few lines that end like sentences, many short lines,
repeated lines, many line ends per word.

Figures and bounds follow datatrove's `FineWebQualityFilter`, which they equal on 1,740 real
documents when both get the same words (benchmarks/golden_fineweb). Differs from it on purpose: CR
LF is a line end like LF, where the peer finds no sentence end before a CR and removes every Windows
text; a text without lines measures 0 and breaks `sentence_end_lines` instead of an extra reason; no
division by zero for a text without words; a bound of 0 is a bound, `null` switches a rule off. The
peer's `line_punct_exclude_zero` is not offered: a rule keeps an interval.

Same as there: blank lines are no lines; white space at the end of a line counts as its last
character, and quotes are no sentence ends.

Cost: 2 ns per byte, and the shared words; no memory per document but 20 bytes per line.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from curate.stages.base import Annotator, Filter, SourceKind
from curate.stages.measures import WordMeasure
from curate.stages.rules import Rule
from curate.stages.word_sources import WordSource


class FineWebLines(WordMeasure):
    """Lines as FineWeb counts them: between line feeds, not blank.

    sentence_end_fraction: lines that end with a stop character, of all lines. short_line_fraction:
    lines of at most `short_line_characters`, of all lines. duplicate_line_characters: characters of
    lines that equal an earlier one, of all characters outside line ends. newlines_per_word: line
    feeds per word.
    """

    name: ClassVar[str] = "fineweb"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "fineweb"

    short_line_characters: int = Field(
        default=30, ge=0, le=2**53, description="longest short line (short_line_length)"
    )
    stop_characters: str | None = Field(
        default=None,
        min_length=1,
        description="characters that end a sentence; null: datatrove's 159, in all scripts",
    )

    def options(self) -> tuple[int, ...]:
        """The longest short line, then the code points of the stop characters."""
        return (self.short_line_characters, *sorted({ord(c) for c in self.stop_characters or ""}))


class FineWebQuality(Filter):
    """Keep pages that are text rather than lists."""

    name: ClassVar[str] = "fineweb_quality"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum")
    requires: ClassVar[tuple[type[Annotator], ...]] = (FineWebLines,)

    min_sentence_end_lines: float | None = Field(
        default=0.12, ge=0, le=1, description="lines that end with a stop character, of all lines"
    )
    max_short_lines: float | None = Field(
        default=0.67, ge=0, le=1, description="short lines, of all lines"
    )
    short_line_characters: int = Field(
        default=30, ge=0, le=2**53, description="longest short line (short_line_length)"
    )
    max_duplicate_line_characters: float | None = Field(
        default=0.01, ge=0, le=1, description="characters in repeated lines, of all characters"
    )
    max_newlines_per_word: float | None = Field(
        default=0.3, ge=0, allow_inf_nan=False, description="line feeds per word (new_line_ratio)"
    )
    stop_characters: str | None = Field(
        default=None,
        min_length=1,
        description="characters that end a sentence; null: datatrove's 159, in all scripts",
    )
    words: WordSource = Field(default="uax29", description="what a word is")

    def annotators(self) -> tuple[Annotator, ...]:
        """FineWebLines, with the words and the characters of this filter."""
        return (
            FineWebLines(
                words=self.words,
                short_line_characters=self.short_line_characters,
                stop_characters=self.stop_characters,
            ),
        )

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        rules = (
            Rule(
                "sentence_end_lines",
                signal="fineweb.sentence_end_fraction",
                low=self.min_sentence_end_lines,
            ),
            Rule("short_lines", signal="fineweb.short_line_fraction", high=self.max_short_lines),
            Rule(
                "duplicate_line_characters",
                signal="fineweb.duplicate_line_characters",
                high=self.max_duplicate_line_characters,
            ),
            Rule(
                "newlines_per_word",
                signal="fineweb.newlines_per_word",
                high=self.max_newlines_per_word,
                missing="keep",
            ),
        )
        return tuple(rule for rule in rules if rule.low is not None or rule.high is not None)
