"""MinHash signatures of documents, the keys of their bands, and exact Jaccard similarities.

A *shingle* is `size` neighbouring words (UAX #29, with dictionary words where the extra
`segmentation` is installed) or characters of the normalised text. Its hash is 32 bits:
`shingle_hash`, the low half of XXH3-64 of its UTF-8 bytes with one space between words. Signatures
are bit-identical to

    MinHash(num_perm, seed=seed, scheme="affine32", hashfunc=shingle_hash).update_batch(shingles)

of datasketch 2, whose permutations and optimiser are used, not copied. `hash: sha1` is datasketch's
default hash function.

Normalisation, character by character: lower case (`str.lower`), then decomposition without
nonspacing marks (accents; Hangul stays whole). Punctuation and symbols (categories P and S) inside
of words are left out, between characters they count as white space. A run of decimal digits becomes
one 0. This is datatrove's `simplify_text` but for its handling of whole numbers with a point and of
punctuation that it does not list.

Cost: one pass, no allocation per document, the GIL is released; measured in benchmarks/dedup. AVX2
where the processor has it, with a portable form of equal results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels import _native, dictionary
from curate.kernels.text_buffers import EMPTY, text_buffers

Unit = Literal["words", "characters"]
Spaces = Literal["collapse", "keep", "remove"]
ShingleHash = Literal["xxh3", "sha1"]

_SPACES: tuple[Spaces, ...] = ("collapse", "keep", "remove")


@dataclass(frozen=True, slots=True)
class ShingleSpec:
    """What a shingle is."""

    unit: Unit = "words"
    size: int = 5
    """Words or characters."""
    characters_without_words: int = 12
    """Characters of a shingle where nobody can tell the words; 0: such a text has no shingles."""
    lower_case: bool = True
    remove_punctuation: bool = True
    zero_numbers: bool = True
    strip_accents: bool = True
    spaces: Spaces = "collapse"
    """Of characters: runs of white space are one space, stay, or go. Words are one space apart."""
    max_shingles: int = 100_000
    """The first ones of a document."""
    hash: ShingleHash = "xxh3"

    def _native(self) -> tuple[tuple[bool | int, ...], _native.Dictionary | None]:
        of_words = self.unit == "words"
        values = (
            of_words,
            self.size,
            self.characters_without_words,
            self.lower_case,
            self.remove_punctuation,
            self.zero_numbers,
            self.strip_accents,
            _SPACES.index(self.spaces),
            self.max_shingles,
            self.hash == "sha1",
        )
        return values, dictionary.load() if of_words else None


@dataclass(frozen=True, slots=True)
class Bands:
    """Rows of the signature whose equality makes a bucket.

    wide: two neighbouring bands make a bucket too, so that close documents meet in one that others
    of their template do not reach.
    """

    bands: int
    rows: int
    wide: bool = False

    @property
    def keys(self) -> int:
        """Buckets of a document."""
        return self.bands + (self.bands // 2 if self.wide else 0)


class Permutations(NamedTuple):
    """Parameters of datasketch's scheme `affine32`: uint32[n] each."""

    multipliers: np.ndarray
    summands: np.ndarray


class ShingleFacts(NamedTuple):
    """Of n documents."""

    content: np.ndarray
    """uint64: XXH3-64 of the normalised text that the shingles cover."""
    shingles: np.ndarray
    """int64: with repetitions; 0 where the text is shorter than one."""
    capped: np.ndarray
    """bool: the document has more than `max_shingles`."""


def shingle_hash(shingle: bytes) -> int:
    """The hash of a shingle, for datasketch's `hashfunc`: `xxhash.xxh3_64_intdigest(s) & 2^32-1`.

    Two different shingles have the same hash with probability 2^-32.
    """
    return _native.shingle_hash(shingle, False)


@cache
def permutations(count: int, seed: int) -> Permutations:
    """The permutations that datasketch draws from its seed."""
    from datasketch import MinHash  # imports SciPy: 0.3 s

    multipliers, summands = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return Permutations(
        np.ascontiguousarray(multipliers, np.uint32), np.ascontiguousarray(summands, np.uint32)
    )


@cache
def optimal_bands(
    threshold: float, count: int, false_negative_weight: float = 0.5
) -> tuple[int, int]:
    """(bands, rows) of datasketch's optimiser for a Jaccard threshold.

    Raises ValueError where it finds no two bands.
    """
    from datasketch import MinHashLSH

    weights = (1.0 - false_negative_weight, false_negative_weight)
    found = MinHashLSH(threshold=threshold, num_perm=count, weights=weights)
    return int(found.b), int(found.r)


def minhash_signatures(
    text: pa.LargeStringArray, spec: ShingleSpec, functions: Permutations
) -> tuple[np.ndarray, ShingleFacts]:
    """uint32[n, permutations] and facts of n documents.

    A document without a shingle gets the signature of the empty set. Raises ValueError for nulls
    and invalid UTF-8 (row and byte are named), TypeError for other types.
    """
    values, *facts = _native.minhash_signatures(*text_buffers(text), *spec._native(), *functions)
    return values.reshape(len(text), len(functions.summands)), _facts(facts)


def band_keys(
    text: pa.LargeStringArray,
    spec: ShingleSpec,
    functions: Permutations,
    bands: Bands,
    salts: np.ndarray | None = None,
) -> tuple[np.ndarray, ShingleFacts]:
    """uint8[n, bands.keys, 16] and facts of n documents, without keeping a signature.

    A key is XXH3-128, seeded with the number of the band, of the document's salt (uint8[n, 16]) and
    the band's values: documents of different salts share none. Numbers from `bands.bands` on are
    the pairs of neighbouring bands (0 and 1, 2 and 3, …). Raises as `minhash_signatures`.
    """
    salted = EMPTY if salts is None else np.ascontiguousarray(salts, np.uint8)
    keys, *facts = _native.minhash_band_keys(
        *text_buffers(text),
        *spec._native(),
        *functions,
        bands.bands,
        bands.rows,
        bands.wide,
        salted,
    )
    return keys.reshape(len(text), bands.keys, 16), _facts(facts)


def shingle_sets(text: pa.LargeStringArray, spec: ShingleSpec) -> pa.LargeBinaryArray:
    """The distinct shingle hashes of n documents, ascending, as little-endian 32-bit integers.

    Raises as `minhash_signatures`.
    """
    offsets, values = _native.shingle_sets(*text_buffers(text), *spec._native())
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(text), buffers)


def jaccard(sets: pa.LargeBinaryArray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64[n]: similarity of n pairs of `sets`, given by their rows (int64); 0 for two empty
    ones. Time: elements of both sets.
    """
    _, offsets, data = sets.buffers()
    rows = (np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64))
    return _native.jaccard(offsets or EMPTY, data or EMPTY, sets.offset, len(sets), *rows)


def _facts(facts: list[np.ndarray]) -> ShingleFacts:
    content, shingles, capped = facts
    return ShingleFacts(content, shingles, capped.astype(np.bool_))
