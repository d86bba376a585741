"""Words of a document, measured once for all filters that ask for them.

Scripts without spaces need the dictionaries of the extra `segmentation`; without them the signals
of such a text are null (`stages.measures`).

Differs from datatrove: its tokenizers (spaCy and others) also return punctuation, which counts in
the denominators there. Cost: about 2 ns per byte of English, no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

from curate.stages.measures import WordMeasure


class WordStatistics(WordMeasure):
    """Number, length and kinds of words.

    count: words. mean_length: characters (code points) per word. alphabetic_fraction: words with a
    letter, of all words. hash_per_word: `#` signs per word. ellipsis_per_word: `...` (without
    overlap) and `…` per word. stop_words: how many of the, be, to, of, and, that, have, with occur
    (case-sensitive). A text without words has 0 words, and its ratios are taken over 1, never
    over 0. Words that are pure punctuation, which only other segmenters find, count in the
    denominators of the last four, but are no words in the first two, as in datatrove.
    """

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 2
    family: ClassVar[str] = "words"
