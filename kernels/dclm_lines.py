"""The line edits of DCLM-Baseline (Li et al. 2024), its reproduction of RefinedWeb's line rules.

Lines lie between LF. One step after the other goes over all lines, as in the reference; each is off
when its bound is `None` or its list empty, and each but the fourth ends with `str.strip` of the
whole text, which can change the first and the last line for the next step:

1. upper-case letters (`str.isupper`) of all characters; 2. digits (`str.isdigit`) of all
characters; 3. counters, `3,100 likes`; 4. few words (`str.split`); 5. to 7. phrases anywhere, at
the end, at the start of a line of few words are cut out with one white space, in any case, and a
line of which only white space is left is removed. Empty lines stay where no step strips them.

Cost: one pass per step, about 9 ns per byte of English; the GIL is released. Phrases cost bytes of
short lines × characters of the phrases in the worst case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.edited import count_fields
from curate.kernels.text_buffers import text_buffers

UNBOUNDED = 2**62
FRACTION = pa.field("words_removed_fraction", pa.float64(), nullable=False)

DCLM_COUNTS = count_fields(
    "lines_removed",
    "lines_removed_uppercase",
    "lines_removed_numeric",
    "lines_removed_counter",
    "lines_removed_few_words",
    "lines_removed_phrase",
    "lines_cut",
    "words_before",
    "words_removed",
)
"""lines_cut: how often a phrase was cut out of a line that stayed. words_before: words before the
edit. words_removed: minus those after it. A word is a run without ASCII white space or NUL that
begins with a letter or number: fastText's tokens, as the reference counts them."""


@dataclass(frozen=True, slots=True)
class DclmLineRules:
    """Which steps are made. counter_words: ASCII in lower case."""

    max_uppercase: float | None = 0.5
    max_numeric: float | None = 0.999999
    counter_words: tuple[str, ...] = ()
    min_words: int | None = 2
    max_phrase_words: int | None = 10
    phrases_anywhere: tuple[str, ...] = ()
    phrases_at_end: tuple[str, ...] = ()
    phrases_at_start: tuple[str, ...] = ()
    dot_is_any_character: bool = True


def dclm_lines(text: pa.LargeStringArray, rules: DclmLineRules) -> pa.RecordBatch:
    """`text` after the edit, `FRACTION` and `DCLM_COUNTS` of n documents.

    `words_removed_fraction` is words_removed / words_before, 0 for a text without words. Raises
    ValueError for nulls, invalid UTF-8, or an empty phrase, TypeError for other types. Source:
    mlfoundations/dclm 361714b, `baselines/mappers/modifiers.py`.
    """
    offsets, data, counts = _native.dclm_lines(
        *text_buffers(text),
        rules.max_uppercase,
        rules.max_numeric,
        rules.counter_words,
        rules.min_words or 0,
        UNBOUNDED if rules.max_phrase_words is None else rules.max_phrase_words,
        rules.phrases_anywhere,
        rules.phrases_at_end,
        rules.phrases_at_start,
        rules.dot_is_any_character,
    )
    edited = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(data))
    before, removed = (counts[DCLM_COUNTS.names.index(f"words_{n}")] for n in ("before", "removed"))
    fraction = removed / np.maximum(before, 1)
    columns = [edited, pa.array(fraction), *(pa.array(column) for column in counts)]
    schema = pa.schema([pa.field("text", pa.large_string()), FRACTION, *DCLM_COUNTS])
    return pa.RecordBatch.from_arrays(columns, schema=schema)
