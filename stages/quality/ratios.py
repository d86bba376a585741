"""Ratios of characters and lengths of lines and words, as data-juicer and NeMo Curator bound them.

Catches what is no prose in any language: tables of numbers, lists of links, runs of symbols,
minified code. Sources: data-juicer (`ops/filter/{alphanumeric,special_characters,
average_line_length,maximum_line_length}_filter.py`), NeMo Curator
(`filters/heuristic/string.py`); figures equal theirs within 1e-9 (benchmarks/golden_ratios).

Differs: an empty text measures 0 everywhere (NeMo: 1, or a division by zero), and so breaks the
lower bounds only. `longest_word` of Chinese, Japanese, Thai, ... text counts letters as words of
their own (NeMo: jieba, MeCab). Two of NeMo's bounds are for English and off here, as is
data-juicer's bound on special characters, which count every space and digit and the vowel signs of
Hindi. With the other defaults every language of FLORES passes. Bounds are inclusive, 0 is a bound,
null switches a rule off.

Cost: `CharacterStatistics`, about 200 MB/s per core (benchmarks/editors), no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from curate.stages.base import Annotator, Filter, SourceKind
from curate.stages.characters import CharacterStatistics
from curate.stages.rules import Rule


class Ratios(Filter):
    """Keep documents that consist of text."""

    name: ClassVar[str] = "ratios"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum", "encyclopedia", "book", "paper")
    requires: ClassVar[tuple[type[Annotator], ...]] = (CharacterStatistics,)

    min_alphanumeric: float | None = Field(
        default=0.25,
        ge=0,
        le=1,
        description="letters and numbers, of all characters (data-juicer alphanumeric_filter)",
    )
    max_digits: float | None = Field(
        default=0.15,
        ge=0,
        le=1,
        description="decimal digits, of all characters (NeMo NumbersFilter)",
    )
    max_urls: float | None = Field(
        default=0.2,
        ge=0,
        le=1,
        description="characters in URLs, of all characters (NeMo UrlsFilter)",
    )
    max_white_space: float | None = Field(
        default=0.25,
        ge=0,
        le=1,
        description="spaces, TAB, LF, CR, of all characters (NeMo WhiteSpaceFilter)",
    )
    max_brackets: float | None = Field(
        default=0.1,
        ge=0,
        le=1,
        description="brackets, of all characters (NeMo ParenthesesFilter)",
    )
    max_longest_word: int | None = Field(
        default=1000,
        ge=1,
        le=2**53,
        description="characters without white space between them (NeMo LongWordFilter, from C4)",
    )
    min_mean_line_length: float | None = Field(
        default=10.0,
        ge=0,
        allow_inf_nan=False,
        description="characters per line (data-juicer average_line_length_filter)",
    )
    max_mean_line_length: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="characters per line (data-juicer: no bound)",
    )
    min_longest_line: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="characters of the longest line (data-juicer maximum_line_length_filter: 10)",
    )
    max_longest_line: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="characters of the longest line (data-juicer: no bound)",
    )
    max_special: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="special characters, digits and white space, of all characters "
        "(data-juicer special_characters_filter: 0.25)",
    )
    max_not_english: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="all but ASCII letters and digits, ? ! , . and LF, of all characters "
        "(NeMo NonAlphaNumericFilter: 0.25, English only)",
    )
    max_open_lines: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="lines without . ? ! or a straight quote at their end, of all lines "
        "(NeMo PunctuationFilter: 0.85, English only)",
    )

    def rules(self) -> tuple[Rule, ...]:
        """One rule per bounded signal, in the order of the fields."""
        bounds = (
            ("alphanumeric", "alphanumeric_fraction", self.min_alphanumeric, None),
            ("digits", "digit_fraction", None, self.max_digits),
            ("urls", "url_fraction", None, self.max_urls),
            ("white_space", "white_space_fraction", None, self.max_white_space),
            ("brackets", "bracket_fraction", None, self.max_brackets),
            ("longest_word", "longest_word", None, self.max_longest_word),
            (
                "mean_line_length",
                "mean_line_length",
                self.min_mean_line_length,
                self.max_mean_line_length,
            ),
            ("longest_line", "longest_line", self.min_longest_line, self.max_longest_line),
            ("special", "special_fraction", None, self.max_special),
            ("not_english", "not_english_fraction", None, self.max_not_english),
            ("open_lines", "open_line_fraction", None, self.max_open_lines),
        )
        return tuple(
            Rule(name, signal=f"characters.{signal}", low=low, high=high)
            for name, signal, low, high in bounds
            if low is not None or high is not None
        )
