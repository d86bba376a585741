"""DCLM-Baseline's line rules (Li et al. 2024, arXiv 2406.11794; `dclm_baseline_refinedweb.yaml`).

They reproduce RefinedWeb's line-wise corrections (Penedo et al. 2023, arXiv 2306.01116, appendix
G.2): lines in capitals, of digits, social counters (`3 likes`) and lines of one word are removed;
`items in cart`, `Read more...` and `Sign-in` are cut out of lines of at most ten words; a document
that loses more than 5 % of its words is removed.

Texts, counts and verdicts equal the reference's, byte for byte (benchmarks/golden_dclm), which has
two traps worth knowing. Its phrases are regular expressions by accident, so that the dots of
`Read more...` stand for any three characters (`dot_is_any_character`). And it strips the text
after every step, so that white space around a text changes even where no line is removed. Lines
lie between LF: white space of other kinds is part of a line. Words of the 5 % rule are fastText's
tokens that begin with a letter or number, words of lines those of `str.split`. A text without words
is removed, as there, by a rule of its own.

Cost: about 9 ns per byte of English, one buffer for the edited texts.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.kernels.dclm_lines import DCLM_COUNTS, FRACTION, DclmLineRules, dclm_lines
from curate.stages.base import Editor, SourceKind
from curate.stages.rules import Rule

COUNTER_WORDS = (
    "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views "
    "followers"
).split()
CounterWord = Annotated[str, Field(pattern="^[a-z]{1,40}$")]
Phrase = Annotated[str, Field(min_length=1, max_length=100)]


class DclmLines(Editor):
    """Remove lines that are page furniture, then documents that consisted of them."""

    name: ClassVar[str] = "dclm_lines"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum")

    max_uppercase_fraction: float | None = Field(
        default=0.5, ge=0, le=1, description="upper-case letters of a line's characters (DCLM)"
    )
    max_numeric_fraction: float | None = Field(
        default=0.999999, ge=0, le=1, description="digits of a line's characters (DCLM)"
    )
    counter_words: tuple[CounterWord, ...] = Field(
        default=tuple(COUNTER_WORDS),
        max_length=1000,
        description="lines that are a number and one of them, in lower case, are removed (DCLM)",
    )
    min_words_per_line: int | None = Field(
        default=2, ge=0, le=2**53, description="fewest words of a line (DCLM)"
    )
    max_phrase_line_words: int | None = Field(
        default=10, ge=0, le=2**53, description="longest line that phrases are cut out of (DCLM)"
    )
    phrases_anywhere: tuple[Phrase, ...] = Field(
        default=("items in cart",), max_length=100, description="cut out of short lines (DCLM)"
    )
    phrases_at_end: tuple[Phrase, ...] = Field(
        default=("Read more...",), max_length=100, description="cut off short lines (DCLM)"
    )
    phrases_at_start: tuple[Phrase, ...] = Field(
        default=("Sign-in",), max_length=100, description="cut off short lines (DCLM)"
    )
    dot_is_any_character: bool = Field(
        default=True, description="`.` in a phrase stands for any character, as in DCLM's code"
    )
    max_words_removed_fraction: float | None = Field(
        default=0.05, ge=0, le=1, description="of the document's words (DCLM, RefinedWeb G.2)"
    )
    min_words: int | None = Field(
        default=1, ge=0, le=2**53, description="fewest words before the edit (DCLM's code)"
    )

    def signals(self) -> tuple[pa.Field, ...]:
        """Those of `curate.kernels.dclm_lines`: a float64 fraction, then int64 counts."""
        return (FRACTION, *DCLM_COUNTS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Raises ValueError for nulls or invalid UTF-8."""
        rules = DclmLineRules(
            max_uppercase=self.max_uppercase_fraction,
            max_numeric=self.max_numeric_fraction,
            counter_words=self.counter_words,
            min_words=self.min_words_per_line,
            max_phrase_words=self.max_phrase_line_words,
            phrases_anywhere=self.phrases_anywhere,
            phrases_at_end=self.phrases_at_end,
            phrases_at_start=self.phrases_at_start,
            dot_is_any_character=self.dot_is_any_character,
        )
        return dclm_lines(batch.column("text"), rules)

    def rules(self) -> tuple[Rule, ...]:
        """Both bounds are inclusive, as in the reference."""
        found = []
        if self.min_words is not None:
            found.append(Rule("no_words", signal="dclm_lines.words_before", low=self.min_words))
        if self.max_words_removed_fraction is not None:
            found.append(
                Rule(
                    "words_removed",
                    signal="dclm_lines.words_removed_fraction",
                    high=self.max_words_removed_fraction,
                )
            )
        return tuple(found)
