"""Words by UAX #29 (Unicode 16.0) and their statistics.

A *word* is a segment between two default word boundaries that holds at least one letter (general
category L*) or number (N*). Untailored UAX #29 has no dictionary: every Han ideograph, hiragana and
Thai, Lao, Khmer or Burmese letter is a word of its own (with the marks that follow it), katakana
and Hangul runs are whole words. Filters with word bounds need other bounds there.

Cost: one pass, no allocation per document, the GIL is released. ASCII goes through 64-byte bit
masks (AVX2, or a portable version of equal results: environment variable
CURATE_KERNELS_PORTABLE=1), other text one code point at a time.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import span_lists, text_buffers

UNICODE_VERSION = "16.0.0"

WORD_STATISTICS = pa.schema(
    [
        pa.field("count", pa.int64(), nullable=False),
        pa.field("mean_length", pa.float64(), nullable=False),
        pa.field("alphabetic_fraction", pa.float64(), nullable=False),
        pa.field("hash_per_word", pa.float64(), nullable=False),
        pa.field("ellipsis_per_word", pa.float64(), nullable=False),
        pa.field("stop_words", pa.int64(), nullable=False),
    ]
)
"""count: words. mean_length: code points per word. alphabetic_fraction: words with a letter /
words. hash_per_word: `#` / words. ellipsis_per_word: (`...` without overlap + `…`) / words.
stop_words: how many of the, be, to, of, and, that, have, with occur. Where there is no word the
denominator is 1, so an empty text measures 0 throughout, never NaN."""


def word_statistics(text: pa.LargeStringArray) -> pa.RecordBatch:
    """Statistics of n documents as n rows of `WORD_STATISTICS`. Time O(bytes).

    Raises ValueError for nulls or invalid UTF-8 (row and byte are named), TypeError for other
    types. Source: Rae et al. 2021, A1.1, with the reading of datatrove's `GopherQualityFilter`.
    """
    columns = _native.word_statistics(*text_buffers(text))
    return pa.RecordBatch.from_arrays(
        [pa.array(column) for column in columns], schema=WORD_STATISTICS
    )


def words(text: pa.LargeStringArray) -> pa.LargeListArray:
    """The words of n documents as n lists of large_string, for tests and inspection (copies every
    word).

    Raises as `word_statistics`.
    """
    buffers = text_buffers(text)
    return span_lists(buffers, *_native.word_spans(*buffers))
