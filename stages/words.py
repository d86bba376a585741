"""Words of a document, measured once for all filters that ask for them.

A *word* is a UAX #29 segment (Unicode 16.0) with at least one letter or number; punctuation is no
word and counts in no denominator. Scripts without spaces have no dictionary here: every Han
ideograph, hiragana or Thai letter is a word (`curate.kernels.words`), so bounds made for English
mean something else there.

Differs from datatrove: its tokenizers (spaCy and others) also return punctuation, which counts in
the denominators there. Cost: one pass, about 2 ns per byte of English, no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from curate.kernels.words import WORD_STATISTICS, word_statistics
from curate.stages.base import Annotator


class WordStatistics(Annotator):
    """Number, length and kinds of words.

    count: words. mean_length: characters (code points) per word. alphabetic_fraction: words with a
    letter, of all words. hash_per_word: `#` signs per word. ellipsis_per_word: `...` and `…` per
    word. stop_words: how many of the, be, to, of, and, that, have, with occur (case-sensitive).
    A text without words has 0 words, and its ratios are taken over 1, never over 0.
    """

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 1

    def signals(self) -> tuple[pa.Field, ...]:
        """`words.count`, `words.mean_length`, ...: int64 counts, float64 ratios, never null."""
        return tuple(WORD_STATISTICS)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Measure the column `text`. Raises ValueError for nulls or invalid UTF-8."""
        return word_statistics(batch.column("text"))
