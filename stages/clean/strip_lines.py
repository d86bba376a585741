"""Removes lines by the user's own rules: the menu, footer or banner that a source repeats.

A line goes when it is one of `lines`, matches one of `patterns`, is too short, has too many symbols
or consists of links; or, with `remove_repeated`, when it is the line before it once more. Lines are
those of `str.splitlines`, judged without white space at their ends; a line goes with its line end
and everything else keeps its bytes. Blank lines are layout and never go. The first check that
removes a line, in the order above, counts it.

Patterns are RE2's: they are searched in the line, take linear time on any text, and have no
look-around and no back-references. `ignore_case` applies to lines and patterns.

Source: the line rules of C4 and RefinedWeb as a tool of one's own; lengths and fractions are off
unless asked for. Cost: about 8 ns per byte of English with one pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from pydantic import Field, field_validator, model_validator

from curate.kernels.edited import as_batch, count_fields
from curate.kernels.strip_lines import LineTable, line_table, without_lines
from curate.stages.base import Editor

LINK = r"(?i)(?:https?://|\bwww\.)\S+"
MAX_PATTERN_BYTES = 4_000
REASONS = ("exact", "pattern", "few_words", "few_characters", "symbols", "links", "repeated")
STRIP_COUNTS = count_fields("lines", "lines_removed", *(f"lines_removed_{why}" for why in REASONS))
"""lines: before the edit, without blank ones. lines_removed: all; then by reason."""
SLICE_BYTES = 4 << 20
"""Text whose lines are in memory at a time: up to 50 bytes per line, and a line may be one byte."""


class StripLines(Editor):
    """Remove lines that are listed, match a pattern, or are too short or too odd."""

    name: ClassVar[str] = "strip_lines"
    version: ClassVar[int] = 1
    distributions: ClassVar[tuple[str, ...]] = ("pyarrow",)

    lines: tuple[str, ...] = Field(
        default=(), max_length=100_000, description="lines to remove, as they stand"
    )
    patterns: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=1000, description="remove lines in which one of them (RE2) is found"
    )
    ignore_case: bool = Field(default=False, description="of `lines` and `patterns`")
    min_words: int | None = Field(
        default=None, ge=1, le=2**53, description="fewest words of a line; null: any"
    )
    min_characters: int | None = Field(
        default=None, ge=1, le=2**53, description="fewest characters of a line; null: any"
    )
    max_symbol_fraction: float | None = Field(
        default=None, ge=0, le=1, description="symbols of a line's characters; null: any"
    )
    max_link_fraction: float | None = Field(
        default=None, ge=0, le=1, description="characters of links of a line's; null: any"
    )
    remove_repeated: bool = Field(
        default=False, description="remove a line that repeats the one before it"
    )

    @field_validator("patterns")
    @classmethod
    def _patterns_are_re2(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if len(pattern.encode()) > MAX_PATTERN_BYTES:
                raise ValueError(f"a pattern is longer than {MAX_PATTERN_BYTES} bytes: split it")
            try:
                re2.compile(pattern)
            except re2.error as error:
                raise ValueError(
                    f"pattern {pattern!r} is none of RE2's (no look-around, no back-references): "
                    f"{error}"
                ) from error
        return patterns

    @field_validator("lines")
    @classmethod
    def _lines_are_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            if not line.strip() or len(line.splitlines()) != 1:
                raise ValueError(f"{line!r} is not one line with a character in it")
        return tuple(line.strip() for line in lines)

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        bounds = (self.min_words, self.min_characters)
        fractions = (self.max_symbol_fraction, self.max_link_fraction)
        nothing = all(bound is None for bound in (*bounds, *fractions))
        if nothing and not (self.lines or self.patterns or self.remove_repeated):
            raise ValueError("give at least one rule: lines, patterns, min_words, ...")
        return self

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of lines, int64, never null."""
        return tuple(STRIP_COUNTS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        text = batch.column("text").cast(pa.large_string())
        bytes_before = pc.cumulative_sum(pc.binary_length(text)).to_numpy(zero_copy_only=False)
        slices = bytes_before // SLICE_BYTES
        cuts = [0, *(np.flatnonzero(np.diff(slices)) + 1).tolist(), len(text)]
        made = [self._edit(text.slice(a, b - a)) for a, b in pairwise(cuts)]
        return pa.concat_batches(made)

    def _edit(self, text: pa.LargeStringArray) -> pa.RecordBatch:
        table = line_table(text)
        left = np.ones(len(table.characters), dtype=bool)
        removed = dict.fromkeys(REASONS, ~left)
        for reason, condemned in self._condemned(table):
            removed[reason] = condemned & left
            left &= ~condemned
        edited, removed["repeated"] = without_lines(text, ~left, drop_repeated=self.remove_repeated)
        by_reason = [table.per_document(flags) for flags in removed.values()]
        gone: np.ndarray = np.add.reduce(by_reason)
        characters = pc.utf8_length(text).to_numpy(zero_copy_only=False)
        counts = [np.diff(table.first), gone, *by_reason, characters]
        return as_batch(edited, counts, STRIP_COUNTS)

    def _condemned(self, table: LineTable) -> Iterator[tuple[str, np.ndarray]]:
        """Reasons in order, with the lines to which they apply."""
        if self.lines:
            yield "exact", self._listed(table.lines)
        if self.patterns:
            yield "pattern", self._matching(table.lines)
        if self.min_words is not None:
            yield "few_words", table.words < self.min_words
        if self.min_characters is not None:
            yield "few_characters", table.characters < self.min_characters
        if self.max_symbol_fraction is not None:
            yield "symbols", table.symbols / table.characters > self.max_symbol_fraction
        if self.max_link_fraction is not None:
            rest = pc.utf8_length(pc.replace_substring_regex(table.lines, LINK, ""))
            links = table.characters - rest.to_numpy(zero_copy_only=False)
            yield "links", links / table.characters > self.max_link_fraction

    def _listed(self, lines: pa.LargeStringArray) -> np.ndarray:
        wanted = pa.array(self.lines, pa.large_string())
        if self.ignore_case:
            lines, wanted = pc.utf8_lower(lines), pc.utf8_lower(wanted)
        found: np.ndarray = pc.is_in(lines, value_set=wanted).to_numpy(zero_copy_only=False)
        return found

    def _matching(self, lines: pa.LargeStringArray) -> np.ndarray:
        found = np.zeros(len(lines), dtype=bool)
        for pattern in self.patterns:
            hits = pc.match_substring_regex(lines, pattern, ignore_case=self.ignore_case)
            found |= hits.to_numpy(zero_copy_only=False)
        return found
