"""Units of a text that repeat across documents: lines, paragraphs, windows of sentences.

A *line* is one of `str.splitlines`; a *paragraph* a run of lines without a blank one; a *window* so
many consecutive sentences (UAX #29) of one paragraph. Units are compared by their *normal form*
(after CCNet's `normalize_for_dedup`): lower case, every number character `0`, white space single,
and nothing but letters, numbers and marks. A unit whose normal form is empty is none; so are blank
lines and sentences of punctuation, which windows skip.

Differs from CCNet: all punctuation and symbols are left out, there 35 characters that are not
ASCII and control characters; hashes have 128 bits, there 64.

Cost: about 5 ns per byte of English (windows 6), no object per unit; the GIL is released. Hostile
texts are linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers

UnitKind = Literal["line", "paragraph", "sentences"]
_KINDS: tuple[UnitKind, ...] = ("line", "paragraph", "sentences")


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """normalize: compare normal forms, else the characters between white space. sentences: of a
    window.
    """

    kind: UnitKind
    normalize: bool = True
    sentences: int = 3

    def arguments(self) -> tuple[int, bool, int]:
        """As the native kernels take them."""
        return _KINDS.index(self.kind), self.normalize, self.sentences


@dataclass(frozen=True, slots=True)
class UnitTable:
    """The distinct units of n documents: first int64[n + 1], units before each document;
    characters int64[units], of what is compared; digests uint8[units, 16], XXH3-128.
    """

    first: np.ndarray
    characters: np.ndarray
    digests: np.ndarray


@dataclass(frozen=True, slots=True)
class UnitEdit:
    """Documents without some units. units, removed: int64[n], all and removed ones, repeated ones
    as often as they stand. characters_before, characters_left: int64[n]. chosen: int64[k], places
    in the wanted hashes, once per document; examples: what stood there.
    """

    text: pa.LargeStringArray
    units: np.ndarray
    removed: np.ndarray
    characters_before: np.ndarray
    characters_left: np.ndarray
    chosen: np.ndarray
    examples: pa.LargeStringArray


def unit_table(text: pa.LargeStringArray, spec: UnitSpec) -> UnitTable:
    """Raises ValueError for nulls or invalid UTF-8, TypeError for other types."""
    found = _native.unit_table(*text_buffers(text), *spec.arguments())
    return UnitTable(found[0], found[1], found[2].reshape(-1, 16))


def short_hashes(digests: np.ndarray) -> np.ndarray:
    """int64[n]: the first 8 bytes of digests, which tell the units of one document apart (two of n
    are taken for one with probability n² / 2^65).
    """
    high = np.ascontiguousarray(digests[:, :8]).reshape(-1).view(">i8")
    found: np.ndarray = high.astype(np.int64)
    return found


def without_units(
    text: pa.LargeStringArray, spec: UnitSpec, first: np.ndarray, wanted: np.ndarray
) -> UnitEdit:
    """Documents without the units whose short hash is wanted.

    Row r wants the ascending hashes `wanted[first[r] : first[r + 1]]`. A line goes with its line
    end, a paragraph with the blank lines behind it; a blank line takes the place of windows inside
    a text, so that no new window comes together. What stays keeps its bytes; a text of white space
    becomes empty. Raises as `unit_table`, and ValueError for lists that do not fit.
    """
    found = _native.without_units(
        *text_buffers(text),
        *spec.arguments(),
        np.ascontiguousarray(first, np.int64),
        np.ascontiguousarray(wanted, np.int64),
    )
    return UnitEdit(_texts(*found[:2]), *found[2:7], _texts(*found[7:]))


def normal_forms(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """The normal form of every text, white space of any kind as single spaces."""
    return _texts(*_native.normal_forms(*text_buffers(text)))


def _texts(offsets: np.ndarray, data: np.ndarray) -> pa.LargeStringArray:
    return pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data)
    )
