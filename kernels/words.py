"""The words of documents themselves, for tests, inspection and evaluation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.measure import Request, Segmenter, WordSpans, dictionary_for, measure
from curate.kernels.text_buffers import span_lists, text_buffers


def word_spans(text: pa.LargeStringArray, segmenter: Segmenter = "uax29") -> WordSpans:
    """Words of n documents as byte ranges. Raises as `measure`."""
    buffers = text_buffers(text)
    spans = _native.word_spans(*buffers, segmenter, dictionary_for(segmenter))
    return WordSpans(*spans, np.ones(len(text), np.uint8))


def word_counts(text: pa.LargeStringArray) -> pa.Int64Array:
    """Number of words of n documents, the same wherever it is counted: every letter of a script
    without spaces is a word. Raises as `measure`.
    """
    return measure(text, [Request("words")], "uax29_alone")[0].column("count")


def words(text: pa.LargeStringArray, segmenter: Segmenter = "uax29") -> pa.LargeListArray:
    """The words of n documents as n lists of large_string (copies every word).

    Raises as `measure`.
    """
    buffers = text_buffers(text)
    first, begin, end = _native.word_spans(*buffers, segmenter, dictionary_for(segmenter))
    starts = np.frombuffer(buffers.offsets, dtype=np.int64)[buffers.first :]
    start = np.repeat(starts[: buffers.rows], np.diff(first))
    return span_lists(buffers, first, begin + start, end + start)
