"""Unigram tokenizers: the saved file, its ids, hostile texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from curate.errors import DataError, SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import TrainedTokenizer

SPECIAL = ("<|endoftext|>", "<|pad|>")


def learn(texts: list[str], **changed: object) -> TrainedTokenizer:
    config = TokenizerConfig.model_validate({"model": "unigram", **changed})
    return train(count_texts([pa.array(texts, pa.large_string())], config), config)


def load(trained: TrainedTokenizer) -> Tokenizer:
    tokenizer = Tokenizer.from_str(trained.tokenizer_json.decode())
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def unigram(real_texts: list[str]) -> TrainedTokenizer:
    return learn(
        real_texts,
        vocab_size=6000,
        special_tokens=SPECIAL,
        reserved_tokens=3,
        pad_vocabulary_to=64,
        character_coverage=0.998,
    )


def test_ids_are_special_reserved_unknown_bytes_pieces_padding(unigram: TrainedTokenizer) -> None:
    tokens = [token for token, _ in json.loads(unigram.tokenizer_json)["model"]["vocab"]]
    assert tokens[:6] == [*SPECIAL, *(f"<|reserved_{number}|>" for number in range(3)), "<unk>"]
    assert tokens[6:262] == [f"<0x{value:02X}>" for value in range(256)]
    assert len(tokens) == unigram.vocabulary_size == 6016
    assert tokens[6000:] == [f"<|reserved_{number}|>" for number in range(3, 19)]
    assert load(unigram).get_vocab_size(with_added_tokens=True) == 6016


def test_every_text_comes_back(
    unigram: TrainedTokenizer, real_texts: list[str], hostile_texts: list[str]
) -> None:
    tokenizer = load(unigram)
    for text in [*real_texts[::10], *hostile_texts, " a", "  a  b ", "\n x", "한\x01"]:
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_names_of_tokens_in_a_text_are_text(unigram: TrainedTokenizer) -> None:
    tokenizer = load(unigram)
    named = 6 + 256
    for name in ("<0x41>", "<unk>", "<|endoftext|>", "<|pad|>", "<|reserved_1|>", "<|reserved_9|>"):
        for text in (name, f"a {name}", f"\n{name}\n", name * 50):
            assert all(named <= number < 6000 for number in tokenizer.encode(text).ids)


def test_training_on_names_of_tokens_learns_none_of_them() -> None:
    names = ["<0x41>", "<unk>", "<|endoftext|>", "<|reserved_1|>"]
    found = learn([f"\n{name}\n" * 50 for name in names], vocab_size=600, reserved_tokens=1)
    assert load(found).encode("<|endoftext|>").ids[0] > 259


def test_transformers_loads_the_folder(
    unigram: TrainedTokenizer,
    real_texts: list[str],
    load_in_transformers: Callable[[bytes, TokenizerConfig], Any],
) -> None:
    loaded = load_in_transformers(
        unigram.tokenizer_json, TokenizerConfig(model="unigram", special_tokens=SPECIAL)
    )
    exact = load(unigram)
    assert len(loaded) == unigram.vocabulary_size
    for text in real_texts[::30]:
        ids = loaded(text, split_special_tokens=True)["input_ids"]
        assert ids == exact.encode(text).ids
        assert loaded.decode(ids) == text


def test_digits_one_by_one() -> None:
    found = learn(["in 1234 and 5678 " * 100], vocab_size=500, digits="single")
    tokens = load(found).encode("1234").tokens
    assert tokens == ["▁", "1", "2", "3", "4"]


def test_a_small_corpus_is_told_in_a_note() -> None:
    found = learn(["ab ab"], vocab_size=1000)
    assert found.vocabulary_size < 400
    assert "not 1,000" in found.notes[-1]
    assert load(found).decode(load(found).encode("Ab é").ids) == "Ab é"


def test_one_giant_word() -> None:
    genome = "".join("ACGT"[(number * number // 7) % 4] for number in range(300_000))
    found = learn([genome], vocab_size=1000)
    assert 300 < found.vocabulary_size <= 1000
    assert load(found).decode(load(found).encode(genome).ids) == genome


def test_an_alphabet_larger_than_the_vocabulary_is_a_spec_error() -> None:
    text = " ".join(chr(0x4E00 + number) for number in range(3000))
    with pytest.raises(SpecError, match=r"alphabet of 3,\d\d\d characters; set at least 3,\d\d\d"):
        learn([text], vocab_size=3000, character_coverage=1.0)
    assert learn([text], vocab_size=3000, character_coverage=0.5).vocabulary_size <= 3000


def test_no_text_is_a_data_error() -> None:
    with pytest.raises(DataError, match="no text to train on"):
        learn(["", ""])
