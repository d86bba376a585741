"""The line edits of C4 (Raffel et al. 2020) in the reading of datatrove's `C4QualityFilter`.

Every line (`str.splitlines`), without white space at its ends, passes these checks in this order:
a word that is too long removes it; citations are cut out of it; it must end in `.`, `?`, `!`, `"`
or `'` but not in `...`; it must have enough words, counted before the citations went; lines with
`lorem ipsum` are counted; a line with `javascript` is removed; lines with `{` are counted; a line
with a policy phrase is removed. Case is ignored; words are runs without white space. What is left
is joined by LF and stripped.

Cost: one pass, one buffer for all documents, the GIL is released.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.edited import as_batch, count_fields
from curate.kernels.text_buffers import text_buffers

UNBOUNDED = 2**63 - 1

C4_COUNTS = count_fields(
    "lines",
    "lines_removed",
    "lines_removed_long_word",
    "lines_removed_no_punctuation",
    "lines_removed_few_words",
    "lines_removed_javascript",
    "lines_removed_policy",
    "citations_removed",
    "lorem_ipsum_lines",
    "curly_bracket_lines",
    "sentences",
)
"""lines: lines before the edit, blank ones too. lorem_ipsum_lines, curly_bracket_lines: lines that
hold the phrase or `{` and passed the checks before. sentences: UAX #29 sentences of the lines that
are left. With sentences as pieces, `lines` are sentences that are not blank."""


@dataclass(frozen=True, slots=True)
class C4LineRules:
    """Which checks are made. pieces: sentences (joined by a space) may stand for lines."""

    pieces: Literal["lines", "sentences"] = "lines"
    max_word_characters: int | None = 1000
    remove_citations: bool = True
    require_terminal_punctuation: bool = True
    min_words: int | None = 3
    remove_javascript: bool = True
    policy_phrases: tuple[str, ...] = ()


def c4_lines(text: pa.LargeStringArray, rules: C4LineRules) -> pa.RecordBatch:
    """`text` after the edit and `C4_COUNTS` of n documents. Time O(bytes).

    Raises ValueError for nulls, invalid UTF-8 where it looks, or an empty phrase, TypeError for
    other types. Source: datatrove 0.10.1, `c4_filters.py`.
    """
    phrases = ["lorem ipsum", "javascript", *rules.policy_phrases]
    longest = rules.max_word_characters
    offsets, data, counts = _native.c4_lines(
        *text_buffers(text),
        *text_buffers(pa.array(phrases, pa.large_string())),
        rules.pieces == "sentences",
        UNBOUNDED if longest is None else longest,
        rules.min_words or 0,
        rules.remove_citations,
        rules.require_terminal_punctuation,
        rules.remove_javascript,
    )
    edited = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(data))
    return as_batch(edited, list(counts), C4_COUNTS)


def long_line_counts(text: pa.LargeStringArray, min_characters: int) -> pa.Int64Array:
    """Lines (between LF) of at least `min_characters` code points in n documents. Time O(bytes).

    An empty text is one line of no character. Raises ValueError for nulls, TypeError for other
    types. Source: datatrove 0.10.1, `C4ParagraphFilter`.
    """
    return pa.array(_native.long_line_counts(*text_buffers(text), min_characters))
