"""Evaluate a tokenizer, and others beside it, on the same texts: the content of the evaluation
report as plain data.

Texts are held in memory, so that every tokenizer reads the same. Cost per tokenizer: one encoding
of the texts and of the parallel lines, and of its vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.tokenizer.encoding.encode import TextEncoder
from curate.tokenizer.evaluation.evaluate import Evaluation
from curate.tokenizer.evaluation.parallel_text import ParallelText, premiums
from curate.tokenizer.evaluation.token_facts import LISTED, Surfaces, surfaces, token_facts
from curate.tokenizer.formats.published import NamedTokenizer

COMPARISON_VERSION = 1
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Seen:
    """How often each token occurs in what a model would be trained on."""

    measured_on: str
    occurrences: np.ndarray


def evaluate_one(
    tokenizer: NamedTokenizer,
    texts: Sequence[pa.Table],
    parallel: ParallelText | None,
    rare_below: int,
    seen: Seen | None = None,
) -> dict[str, Any]:
    """Everything about one tokenizer.

    texts: tables with the columns of `evaluate.COLUMNS`. rare_below: occurrences below which a
    token is hardly seen. seen: counts of the training shards; without them those of the texts.
    """
    encoder = TextEncoder(tokenizer.tokenizer_json)
    evaluation = Evaluation(encoder.vocabulary.size)
    for table in texts:
        for batch in table.to_batches(max_chunksize=BATCH_ROWS):
            evaluation.measure(batch, encoder)
    found = surfaces(encoder.vocabulary)
    if seen is None and texts:
        seen = Seen("these texts", evaluation.occurrences)
    sites = evaluation.sites.dominated()
    return {
        "name": tokenizer.name,
        "sha256": hashlib.sha256(tokenizer.tokenizer_json).hexdigest(),
        "model": encoder.vocabulary.content["model"].get("type", "BPE"),
        "encoded_with": encoder.backend_version,
        "texts": evaluation.result() if texts else None,
        "unknown_tokens": _unknown(encoder, evaluation),
        "seen": None if seen is None else _seen(encoder, found, seen, rare_below),
        "dominated": {
            "count": len(sites),
            "tokens": [{**row, "token": found.shown(row["id"])} for row in sites[:LISTED]],
        },
        "vocabulary": token_facts(encoder),
        "parallel": None if parallel is None else premiums(parallel, encoder),
    }


def _unknown(encoder: TextEncoder, evaluation: Evaluation) -> int:
    number = encoder.vocabulary.unknown
    return 0 if number is None else int(evaluation.occurrences[number])


def _seen(encoder: TextEncoder, found: Surfaces, seen: Seen, rare_below: int) -> dict[str, Any]:
    allowed = encoder.vocabulary.allowed
    counts = seen.occurrences
    never = np.flatnonzero(allowed & (counts == 0))
    rare = np.flatnonzero(allowed & (counts > 0) & (counts < rare_below))
    rare = rare[np.argsort(counts[rare], kind="stable")]
    return {
        "measured_on": seen.measured_on,
        "tokens": int(counts[allowed].sum()),
        "rare_below": rare_below,
        "never": {
            "count": len(never),
            "tokens": [{"id": int(n), "token": found.shown(int(n))} for n in never[:LISTED]],
        },
        "rare": {
            "count": len(rare),
            "tokens": [
                {"id": int(n), "token": found.shown(int(n)), "occurrences": int(counts[n])}
                for n in rare[:LISTED]
            ],
        },
    }


def compare(
    tokenizers: Sequence[NamedTokenizer],
    texts: Sequence[pa.Table],
    measured_on: str,
    parallel: ParallelText | None,
    rare_below: int,
    seen: Seen | None = None,
) -> dict[str, Any]:
    """The report of one tokenizer and those beside it. seen: for the first one."""
    return {
        "comparison_version": COMPARISON_VERSION,
        "measured_on": measured_on,
        "text_bytes": sum(_bytes(table) for table in texts),
        "documents": sum(table.num_rows for table in texts),
        "tokenizers": [
            evaluate_one(each, texts, parallel, rare_below, seen if place == 0 else None)
            for place, each in enumerate(tokenizers)
        ],
    }


def _bytes(table: pa.Table) -> int:
    return int(pc.sum(pc.binary_length(table.column("text"))).as_py() or 0)
