"""Many phrases at once in documents: an exact multi-phrase search (Aho and Corasick 1975).

*Case.* With `ignore_case` text and phrases are compared in lower case, one character for one: the
simple mapping of Unicode (`İ` becomes `i`, where Python's `str.lower` makes two characters), and
final sigma `ς` counts as `σ`.

*Whole words.* With `whole_words` a phrase counts only where it is a word or several: the character
behind it is no letter, number, `_` or combining mark, and the one before it, looking through at
most 30 marks, is no letter, number or `_`. These are the borders of Python's `\\b`, except that a
mark belongs to the letter before it, so that a list for Hindi does not match inside words.

*Overlap.* Matches are chosen from left to right, the longest of those that begin together, and do
not overlap; so each character counts once. The counts of a group are chosen among its own phrases
alone: adding a phrase to one group changes no other group.

Cost: one pass, the GIL is released, no allocation per document once the largest was seen. Time is
O(bytes + matches), where a phrase that ends with other phrases counts once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers


@dataclass(frozen=True, slots=True)
class PhraseCounts:
    """Matches in n documents. `characters` are code points."""

    count: np.ndarray
    """int64[n]: matches, over all groups together."""
    characters: np.ndarray
    """int64[n]: characters in these matches."""
    first: np.ndarray
    """int64[n]: index of the phrase that matches first, -1 for none."""
    text_characters: np.ndarray
    """int64[n]: characters of the document."""
    by_group: np.ndarray
    """int64[n, groups]: matches of every group."""


@dataclass(frozen=True, slots=True)
class PhraseLines:
    """Lines and paragraphs that hold a match, in n documents.

    A line ends as in `str.splitlines` and counts when it has more than white space; a paragraph is
    a run of such lines.
    """

    lines: np.ndarray
    """int64[n]: lines with text."""
    paragraphs: np.ndarray
    """int64[n]: paragraphs."""
    lines_with: np.ndarray
    """int64[n, groups]: lines with a match of the group."""
    paragraphs_with: np.ndarray
    """int64[n, groups]: paragraphs with a match of the group."""
    first_paragraph: np.ndarray
    """bool[n, groups]: whether the first paragraph holds a match of the group."""
    last_paragraph: np.ndarray
    """bool[n, groups]: whether the last one does."""


class PhraseSet:
    """A list of phrases, made ready for searching. Thread-safe; cannot be pickled."""

    def __init__(
        self,
        phrases: Sequence[str],
        *,
        groups: Sequence[int] | None = None,
        group_count: int = 1,
        ignore_case: bool = True,
        whole_words: bool = False,
    ) -> None:
        """Build the automaton: O(bytes of the phrases), about 25 bytes per byte of them.

        groups: the group of every phrase, below `group_count`; all are in group 0 without it. Equal
        phrases may be given, in one group or in several. Raises ValueError for a phrase without a
        character that is no white space, or with a line end: lines are searched one by one.
        """
        for index, phrase in enumerate(phrases):
            if (
                not phrase.strip()
                or len(phrase.splitlines()) > 1
                or phrase.splitlines()[0] != phrase
            ):
                raise ValueError(f"phrase {index} {phrase!r} must be text on one line")
        numbers = np.zeros(len(phrases), np.int32) if groups is None else np.array(groups, np.int32)
        self._automaton = _native.PhraseAutomaton(
            *text_buffers(pa.array(phrases, pa.large_string())),
            numbers,
            group_count,
            ignore_case,
            whole_words,
        )

    def counts(self, text: pa.LargeStringArray) -> PhraseCounts:
        """Count matches in n documents.

        Raises ValueError for nulls, and for invalid UTF-8 where it is looked at: everywhere with
        `ignore_case`, else beside a match.
        """
        return PhraseCounts(*self._automaton.counts(*text_buffers(text)))

    def lines(self, text: pa.LargeStringArray) -> PhraseLines:
        """Count the lines and paragraphs that hold matches in n documents. Raises as `counts`."""
        return PhraseLines(*self._automaton.lines(*text_buffers(text)))
