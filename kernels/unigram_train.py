"""Unigram language models of pieces (Kudo 2018, arXiv 1804.10959), trained on counted words.

What the trainer of SentencePiece does, with the same numbers of rounds: seeds are the substrings
with the largest frequency × length; then rounds of expectation and maximisation (forward-backward;
digamma in place of the logarithm, a sparse prior) and of cutting the quarter of the pieces whose
loss costs the least likelihood; characters of the alphabet always stay.

Where we differ: a substring's frequency is its number in the text, not in the list of distinct
words; the last cut, from 1.1 times the size down to it, goes by likelihood too; and the pieces that
remain are fitted once more. One thread, sums in a fixed order, no function of libm: the same bits
for the same counts on every CPU.

Cost: 4 bytes per character of the distinct words and 24 per word; while seeds are chosen, 16 bytes
per character of the most frequent words, at most `seed_characters` of them; about 100 bytes per
seed. Time is linear in the characters of distinct words: about 50 passes of 0.1 µs per character.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import word_buffers


@dataclass(frozen=True, slots=True)
class UnigramSettings:
    """Defaults are those of SentencePiece (and of the paper, where it names them).

    piece_characters, piece_bytes: longest piece. min_frequency: fewest occurrences of a seed.
    seed_characters: characters of distinct words, most frequent first, that seeds are looked for
    in. shrinking_factor: share of pieces that outlives a cut.
    """

    seed_pieces: int = 1_000_000
    seed_characters: int = 2**26
    piece_characters: int = 16
    piece_bytes: int = 64
    min_frequency: int = 2
    shrinking_factor: float = 0.75
    sub_iterations: int = 2


@dataclass(frozen=True, slots=True)
class UnigramModel:
    """pieces: ascending by bytes. log_probabilities: float64, natural logarithms."""

    pieces: tuple[str, ...]
    log_probabilities: np.ndarray


def train_unigram(
    words: pa.LargeBinaryArray,
    counts: np.ndarray,
    alphabet: np.ndarray,
    pieces: int,
    settings: UnigramSettings,
) -> UnigramModel:
    """A model of at most `pieces` pieces, the characters of `alphabet` (uint32 code points,
    ascending) included; fewer where the words have no more.

    words: n distinct words (UTF-8, no nulls), cut at characters outside the alphabet. Releases the
    GIL. Raises ValueError for invalid UTF-8.
    """
    offsets, data, logs = _native.train_unigram(
        *word_buffers(words),
        _counts(counts),
        np.ascontiguousarray(alphabet, dtype=np.uint32),
        pieces,
        settings.seed_pieces,
        settings.seed_characters,
        settings.piece_characters,
        settings.piece_bytes,
        settings.min_frequency,
        settings.shrinking_factor,
        settings.sub_iterations,
    )
    found = pa.LargeStringArray.from_buffers(
        len(logs), pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)
    )
    return UnigramModel(tuple(found.to_pylist()), logs)


def _counts(counts: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(counts, dtype=np.uint64)
