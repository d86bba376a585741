"""The n-gram filter keeps prose and removes templates."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.quality.ngram import NgramFilter
from curate.stages.rules import evaluate


def judged(texts: list[str], **options: float) -> list[str | None]:
    """The first broken rule of each text."""
    stage = NgramFilter(**options)
    (annotator,) = stage.annotators()
    batch = annotator.annotate(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    names = [f"ngrams.{name}" for name in batch.schema.names]
    rules = stage.rules()
    first = evaluate(rules, pa.RecordBatch.from_arrays(batch.columns, names)).first_broken()
    return [None if index < 0 else rules[index].name for index in first]


def test_prose_stays_and_a_template_goes(test_data):
    with gzip.open(test_data / "c4" / "c4-a.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    kept = sum(rule is None for rule in judged(texts)) / len(texts)
    assert kept > 0.95
    assert judged(["buy cheap watches online now " * 40]) == ["word_repetition"]
    assert judged(["-----" * 40]) == ["character_repetition"]


def test_a_bound_of_zero_is_a_bound_and_none_is_off():
    twice = "one two three four five six one two three four five seven"
    assert judged([twice], max_character_repetition=1.0, max_word_repetition=0.0) == [
        "word_repetition"
    ]
    assert NgramFilter(max_character_repetition=None, max_word_repetition=None).rules() == ()


def test_bounds_outside_of_their_range_are_refused():
    with pytest.raises(ValidationError):
        NgramFilter(max_word_repetition=1.5)
