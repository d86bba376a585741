from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import DataError, SpecError
from curate.tokenizer.encoding.encode import TextEncoder
from curate.tokenizer.evaluation.compare import Seen, compare
from curate.tokenizer.evaluation.evaluate import Evaluation, evaluation_bytes, renyi_efficiency
from curate.tokenizer.evaluation.parallel_text import gini, premiums, read_parallel
from curate.tokenizer.evaluation.text_files import TEXT_SCHEMA, bounded, read_texts
from curate.tokenizer.evaluation.token_facts import token_facts
from curate.tokenizer.formats.published import NamedTokenizer, read_tokenizer
from curate.tokenizer.training.trained import TrainedTokenizer


@pytest.fixture(scope="module")
def encoder(trained: TrainedTokenizer) -> TextEncoder:
    return TextEncoder(trained.tokenizer_json)


def batch(texts: list[str], sources: list[str], **more: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"text": pa.array(texts, pa.large_string()), "source": sources, **more}
    )


def evaluation_of(encoder: TextEncoder) -> Evaluation:
    return Evaluation(encoder.vocabulary.size)


def test_counts_and_ratios_are_those_of_the_text(encoder: TextEncoder) -> None:
    evaluation = evaluation_of(encoder)
    texts = ["The cat, 7!", "", "한국어 텍스트"]
    evaluation.measure(batch(texts, ["web", "web", "wiki"], language=["en", None, "ko"]), encoder)
    found = evaluation.result()
    tokens = len(encoder.encode(pa.array(["The cat, 7!"], pa.large_string()))[1])
    assert found["sources"]["web"] == {
        "documents": 2,
        "text_bytes": 11,
        "characters": 11,
        "words": 3,
        "tokens": tokens,
        "bytes_per_token": 11 / tokens,
        "characters_per_token": 11 / tokens,
        "tokens_per_word": tokens / 3,
    }
    assert found["sources"]["wiki"]["words"] == 2
    assert found["languages"]["ko"]["characters"] == 7
    assert set(found["languages"]) == {"en", "ko"}
    assert found["total"]["documents"] == 3
    assert 0 < found["vocabulary_used"] <= found["total"]["tokens"]


def test_parts_merged_in_any_order_give_the_same_bytes(
    encoder: TextEncoder, real_texts: list[str]
) -> None:
    texts, sources = real_texts[180:220], ["web"] * 20 + ["wiki"] * 20
    urls = [f"https://site{number % 3}.org/{number}" for number in range(40)]
    rows = batch(texts, sources, url=urls)
    whole = evaluation_of(encoder)
    whole.measure(rows, encoder)
    merged = evaluation_of(encoder)
    for start in (30, 0, 10, 20):
        part = evaluation_of(encoder)
        part.measure(rows.slice(start, 10), encoder)
        merged.merge(part)
    written = evaluation_bytes("validation", whole, {"documents": 5}, {})
    assert evaluation_bytes("validation", merged, {"documents": 5}, {}) == written
    assert merged.sites.dominated(0.5, 5) == whole.sites.dominated(0.5, 5)
    assert 2 < json.loads(written)["sources"]["web"]["bytes_per_token"] < 5


def test_no_documents_have_no_ratios(encoder: TextEncoder) -> None:
    found = evaluation_of(encoder).result()
    assert found["total"]["bytes_per_token"] is None
    assert found["total"]["tokens_per_word"] is None
    assert found["renyi_efficiency"] is None


GOLDEN_RENYI = {
    # tokenization_scorer 1.1.8 (zouharvi/tokenization-scorer), metric="renyi", power=2.5, on texts
    # whose tokens occur so often.
    (1, 1): 1.0,
    (5, 3, 2): 0.8560799305747754,
    (1000, 500, 250, 125, 60, 30, 15, 7, 3, 1): 0.44215827905819893,
    tuple(range(1, 400)): 0.9467656066057247,
}


@pytest.mark.parametrize("counts", GOLDEN_RENYI)
def test_renyi_efficiency_is_that_of_tokenization_scorer(counts: tuple[int, ...]) -> None:
    found = renyi_efficiency(np.array([0, *counts, 0]))
    assert found == pytest.approx(GOLDEN_RENYI[counts], abs=1e-9)
    assert renyi_efficiency(np.array([7])) is None


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_gini_is_the_mean_difference(costs: list[int]) -> None:
    found = gini(np.array(costs))
    pairs = sum(abs(a - b) for a in costs for b in costs)
    mean = sum(costs) / len(costs)
    if not mean:
        assert found is None
    else:
        assert found == pytest.approx(pairs / (2 * len(costs) ** 2 * mean), abs=1e-12)


def test_tokens_of_one_site_are_found(encoder: TextEncoder) -> None:
    evaluation = evaluation_of(encoder)
    odd = "xylograph " * 30
    plain = ["The history of the world and of music. " * 20] * 9
    texts = [odd, *plain]
    urls: list[str | None] = ["https://www.odd.net/1", *(f"https://s{n}.org/" for n in range(9))]
    urls[5] = None
    evaluation.measure(batch(texts, ["web"] * 10, url=urls), encoder)
    found = evaluation.sites.dominated()
    assert found
    assert {row["site"] for row in found} == {"odd.net"}
    assert all(row["share"] > 0.9 and row["occurrences"] >= 20 for row in found)


@pytest.fixture(scope="module")
def facts(every_kind: dict[str, bytes]) -> dict[str, dict[str, object]]:
    return {name: token_facts(TextEncoder(file)) for name, file in every_kind.items()}


def test_every_trained_token_can_be_reached(facts: dict[str, dict[str, dict[str, int]]]) -> None:
    for name, found in facts.items():
        if name in ("characters", "unigram"):
            assert found["unreachable"]["count"] <= 0.02 * found["size"], name
        elif name != "wordpiece":
            assert found["unreachable"]["count"] == 0, name
    assert facts["bytes"]["partial_utf8"]["count"] == 128
    assert facts["bytes"]["numbers"]["by_digits"]["4"] == {"tokens": 5.0, "same_length": 1.0}
    assert facts["bytes"]["code"]["indentation"] == {"4": 4, "8": 8, "16": 16}
    assert facts["single"]["numbers"]["longest_of_digits"] == 1
    assert facts["gpt4"]["numbers"]["longest_of_digits"] <= 3
    assert facts["gpt4"]["control_tokens"] == 4


def test_a_token_that_no_text_yields_is_unreachable(trained: TrainedTokenizer) -> None:
    content = json.loads(trained.tokenizer_json)
    content["model"]["vocab"]["zqzqzq"] = 2000
    content["model"]["vocab"]["ĠaĠb"] = 2001
    found = token_facts(TextEncoder(json.dumps(content).encode()))
    assert [row["token"] for row in found["unreachable"]["tokens"]] == ["zqzqzq", " a b"]


def test_published_formats_are_read(test_data: Path, tmp_path: Path, real_texts: list[str]) -> None:
    import gigatoken

    folder = test_data / "tokenizers"
    ranks = read_tokenizer(folder / "cl100k_base.tiktoken.gz")
    assert ranks.name == "cl100k_base"
    plain = tmp_path / "cl100k_base.tiktoken"
    plain.write_bytes(gzip.decompress((folder / "cl100k_base.tiktoken.gz").read_bytes()))
    other = gigatoken.Tokenizer.from_tiktoken(plain)
    encoder = TextEncoder(ranks.tokenizer_json)
    assert encoder.vocabulary.size == 100_256
    texts = [*real_texts[10:600:60], "aaaa" * 9, "  \n\n x"]
    offsets, ids = encoder.encode(pa.array(texts, pa.large_string()))
    for row, text in enumerate(texts):
        assert ids[offsets[row] : offsets[row + 1]].tolist() == other.encode(text).tolist()
    assert read_tokenizer(folder / "gpt2.json.gz").name == "gpt2"
    (tmp_path / "tokenizer.json").write_bytes(ranks.tokenizer_json)
    assert read_tokenizer(tmp_path, "mine") == NamedTokenizer("mine", ranks.tokenizer_json)
    for name, content in {"a.model": b"", "a.tiktoken": b"IQ== 0", "gpt2.tiktoken": b"x"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SpecError):
            read_tokenizer(tmp_path / name)
    with pytest.raises(SpecError, match="no tokenizer here"):
        read_tokenizer(tmp_path / "absent")


def test_premium_of_parallel_lines(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "lines.jsonl"
    lines = [("eng_Latn", 0, "Hello"), ("kor_Hang", 0, "안녕하세요"), ("eng_Latn", 1, "alone")]
    path.write_text(
        "\n".join(json.dumps({"language": a, "line": b, "text": c}) for a, b, c in lines)
    )
    found = premiums(read_parallel(path), encoder)
    assert found["lines"] == 1
    assert found["languages"]["eng_Latn"]["premium"] == 1
    assert found["languages"]["kor_Hang"]["premium"] > 1
    assert 0 < found["gini"] < 0.5
    path.write_text('{"language": "kor_Hang", "line": 0, "text": "x"}')
    with pytest.raises(SpecError, match="no English"):
        read_parallel(path)
    path.write_text("[]")
    with pytest.raises(DataError, match=r"lines\.jsonl:1"):
        read_parallel(path)


def test_tokenizers_side_by_side(
    tmp_path: Path, trained: TrainedTokenizer, real_texts: list[str]
) -> None:
    path = tmp_path / "web.jsonl"
    rows = [
        {"text": text, "url": f"https://a{i % 4}.org"} for i, text in enumerate(real_texts[:60])
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    texts = read_texts([str(path)], 100_000)
    assert 20 < texts[0].num_rows < 60
    mine = NamedTokenizer("mine", trained.tokenizer_json)
    counts = np.full(trained.vocabulary_size, 50)
    counts[[500, 501]] = 0, 3
    found = compare([mine, mine], texts, "web", None, 10, Seen("the training shards", counts))
    first, second = found["tokenizers"]
    assert first["seen"]["never"]["count"] == first["seen"]["rare"]["count"] == 1
    assert first["seen"]["rare"]["tokens"][0] | {"token": ""} == {
        "id": 501,
        "occurrences": 3,
        "token": "",
    }
    assert second["seen"]["measured_on"] == "these texts"
    assert first["texts"] == second["texts"]
    assert first["texts"]["sources"]["web"]["documents"] == texts[0].num_rows
    assert found["text_bytes"] <= 100_000


def test_at_least_one_document_is_read_whatever_stands_before_it() -> None:
    table = pa.Table.from_pylist([{"text": "x" * 100}, {"text": "y"}], TEXT_SCHEMA)
    found = bounded(iter([TEXT_SCHEMA.empty_table(), table]), 10)
    assert found["text"].to_pylist() == ["x" * 100]
