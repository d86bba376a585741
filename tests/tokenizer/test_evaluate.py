from __future__ import annotations

import json

import pyarrow as pa
import pytest

from curate.tokenizer.encode import Encoder
from curate.tokenizer.evaluate import Evaluation, evaluation_bytes
from curate.tokenizer.trained import TrainedTokenizer


@pytest.fixture(scope="module")
def encoder(trained: TrainedTokenizer) -> Encoder:
    return Encoder(trained.tokenizer_json, "<|endoftext|>")


def batch(texts: list[str], sources: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"text": pa.array(texts, pa.large_string()), "source": sources}
    )


def test_counts_and_ratios_are_those_of_the_text(encoder: Encoder) -> None:
    evaluation = Evaluation(encoder.vocabulary_size)
    evaluation.measure(batch(["The cat, 7!", "", "한국어 텍스트"], ["web", "web", "wiki"]), encoder)
    found = evaluation.result()
    tokens = len(encoder.encode(pa.array(["The cat, 7!"], pa.large_string()))[1]) - 1
    assert found["sources"]["web"] == {
        "documents": 2,
        "text_bytes": 11,
        "words": 3,
        "tokens": tokens,
        "bytes_per_token": 11 / tokens,
        "tokens_per_word": tokens / 3,
    }
    assert found["sources"]["wiki"]["words"] == 2
    assert found["total"]["documents"] == 3
    assert 0 < found["vocabulary_used"] <= found["total"]["tokens"]


def test_parts_merged_in_any_order_give_the_same_bytes(
    encoder: Encoder, real_texts: list[str]
) -> None:
    texts, sources = real_texts[180:220], ["web"] * 20 + ["wiki"] * 20
    whole = Evaluation(encoder.vocabulary_size)
    whole.measure(batch(texts, sources), encoder)
    merged = Evaluation(encoder.vocabulary_size)
    for start in (30, 0, 10, 20):
        part = Evaluation(encoder.vocabulary_size)
        part.measure(batch(texts, sources).slice(start, 10), encoder)
        merged.merge(part)
    written = evaluation_bytes("validation", whole, {"documents": 5})
    assert evaluation_bytes("validation", merged, {"documents": 5}) == written
    assert 2 < json.loads(written)["sources"]["web"]["bytes_per_token"] < 5


def test_no_documents_have_no_ratios(encoder: Encoder) -> None:
    total = Evaluation(encoder.vocabulary_size).result()["total"]
    assert total["bytes_per_token"] is None
    assert total["tokens_per_word"] is None
