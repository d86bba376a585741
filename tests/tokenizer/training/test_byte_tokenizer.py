"""The byte tokenizer: id = offset + byte, in `tokenizers` and in `transformers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer, pre_tokenizers

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import TrainedTokenizer

CONFIG = TokenizerConfig(
    model="bytes", special_tokens=("</s>", "<pad>"), reserved_tokens=1, pad_vocabulary_to=128
)


@pytest.fixture(scope="module")
def saved() -> TrainedTokenizer:
    return train(count_texts([pa.array(["any text"], pa.large_string())], CONFIG), CONFIG)


def test_names_of_bytes_are_those_of_the_byte_level_alphabet() -> None:
    assert sorted(byte_characters()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert byte_characters()[ord("A")] == "A"
    assert byte_characters()[ord(" ")] == "Ġ"


def test_id_is_offset_plus_byte(
    saved: TrainedTokenizer, real_texts: list[str], hostile_texts: list[str]
) -> None:
    tokenizer = Tokenizer.from_str(saved.tokenizer_json.decode())
    tokenizer.encode_special_tokens = True
    assert tokenizer.get_vocab_size() == saved.vocabulary_size == 384
    every = "".join(map(chr, [*range(0x800), 0xFFFF, 0x10000, 0x10FFFF]))
    for text in [*real_texts[::30], *hostile_texts, "</s>", "<|reserved_0|>", every]:
        ids = tokenizer.encode(text).ids
        assert ids == [3 + value for value in text.encode()]
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert tokenizer.token_to_id("</s>") == 0
    assert tokenizer.token_to_id("<|reserved_0|>") == 2
    assert tokenizer.token_to_id("<|reserved_1|>") == 259


def test_transformers_loads_the_folder(
    saved: TrainedTokenizer, load_in_transformers: Callable[[bytes, TokenizerConfig], Any]
) -> None:
    loaded = load_in_transformers(saved.tokenizer_json, CONFIG)
    text = "naïve 한국어 \x00 </s>"
    ids = loaded(text, split_special_tokens=True)["input_ids"]
    assert ids == [3 + value for value in text.encode()]
    assert loaded.decode(ids) == text


@pytest.mark.parametrize(
    "wrong", [{"pattern": "gpt4"}, {"digits": "single"}, {"alphabet": "characters"}]
)
def test_options_that_bytes_do_not_have_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="leave"):
        TokenizerConfig.model_validate({"model": "bytes", **wrong})
