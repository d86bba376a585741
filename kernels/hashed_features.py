"""Bags of hashed features, and their projection by a table of small integers.

The features of a text: its words (UAX #29, lower case; every letter of a script without spaces is a
word), pairs of neighbouring words with a space between them, and n-grams of n characters over all
words with a space behind each. A feature falls into bucket `XXH3-64(its UTF-8, seed) >> (64 -
bits)` with seed 1 for words, 2 for pairs, 3 for characters: no vocabulary, the same on every
machine.

The projection is made of integers, so that embeddings are equal on every CPU: a bag becomes the sum
of the table's rows, each times `(count_weight × weight + 4096) >> 13`, and the sum is scaled to
±127. Measured speed: benchmarks/dedup/semantic.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers


class FeatureSpec(NamedTuple):
    """What is counted. characters: of an n-gram; 0 counts none."""

    bucket_bits: int
    word_pairs: bool
    characters: int


class Features(NamedTuple):
    """Bags of n documents: row r has `buckets[first[r]:first[r + 1]]`, in the order in which they
    first occur in it, with `counts`.
    """

    first: np.ndarray
    buckets: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Projection:
    """From bags to vectors. weights: uint16 per bucket. count_weights: uint16, of the counts 1, 2,
    …; the last one for all higher counts. table: int8, buckets × dimensions.
    """

    weights: np.ndarray
    count_weights: np.ndarray
    table: np.ndarray


def hashed_features(text: pa.LargeStringArray, spec: FeatureSpec) -> Features:
    """Raises ValueError for nulls, invalid UTF-8, a spec out of range; TypeError for others."""
    return Features(*_native.hashed_features(*text_buffers(text), *spec))


def embedded_features(
    text: pa.LargeStringArray, spec: FeatureSpec, projection: Projection
) -> np.ndarray:
    """int8[n, dimensions], the largest value of a row ±127; a row of zeros for a text without a
    feature that has weight.

    Raises as `hashed_features`, and for arrays of other shapes.
    """
    embeddings: np.ndarray = _native.embedded_features(
        *text_buffers(text), *spec, projection.weights, projection.count_weights, projection.table
    )
    return embeddings
