"""How often each distinct piece of text (*pre-token*) occurs: what tokenizers are trained on.

A trainer needs no text, only its pieces and their numbers; those are far smaller, add up over
shards and sources, and can be scaled. Counts are exact 64-bit integers, so nothing overflows.
Pieces are cut as `patterns.cutter` cuts; a piece of more than 64 characters (a genome, a long line
of signs) is counted in stretches of 64, because no tokenizer learns from it and trainers take time
in the square of a piece's length. The saved pre-tokenizer does not cut them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.patterns import cutter, normalizer

STRETCH_CHARACTERS = 64

COUNTS_SCHEMA = pa.schema(
    [
        pa.field("pretoken", pa.large_binary(), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
    ]
)
"""Distinct pieces, ascending by bytes. A piece is UTF-8 after normalisation, as the trainer must
see it (`▁` for a blank where the pattern is metaspace).
"""


@dataclass(frozen=True)
class Counts:
    """Rows of `COUNTS_SCHEMA` and what they were counted in; `notes` are sentences for the user."""

    pretokens: pa.LargeBinaryArray
    counts: np.ndarray
    documents: int
    text_bytes: int
    notes: tuple[str, ...] = ()


def count_texts(texts: Iterable[pa.LargeStringArray], config: TokenizerConfig) -> Counts:
    """Count the pieces of batches of texts (no nulls) in memory."""
    cut, form = cutter(config.chosen_pattern, config.digits), normalizer(config)
    found: Counter[str] = Counter()
    documents = text_bytes = 0
    for batch in texts:
        documents += len(batch)
        text_bytes += pc.sum(pc.binary_length(batch)).as_py() or 0
        for text in batch.to_pylist():
            normal = text if form is None else form.normalize_str(text)
            for piece, _ in cut.pre_tokenize_str(normal):
                for start in range(0, len(piece), STRETCH_CHARACTERS):
                    found[piece[start : start + STRETCH_CHARACTERS]] += 1
    rows = sorted((piece.encode(), number) for piece, number in found.items())
    return Counts(
        pa.array([piece for piece, _ in rows], pa.large_binary()),
        np.array([number for _, number in rows], dtype=np.uint64),
        documents,
        text_bytes,
    )
