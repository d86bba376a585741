"""How well a tokenizer fits the corpus: `evaluation.json`, bytes per token and tokens per word.

Measured per source on documents the tokenizer was not trained on (the validation split, where there
is one). *Bytes per token* is compression: higher is shorter sequences. *Fertility* is tokens per
word, words by Unicode UAX #29; scripts without spaces have a word per ideograph there, so compare
sources of one script. *Vocabulary used* is the share of ordinary tokens that occur at all.
End-of-document tokens are not counted.

Only integers are added up, so the parts of a corpus can be measured anywhere and merged in any
order. Cost: encoding plus one pass for the words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.words import word_counts
from curate.tokenizer.encode import Encoder


@dataclass(slots=True)
class SourceCounts:
    """Sums over the measured documents of one source."""

    documents: int = 0
    text_bytes: int = 0
    words: int = 0
    tokens: int = 0

    def add(self, other: SourceCounts) -> None:
        """Add the sums of other documents."""
        self.documents += other.documents
        self.text_bytes += other.text_bytes
        self.words += other.words
        self.tokens += other.tokens

    def report(self) -> dict[str, Any]:
        """The sums and their ratios; a ratio without a denominator is null."""
        return {
            "documents": self.documents,
            "text_bytes": self.text_bytes,
            "words": self.words,
            "tokens": self.tokens,
            "bytes_per_token": self.text_bytes / self.tokens if self.tokens else None,
            "tokens_per_word": self.tokens / self.words if self.words else None,
        }


@dataclass(slots=True)
class Evaluation:
    """Sums per source and occurrences per token; `measure` one part of the documents each and
    `merge` them.
    """

    vocabulary_size: int
    sources: dict[str, SourceCounts] = field(default_factory=dict)
    occurrences: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if not len(self.occurrences):
            self.occurrences = np.zeros(self.vocabulary_size, dtype=np.int64)

    def measure(self, batch: pa.RecordBatch, encoder: Encoder) -> None:
        """Add the documents of a batch with columns `text` and `source`."""
        for source in pc.unique(batch.column("source")).to_pylist():
            chosen = pc.equal(batch.column("source"), source)
            text = batch.column("text").filter(chosen).cast(pa.large_string())
            _, ids = encoder.encode(text)
            found = np.bincount(ids, minlength=self.vocabulary_size)
            found[encoder.end_of_document_id] -= len(text)
            self.occurrences += found
            self.sources.setdefault(source, SourceCounts()).add(
                SourceCounts(
                    documents=len(text),
                    text_bytes=pc.sum(pc.binary_length(text)).as_py() or 0,
                    words=pc.sum(word_counts(text)).as_py() or 0,
                    tokens=len(ids) - len(text),
                )
            )

    def merge(self, other: Evaluation) -> None:
        """Add what was measured elsewhere with the same tokenizer."""
        self.occurrences += other.occurrences
        for source, counts in other.sources.items():
            self.sources.setdefault(source, SourceCounts()).add(counts)

    def result(self) -> dict[str, Any]:
        """The content of `evaluation.json`."""
        total = SourceCounts()
        for counts in self.sources.values():
            total.add(counts)
        return {
            "vocabulary_size": self.vocabulary_size,
            "vocabulary_used": int(np.count_nonzero(self.occurrences)),
            "total": total.report(),
            "sources": {source: counts.report() for source, counts in self.sources.items()},
        }


def evaluation_bytes(measured_on: str, evaluation: Evaluation, trained: dict[str, Any]) -> bytes:
    """Canonical `evaluation.json`. measured_on: the split; trained: facts of the training
    (documents, bytes, notes).
    """
    content = {"measured_on": measured_on, "trained_on": trained, **evaluation.result()}
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
