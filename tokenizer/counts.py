"""How often each distinct piece of text (*pre-token*) occurs: what tokenizers are trained on.

A trainer needs no text, only its pieces and their numbers; those are far smaller, add up over
shards and sources, and can be scaled. Counts are exact 64-bit integers, so nothing overflows.
Pieces are cut as `patterns.cutter` cuts; a piece of more than 64 characters (a genome, a long line
of signs) is counted in stretches of 64, because no tokenizer learns from it and trainers take time
in the square of a piece's length. The saved pre-tokenizer does not cut them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.pretokens import COUNTS_SCHEMA, PretokenCounter
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.normal_forms import normalized

__all__ = ["COUNTS_SCHEMA", "Counts", "count_texts"]


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
    counter = PretokenCounter(config.chosen_pattern, config.digits)
    documents = text_bytes = 0
    for batch in texts:
        documents += len(batch)
        text_bytes += pc.sum(pc.binary_length(batch)).as_py() or 0
        counter.add(normalized(batch, config))
    table = counter.table()
    counts = table.column("count").to_numpy()
    pieces = table.column("pretoken").combine_chunks()
    return Counts(pieces, counts, documents, text_bytes)
