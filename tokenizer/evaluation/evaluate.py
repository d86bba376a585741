"""How well a tokenizer fits texts: compression, fertility, and what of the vocabulary they use.

Per source and per language: *bytes per token* is compression, higher is shorter sequences;
*fertility* is tokens per word, words by Unicode UAX #29 (scripts without spaces have a word per
ideograph there, so compare within a script). *Rényi efficiency* (Zouhar et al. 2023, arXiv
2306.16842, α = 2.5) is the Rényi entropy of the tokens over the log of the number of token types
that occur, as `tokenization-scorer` computes it. Tokens that never or hardly occur, and tokens that
one web site uses almost alone, are what a model trains badly: candidates for glitch tokens (Land
and Bartolo 2024, arXiv 2405.05417). End-of-document tokens are not counted.

Only integers are added up, so the parts of a corpus can be measured anywhere and merged in any
order. Cost: encoding plus one pass for the words; 16 bytes per pair of a token and a web site.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.words import word_counts
from curate.tokenizer.encoding.encode import TextEncoder
from curate.tokenizer.evaluation.token_sites import SiteCounts

RENYI_ALPHA = 2.5
DIGITS = 10
"""Powers and logarithms may differ in the last bits between processors; files must not."""
COLUMNS = ("text", "source", "language", "url")
"""What `Evaluation.measure` reads; the last two may be absent."""


@dataclass(slots=True)
class TextCounts:
    """Sums over measured documents."""

    documents: int = 0
    text_bytes: int = 0
    characters: int = 0
    words: int = 0
    tokens: int = 0

    def add(self, other: TextCounts) -> None:
        """Add the sums of other documents."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def report(self) -> dict[str, Any]:
        """The sums and their ratios; a ratio without a denominator is null."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "bytes_per_token": _ratio(self.text_bytes, self.tokens),
            "characters_per_token": _ratio(self.characters, self.tokens),
            "tokens_per_word": _ratio(self.tokens, self.words),
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True)
class Evaluation:
    """Sums per source and language, and occurrences per token; `measure` one part of the documents
    each and `merge` them.
    """

    vocabulary_size: int
    sources: dict[str, TextCounts] = field(default_factory=dict)
    languages: dict[str, TextCounts] = field(default_factory=dict)
    occurrences: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sites: SiteCounts = field(default_factory=SiteCounts)

    def __post_init__(self) -> None:
        if not len(self.occurrences):
            self.occurrences = np.zeros(self.vocabulary_size, dtype=np.int64)

    def measure(self, batch: pa.RecordBatch | pa.Table, encoder: TextEncoder) -> None:
        """Add the documents of a batch with columns `text` and `source`, and `language` and `url`
        where there are such.
        """
        text = _column(batch, "text", pa.large_string())
        offsets, ids = encoder.encode(text)
        self.occurrences += np.bincount(ids, minlength=self.vocabulary_size)
        sums = np.stack(
            [
                np.ones(len(text), dtype=np.int64),
                pc.binary_length(text).to_numpy(),
                pc.utf8_length(text).to_numpy(),
                word_counts(text).to_numpy(),
                np.diff(offsets),
            ]
        ).astype(np.int64)
        source = _column(batch, "source", pa.string())
        _add(self.sources, source, sums)
        if "language" in batch.schema.names:
            _add(self.languages, _column(batch, "language", pa.string()), sums)
        self.sites.add(ids, offsets, _column(batch, "url", pa.string()), source)

    def merge(self, other: Evaluation) -> None:
        """Add what was measured elsewhere with the same tokenizer."""
        self.occurrences += other.occurrences
        self.sites.merge(other.sites)
        for own, more in ((self.sources, other.sources), (self.languages, other.languages)):
            for name, counts in more.items():
                own.setdefault(name, TextCounts()).add(counts)

    def result(self) -> dict[str, Any]:
        """The content of `evaluation.json` that comes from texts."""
        total = TextCounts()
        for counts in self.sources.values():
            total.add(counts)
        return {
            "vocabulary_size": self.vocabulary_size,
            "vocabulary_used": int(np.count_nonzero(self.occurrences)),
            "renyi_efficiency": renyi_efficiency(self.occurrences),
            "total": total.report(),
            "sources": {name: counts.report() for name, counts in self.sources.items()},
            "languages": {name: counts.report() for name, counts in self.languages.items()},
        }


def _column(batch: pa.RecordBatch | pa.Table, name: str, kind: pa.DataType) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, kind)
    column = batch.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.cast(kind)


def _add(groups: dict[str, TextCounts], names: pa.Array, sums: np.ndarray) -> None:
    """Add the columns of `sums` to the groups that `names` gives; null is no group."""
    encoded = names.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        own = sums[:, codes == code].sum(axis=1)
        groups.setdefault(name, TextCounts()).add(TextCounts(*(int(each) for each in own)))


def renyi_efficiency(occurrences: np.ndarray, alpha: float = RENYI_ALPHA) -> float | None:
    """Rényi entropy of the tokens over log2 of the number of types that occur; None below two.

    occurrences: int64[types]. Equal to `tokenization_scorer`'s `renyi_efficiency`.
    """
    found = occurrences[occurrences > 0].astype(np.float64)
    if len(found) < 2:
        return None
    shares = found / found.sum()
    entropy = np.log2(np.sum(shares**alpha)) / (1 - alpha)
    return round(float(entropy / np.log2(len(found))), DIGITS)


def evaluation_bytes(
    measured_on: str, evaluation: Evaluation, trained: dict[str, Any], tokens: dict[str, Any]
) -> bytes:
    """Canonical `evaluation.json`. measured_on: the split; trained: facts of the training
    (documents, bytes, notes); tokens: what `token_facts` said of the vocabulary.
    """
    content = {
        "measured_on": measured_on,
        "trained_on": trained,
        "vocabulary": tokens,
        **evaluation.result(),
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
