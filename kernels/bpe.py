"""Byte-pair merges learned from distinct words and their counts.

The pair of neighbouring tokens that occurs most becomes a token, again and again. Ties: the pair
whose left token has the lower number, then the lower right one. That is the order of the trainer of
`tokenizers`, and the merges are equal to its merges wherever its 32-bit counts do not overflow;
here counts are 64-bit. One thread, so the result depends on nothing else.

Differs from it: a merge that would spell a token that exists already (a special token, typed by a
page) is refused, where `tokenizers` gives the text the id of that token; a character without a
token ends a word, where `tokenizers` drops it and merges across the gap; the longest token is a
bound that tokens may reach.

Cost, with S tokens in n words: 4 (S + n) bytes for the words, 8 n while they are gathered, about
1.5 S for the places of pairs; words and counts are read in place. Time is linear in the number of
places where something is merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import word_buffers


@dataclass(frozen=True, slots=True)
class MergeLimits:
    """merges: at most. min_frequency: fewest occurrences of a pair that is merged, 1 or more.

    phase_ratio: pairs rarer than the most frequent one by more than this wait for a later pass over
    the words (2 or more); it changes memory and time, never a result.
    """

    merges: int
    min_frequency: int
    max_token_bytes: int
    phase_ratio: int = 256


@dataclass(frozen=True, slots=True)
class Merges:
    """uint32[n, 2] pairs in the order they were merged: pair i makes token `len(tokens) + i`.

    refused: uint32[k, 2] pairs that would have spelled a token that exists.
    """

    pairs: np.ndarray
    refused: np.ndarray


def merges_of_bytes(
    words: pa.LargeBinaryArray,
    counts: np.ndarray,
    tokens: Sequence[bytes],
    token_of_byte: np.ndarray,
    limits: MergeLimits,
) -> Merges:
    """Merge bytes. tokens: what the vocabulary holds before, by number. token_of_byte: uint32[256].

    counts: uint64[n]. Raises ValueError for nulls, OverflowError where the words, each as often as
    it occurs, have 2^63 bytes or more.
    """
    return Merges(
        *_native.bpe_train_bytes(
            *word_buffers(pa.array(tokens, pa.large_binary())),
            *word_buffers(words),
            counts,
            token_of_byte,
            *_limits(limits),
        )
    )


def merges_of_characters(
    words: pa.LargeBinaryArray,
    counts: np.ndarray,
    tokens: Sequence[bytes],
    characters: np.ndarray,
    token_of_character: np.ndarray,
    limits: MergeLimits,
) -> Merges:
    """Merge characters (uint32[k] code points and their tokens); others end a word.

    Raises ValueError where a word is not UTF-8, and what `merges_of_bytes` raises.
    """
    return Merges(
        *_native.bpe_train_characters(
            *word_buffers(pa.array(tokens, pa.large_binary())),
            *word_buffers(words),
            counts,
            characters,
            token_of_character,
            *_limits(limits),
        )
    )


def merges_of_tokens(
    offsets: np.ndarray,
    words: np.ndarray,
    counts: np.ndarray,
    tokens: Sequence[bytes],
    limits: MergeLimits,
) -> Merges:
    """Merge tokens: word i has the tokens `words[offsets[i] : offsets[i + 1]]` (int64, uint32)."""
    return Merges(
        *_native.bpe_train_tokens(
            *word_buffers(pa.array(tokens, pa.large_binary())),
            offsets,
            words,
            counts,
            *_limits(limits),
        )
    )


def _limits(limits: MergeLimits) -> tuple[int, int, int, int]:
    return limits.merges, limits.min_frequency, limits.max_token_bytes, limits.phase_ratio
