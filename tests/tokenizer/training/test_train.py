from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from curate.errors import DataError, SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import TrainedTokenizer

TRAIN_FROM_STDIN = """
import json, sys
import pyarrow as pa
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
texts, size = json.load(sys.stdin), int(sys.argv[1])
batches = (pa.array(texts[i:i + size], pa.large_string()) for i in range(0, len(texts), size))
config = TokenizerConfig(vocab_size=2000, special_tokens=("<|endoftext|>", "<|pad|>"))
sys.stdout.buffer.write(train(count_texts(batches, config), config).tokenizer_json)
"""


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def train_on(texts: list[str], config: TokenizerConfig) -> TrainedTokenizer:
    return train(count_texts([large(texts)], config), config)


@pytest.mark.parametrize(
    ("threads", "parallelism", "batch"), [("1", "false", 1), ("2", "true", 97), ("8", "true", 600)]
)
def test_same_bytes_for_any_number_of_threads_and_any_batches(
    trained: TrainedTokenizer,
    real_texts: list[str],
    repository: Path,
    threads: str,
    parallelism: str,
    batch: int,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_FROM_STDIN, str(batch)],
        input=json.dumps(real_texts).encode(),
        capture_output=True,
        check=True,
        cwd=repository,
        env={
            **os.environ,
            "RAYON_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": parallelism,
            "PYTHONPATH": str(repository),
        },
    )
    assert done.stdout == trained.tokenizer_json


@pytest.mark.parametrize(("model", "size"), [("unigram", 2000), ("wordpiece", 4000)])
def test_other_models_are_the_same_bytes_for_any_batches(
    real_texts: list[str], model: str, size: int
) -> None:
    config = TokenizerConfig.model_validate(
        {"model": model, "vocab_size": size, "character_coverage": 0.98}
    )
    few = real_texts[:200]
    parts = [large(few[start : start + 7]) for start in range(0, 200, 7)]
    found = train(count_texts(reversed(parts), config), config)
    assert found.tokenizer_json == train_on(few, config).tokenizer_json


@pytest.mark.parametrize(
    ("model", "wanted", "size", "digest"),
    [
        ("unigram", 420, 420, "6de10348b24fbe29d88128bdc0397365e5d83ab5e9dcd221fad6ea5712561887"),
        ("wordpiece", 300, 112, "7590185c7b56bc2bc67542cc9b5d60d40fadae3e806f7cc8557fa6c5c336a4e2"),
    ],
)
def test_golden_bytes(model: str, wanted: int, size: int, digest: str) -> None:
    verse = "the cat sat on the mat, and the other cats sat with the rat; 고양이가 앉았다. "
    text = " ".join(f"{verse}{number * number % 97}" for number in range(200))
    config = TokenizerConfig.model_validate({"model": model, "vocab_size": wanted})
    found = train_on([text], config)
    assert found.vocabulary_size == size
    assert hashlib.sha256(found.tokenizer_json).hexdigest() == digest


def test_special_tokens_are_first_and_every_byte_has_a_token(trained: TrainedTokenizer) -> None:
    tokenizer = Tokenizer.from_str(trained.tokenizer_json.decode())
    assert tokenizer.token_to_id("<|endoftext|>") == 0
    assert tokenizer.token_to_id("<|pad|>") == 1
    assert tokenizer.get_vocab_size() == trained.vocabulary_size == 2000
    tokenizer.encode_special_tokens = True
    for text in ("\x00\x7f", "ÿ ř 한 🙂", "<|endoftext|>"):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_text_that_holds_a_special_token_is_learned_as_text() -> None:
    config = TokenizerConfig(vocab_size=300)
    found = train_on(["<|endoftext|>" * 50], config)
    merges = json.loads(found.tokenizer_json)["model"]["merges"]
    assert ["<", "|"] in merges
    assert "<|endoftext|>" not in {left + right for left, right in merges}


def test_a_small_corpus_is_told_in_a_note() -> None:
    found = train_on(["ab ab ab"], TokenizerConfig(vocab_size=1000))
    assert found.vocabulary_size == 259
    assert "has 259 tokens, not 1,000" in found.notes[0]


def test_one_endless_word_does_not_stall_training() -> None:
    genome = "".join("ACGT"[(number * number // 7) % 4] for number in range(300_000))
    found = train_on([genome], TokenizerConfig(vocab_size=1000))
    assert max(len(token) for token in json.loads(found.tokenizer_json)["model"]["vocab"]) <= 64


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_a_corpus_without_text_is_a_data_error(texts: list[str]) -> None:
    with pytest.raises(DataError, match="no text to train on"):
        train_on(texts, TokenizerConfig())


@pytest.mark.parametrize("token", ["the", " the", "###", "é<|x|>", "Ġthe", "1"])
def test_a_special_token_that_text_could_yield_is_refused(token: str) -> None:
    with pytest.raises(SpecError, match="could be learned from ordinary text"):
        train_on(["some text"], TokenizerConfig(special_tokens=(token,)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocab_size": 256},
        {"vocab_size": 257, "special_tokens": ("<|a|>", "<|b|>")},
        {"special_tokens": ("<|a|>", "<|a|>")},
        {"special_tokens": ("",)},
        {"special_tokens": ()},
        {"training_bytes": 2**31},
        {"pattern": "gpt5"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TokenizerConfig.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "unigram", "pattern": "gpt4"},
        {"model": "unigram", "alphabet": "bytes"},
        {"model": "unigram", "pattern": "words"},
        {"model": "wordpiece", "pattern": "gpt4"},
        {"model": "wordpiece", "alphabet": "bytes"},
    ],
)
def test_a_form_that_a_model_does_not_have_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="leave it out"):
        TokenizerConfig.model_validate(wrong)


def test_transformers_loads_the_folder_and_gives_equal_ids(
    trained: TrainedTokenizer,
    small_config: TokenizerConfig,
    real_texts: list[str],
    load_in_transformers: Callable[[bytes, TokenizerConfig], Any],
) -> None:
    loaded = load_in_transformers(trained.tokenizer_json, small_config)
    exact = Tokenizer.from_str(trained.tokenizer_json.decode())
    exact.encode_special_tokens = True
    assert loaded.eos_token_id == 0
    assert len(loaded) == trained.vocabulary_size
    assert loaded.all_special_ids == [0, 1]
    for text in [*real_texts[::20], "<|endoftext|> 2  x"]:
        ids = loaded(text, split_special_tokens=True)["input_ids"]
        assert ids == exact.encode(text).ids
        assert loaded.decode(ids) == text
