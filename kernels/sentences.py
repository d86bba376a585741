"""Sentences by UAX #29 (Unicode 16.0), untailored.

A sentence ends at a line end (CR, LF, U+0085, U+2028, U+2029) or after `.`, `?`, `!` and their
like in other scripts (`。`, `।`, `؟`), with the quotes, brackets and spaces that follow. A full
stop does not end it before a digit, a lower-case letter or a comma, nor inside `U.S`; so
`approx. five` is one sentence, `Dr. Smith` are two.

Cost: one pass, about 1 ns per byte of English, no memory per document; the GIL is released.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import span_lists, text_buffers


def sentence_counts(text: pa.LargeStringArray) -> pa.Int64Array:
    """Sentences of n documents that hold a character other than white space (`str.isspace`).

    Time O(bytes). Raises ValueError for nulls or invalid UTF-8 (row and byte are named), TypeError
    for other types.
    """
    return pa.array(_native.sentence_counts(*text_buffers(text)))


def sentences(text: pa.LargeStringArray) -> pa.LargeListArray:
    """All sentences of n documents as n lists of large_string, for tests and inspection; together
    they are the text (copies every sentence).

    Raises as `sentence_counts`.
    """
    buffers = text_buffers(text)
    return span_lists(buffers, *_native.sentence_spans(*buffers))
