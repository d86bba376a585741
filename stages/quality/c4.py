"""C4's quality rules (Raffel et al. 2020, arXiv 1910.10683, section 2.2) and mC4's paragraph rule.

`c4_quality` removes lines that are no sentences of prose (no terminal punctuation, fewer than three
words, `javascript`, cookie and policy phrases, a word of more than 1,000 characters) and citation
marks (`[12]`, `[edit]`, `[citation needed]`), then removes documents with `lorem ipsum`, with `{`,
or with fewer than five sentences left. The last two kill code; the punctuation rule kills lists and
verse, and FineWeb switches it off. `c4_paragraphs` (Xue et al. 2021, arXiv 2010.11934, section 3.1)
asks for three lines of at least 200 characters.

Order and reading of the checks are datatrove's (0.10.1), and so are text and counts, byte for byte,
when both are given the same sentences (benchmarks/golden_c4). Lines are those of `str.splitlines`
in `c4_quality`, as there, and pieces between LF in `c4_paragraphs`, as there. Words are runs
without white space. Differs from datatrove: sentences are those of UAX #29 instead of spaCy's;
`lorem ipsum` and `{` are counted to the end instead of stopping at the first, so the reason of a
removal is the first rule in declared order; `null` switches a bound off, 0 is a bound. The list of
bad words that the paper also uses is a stage of its own.

Cost: one pass, about 7 ns per byte of English, one buffer for the edited texts.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from curate.kernels.c4_lines import C4_COUNTS, C4LineRules, c4_lines, long_line_counts
from curate.stages.base import Annotator, Editor, Filter, SourceKind
from curate.stages.rules import Rule

POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)


class C4Quality(Editor):
    """Remove lines that are no prose, then documents with too little left."""

    name: ClassVar[str] = "c4_quality"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web",)

    pieces: Literal["lines", "sentences"] = Field(
        default="lines",
        description="what is judged and removed; sentences are joined by a space (datatrove's "
        "`split_paragraph: false`)",
    )
    max_word_characters: int | None = Field(
        default=1000, ge=1, le=2**53, description="longest word of a line (C4's code)"
    )
    remove_citations: bool = Field(
        default=True, description="cut out [12], [edit] and [citation needed] (C4's code)"
    )
    require_terminal_punctuation: bool = Field(
        default=True,
        description="a line ends in . ? ! \" or ' but not in ... (section 2.2; FineWeb: false)",
    )
    min_words_per_line: int | None = Field(
        default=3, ge=0, le=2**53, description="fewest words of a line (section 2.2)"
    )
    remove_javascript_lines: bool = Field(
        default=True, description="remove lines with `javascript` (section 2.2)"
    )
    policy_phrases: tuple[str, ...] = Field(
        default=POLICY_PHRASES,
        max_length=10_000,
        description="remove lines with one of them, in any case (C4's code); an empty list: none",
    )
    max_lorem_ipsum_lines: int | None = Field(
        default=0, ge=0, le=2**53, description="lines with `lorem ipsum` (section 2.2)"
    )
    max_curly_bracket_lines: int | None = Field(
        default=0, ge=0, le=2**53, description="lines with `{`; kills code (section 2.2)"
    )
    min_sentences: int | None = Field(
        default=5, ge=0, le=2**53, description="fewest sentences that are left (section 2.2)"
    )

    @model_validator(mode="after")
    def _phrases_are_not_empty(self) -> Self:
        for phrase in self.policy_phrases:
            if not phrase.strip():
                raise ValueError("policy_phrases: an empty phrase would remove every line")
        return self

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of `curate.kernels.c4_lines`, all int64."""
        return tuple(C4_COUNTS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Raises ValueError for nulls or invalid UTF-8."""
        rules = C4LineRules(
            pieces=self.pieces,
            max_word_characters=self.max_word_characters,
            remove_citations=self.remove_citations,
            require_terminal_punctuation=self.require_terminal_punctuation,
            min_words=self.min_words_per_line,
            remove_javascript=self.remove_javascript_lines,
            policy_phrases=self.policy_phrases,
        )
        return c4_lines(batch.column("text"), rules)

    def rules(self) -> tuple[Rule, ...]:
        """In the order of datatrove's checks."""
        found = []
        if self.max_lorem_ipsum_lines is not None:
            found.append(
                Rule(
                    "lorem_ipsum",
                    signal="c4_quality.lorem_ipsum_lines",
                    high=self.max_lorem_ipsum_lines,
                )
            )
        if self.max_curly_bracket_lines is not None:
            found.append(
                Rule(
                    "curly_bracket",
                    signal="c4_quality.curly_bracket_lines",
                    high=self.max_curly_bracket_lines,
                )
            )
        if self.min_sentences is not None:
            found.append(
                Rule("few_sentences", signal="c4_quality.sentences", low=self.min_sentences)
            )
        return tuple(found)


class LongLines(Annotator):
    """Lines (between LF) of at least `min_characters` characters."""

    name: ClassVar[str] = "long_lines"
    version: ClassVar[int] = 1

    min_characters: int = Field(default=200, ge=1, le=2**53, description="shortest that counts")

    def signals(self) -> tuple[pa.Field, ...]:
        """`long_lines`: int64, never null."""
        return (pa.field("long_lines", pa.int64(), nullable=False),)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls."""
        counts = long_line_counts(batch.column("text"), self.min_characters)
        return pa.RecordBatch.from_arrays([counts], schema=pa.schema(self.signals()))


class C4Paragraphs(Filter):
    """Keep documents with a few long lines."""

    name: ClassVar[str] = "c4_paragraphs"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web",)
    requires: ClassVar[tuple[type[Annotator], ...]] = (LongLines,)

    min_long_lines: int = Field(
        default=3, ge=0, le=2**53, description="fewest long lines (mC4, section 3.1)"
    )
    min_line_characters: int = Field(
        default=200, ge=1, le=2**53, description="characters of a long line (mC4, section 3.1)"
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """The count depends on what is long here."""
        return (LongLines(min_characters=self.min_line_characters),)

    def rules(self) -> tuple[Rule, ...]:
        """One."""
        return (Rule("long_lines", signal="long_lines.long_lines", low=self.min_long_lines),)
