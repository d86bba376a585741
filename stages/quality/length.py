"""Bounds on the length of a document, in characters, bytes, words and lines.

Every bound is off until it is given; both ends are inclusive and 0 is a bound. For comparison:
data-juicer asks for 10 characters and 10 words, NeMo and Gopher for 50 to 100,000 words, DCLM's C4
for at most 190,000 characters.

Cost: characters and bytes about 0.1 ns per byte; words and lines only where they are bounded, and
shared with other filters.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from curate.stages.base import Annotator, Filter
from curate.stages.characters import LengthStatistics
from curate.stages.lines import LineStatistics
from curate.stages.rules import Rule
from curate.stages.word_sources import WordSource
from curate.stages.words import WordStatistics

UNITS = ("characters", "bytes", "words", "lines")


class DocumentLength(Filter):
    """Keep documents that are neither too short nor too long."""

    name: ClassVar[str] = "document_length"
    version: ClassVar[int] = 1

    min_characters: int | None = Field(default=None, ge=0, le=2**53, description="code points")
    max_characters: int | None = Field(default=None, ge=0, le=2**53, description="code points")
    min_bytes: int | None = Field(default=None, ge=0, le=2**53, description="bytes of UTF-8")
    max_bytes: int | None = Field(default=None, ge=0, le=2**53, description="bytes of UTF-8")
    min_words: int | None = Field(default=None, ge=0, le=2**53, description="words")
    max_words: int | None = Field(default=None, ge=0, le=2**53, description="words")
    min_lines: int | None = Field(default=None, ge=0, le=2**53, description="lines, blank ones too")
    max_lines: int | None = Field(default=None, ge=0, le=2**53, description="lines, blank ones too")
    words: WordSource = Field(default="uax29", description="what a word is")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        for unit, (low, high) in self._bounds().items():
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{unit} {low} is above max_{unit} {high}")
        return self

    def _bounds(self) -> dict[str, tuple[int | None, int | None]]:
        """Bounds by unit."""
        return {
            unit: (getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")) for unit in UNITS
        }

    def annotators(self) -> tuple[Annotator, ...]:
        """The measures of what is bounded."""
        bounded = {unit for unit, bounds in self._bounds().items() if bounds != (None, None)}
        return (
            *([LengthStatistics()] if bounded & {"characters", "bytes"} else []),
            *([WordStatistics(words=self.words)] if "words" in bounded else []),
            *([LineStatistics()] if "lines" in bounded else []),
        )

    def rules(self) -> tuple[Rule, ...]:
        """One rule per bounded unit."""
        signals = ("length.characters", "length.bytes", "words.count", "lines.count")
        return tuple(
            Rule(unit, signal=signal, low=low, high=high)
            for signal, (unit, (low, high)) in zip(signals, self._bounds().items(), strict=True)
            if low is not None or high is not None
        )
