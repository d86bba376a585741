"""Signals of texts: every family of signals that a chain needs, in one pass over the documents.

A *family* is a set of signals that are measured together (`FAMILIES` lists them with their
columns). All families of one call share the parts of a document: its words, lines and characters
are found once, while the document is in the cache.

Words come from a *segmenter*. `uax29`: segments between two default word boundaries (Unicode 16.0)
that hold at least one letter (general category L*) or number (N*); runs of scripts without spaces
are divided by the dictionaries of the extra `segmentation` (`kernels.dictionary`). A text most of
whose letters belong to such scripts has no known words where its dictionary is missing.
`uax29_alone`: the rules and nothing else, so that every such letter is a word. `whitespace`:
Python's `str.split()`. Or the caller gives `WordSpans`, for instance those of a peer's tokenizer.
The last two may hold pure punctuation; such a word counts in denominators and in n-grams, but
neither in `words.count` nor in `words.mean_length`, as in datatrove.

Cost: no allocation per document in the steady state, the GIL is released. ASCII words go through
64-byte bit masks (AVX2, or a portable version of equal results: environment variable
CURATE_KERNELS_PORTABLE=1). Measured speed: benchmarks/gopher_quality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels import _native, dictionary
from curate.kernels.text_buffers import text_buffers

Segmenter = Literal["uax29", "uax29_alone", "whitespace"]


class WordSpans(NamedTuple):
    """Words of n documents: those of row r are `first[r]` to `first[r + 1]`, as bytes from the
    start of the document, none empty, in the order of their beginnings. known: 0 for documents
    whose words nobody knows.
    """

    first: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, slots=True)
class Family:
    """Columns of a family: int64 counts and float64 fractions.

    of_words: columns that need words, null where the segmenter cannot tell the words of a text.
    """

    schema: pa.Schema
    of_words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Request:
    """A family and its options: integers whose meaning is the family's."""

    family: str
    options: tuple[int, ...] = ()


def _families() -> Mapping[str, Family]:
    return MappingProxyType(
        {
            name: Family(
                pa.schema([pa.field(signal, pa.type_for_alias(kind)) for signal, kind, _ in rows]),
                frozenset(signal for signal, _, of_words in rows if of_words),
            )
            for name, rows in _native.families()
        }
    )


FAMILIES = _families()


def measure(
    text: pa.LargeStringArray,
    requests: Sequence[Request],
    words: Segmenter | WordSpans = "uax29",
) -> list[pa.RecordBatch]:
    """Signals of n documents: per request a batch of n rows with the columns of its family.

    Time O(bytes). Raises ValueError for nulls, invalid UTF-8 where it is read (row and byte are
    named), a document of 4 GiB, unknown families or options, spans outside of the text; TypeError
    for other types.
    """
    segmenter, given = (words, None) if isinstance(words, str) else ("given", words)
    wanted = [(request.family, list(request.options)) for request in requests]
    known, results = _native.measure(
        *text_buffers(text), segmenter, given, dictionary_for(segmenter), wanted
    )
    unknown = None if known.all() else known == 0
    return [
        _batch(FAMILIES[request.family], columns, unknown)
        for request, columns in zip(requests, results, strict=True)
    ]


def dictionary_for(segmenter: str) -> _native.Dictionary | None:
    """The dictionaries that a segmenter uses, where they are installed. Raises SpecError."""
    return dictionary.load() if segmenter == "uax29" else None


def _batch(
    family: Family, columns: Sequence[np.ndarray], unknown: np.ndarray | None
) -> pa.RecordBatch:
    arrays = [
        pa.array(column, mask=unknown if name in family.of_words else None)
        for name, column in zip(family.schema.names, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=family.schema)
