"""BPE as it is saved: alphabets, reserved ids, round trips, and what is refused."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curate.errors import DataError, SpecError
from curate.kernels.pretokens import STRETCH_CHARACTERS
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.bpe import train_bpe
from curate.tokenizer.training.counts import Counts, count_texts
from curate.tokenizer.training.patterns import cutter

LLAMA = TokenizerConfig(
    vocab_size=3000,
    alphabet="characters",
    character_coverage=0.99,
    special_tokens=("</s>", "<s>", "<unk>"),
    reserved_tokens=5,
    pad_vocabulary_to=64,
)


def counted(texts: list[str], config: TokenizerConfig) -> Counts:
    return count_texts([pa.array(texts, pa.large_string())], config)


def saved(texts: list[str], config: TokenizerConfig) -> Tokenizer:
    tokenizer = Tokenizer.from_str(
        train_bpe(counted(texts, config), config).tokenizer_json.decode()
    )
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def llama(real_texts: list[str]) -> Tokenizer:
    return saved(real_texts[::3], LLAMA)


def test_byte_level_files_are_those_of_the_trainer_of_tokenizers(real_texts: list[str]) -> None:
    config = TokenizerConfig(vocab_size=4000, special_tokens=("<|endoftext|>", "<|pad|>"))
    texts = real_texts[::4]
    tokenizer = Tokenizer(models.BPE())
    steps = [
        cutter("gpt4", "pattern"),
        pre_tokenizers.FixedLength(length=STRETCH_CHARACTERS),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=2,
        special_tokens=list(config.special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=65,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    expected = json.loads(tokenizer.to_str())
    found = json.loads(saved(texts, config).to_str())
    assert found["model"] == expected["model"]
    assert found["added_tokens"] == expected["added_tokens"]


def test_ids_lie_as_documented(llama: Tokenizer) -> None:
    names = [llama.id_to_token(number) for number in range(llama.get_vocab_size())]
    assert names[:8] == ["</s>", "<s>", "<unk>", *(f"<|reserved_{n}|>" for n in range(5))]
    assert names[8:264] == [f"<0x{byte:02X}>" for byte in range(256)]
    characters = [name for name in names[264:] if len(name) == 1]
    assert names[264 : 264 + len(characters)] == sorted(characters)
    assert len(names) == 3008 and names[3000:] == [f"<|reserved_{n}|>" for n in range(5, 13)]
    special = {number for number, token in llama.get_added_tokens_decoder().items()}
    assert special == {*range(8), *range(3000, 3008)}


def test_rare_characters_become_their_bytes_and_text_comes_back(
    llama: Tokenizer, real_texts: list[str]
) -> None:
    covered = {token for token in llama.get_vocab() if len(token) == 1}
    assert "\U0001f642" not in covered and "e" in covered
    assert llama.encode("\U0001f642").tokens[1:] == ["<0xF0>", "<0x9F>", "<0x99>", "<0x82>"]
    for text in [*real_texts[::7], "a  b \n\tc", "<s> </s><unk><0x41>", "\x00\x7f\uffff", "한ſ"]:
        ids = llama.encode(text).ids
        assert llama.decode(ids, skip_special_tokens=False) == text
        assert min(ids, default=9) >= 8


def test_coverage_takes_the_fewest_characters_and_lower_code_points_first() -> None:
    config = TokenizerConfig(
        vocab_size=400, alphabet="characters", pattern="gpt4", character_coverage=0.75
    )
    vocabulary = saved(["aaaa", "cc", "bb"], config).get_vocab()
    assert {"a", "b"} <= vocabulary.keys() and "c" not in vocabulary
    whole = config.model_copy(update={"character_coverage": 1.0})
    assert {"a", "b", "c"} <= saved(["aaaa", "cc", "bb"], whole).get_vocab().keys()


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4", "llama3", "metaspace"])
@pytest.mark.parametrize("alphabet", ["bytes", "characters"])
def test_text_comes_back_from_every_pattern_and_alphabet(
    pattern: str, alphabet: str, hostile_texts: list[str]
) -> None:
    config = TokenizerConfig.model_validate(
        {"vocab_size": 600, "alphabet": alphabet, "pattern": pattern, "digits": "single"}
    )
    tokenizer = saved(["Some words 1234, and 한국어 words.\n\nSome more"] * 3, config)
    for text in hostile_texts:
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_a_longest_token_and_a_normal_form_are_kept(real_texts: list[str]) -> None:
    config = TokenizerConfig(
        vocab_size=2000, alphabet="characters", max_token_bytes=6, normalization="nfc"
    )
    tokenizer = saved(real_texts[:60] + real_texts[-60:], config)
    learned = [name for name in tokenizer.get_vocab() if not name.startswith("<")]
    assert 4 <= max(len(name.encode()) for name in learned) <= 6
    text = "cafe\u0301"
    found = tokenizer.decode(tokenizer.encode(text).ids)
    assert found == unicodedata.normalize("NFC", text)


def test_scaled_counts_make_the_same_file_where_32_bits_would_wrap(real_texts: list[str]) -> None:
    config = TokenizerConfig(vocab_size=1500, min_frequency=2)
    counts = counted(real_texts[::6], config)
    scaled = Counts(
        counts.pretokens, counts.counts * np.uint64(2**31 + 1), counts.documents, counts.text_bytes
    )
    larger = config.model_copy(update={"min_frequency": 2 * (2**31 + 1)})
    assert train_bpe(scaled, larger).tokenizer_json == train_bpe(counts, config).tokenizer_json


def test_transformers_loads_characters_with_reserved_tokens(
    llama: Tokenizer,
    real_texts: list[str],
    load_in_transformers: Callable[[bytes, TokenizerConfig], Any],
) -> None:
    loaded = load_in_transformers(llama.to_str().encode(), LLAMA)
    assert len(loaded) == 3008 and loaded.eos_token_id == 0
    for text in real_texts[::40]:
        ids = loaded(text, split_special_tokens=True)["input_ids"]
        assert ids == llama.encode(text).ids


def test_a_vocabulary_below_the_alphabet_is_an_error(real_texts: list[str]) -> None:
    config = TokenizerConfig(vocab_size=500, alphabet="characters", character_coverage=1)
    with pytest.raises(SpecError, match=r"vocab_size: 500 is too small.*set at least [\d,]+"):
        train_bpe(counted(real_texts, config), config)


@pytest.mark.parametrize(
    "wrong",
    [
        {"special_tokens": ("<0x0A>",), "alphabet": "characters"},
        {"special_tokens": ("<|reserved_0|>",), "reserved_tokens": 1},
        {"special_tokens": ("<|reserved_3|>",), "pad_vocabulary_to": 8},
        {"special_tokens": ("s",), "alphabet": "characters"},
        {"special_tokens": ("the",)},
    ],
)
def test_special_tokens_that_collide_are_refused(wrong: dict[str, object]) -> None:
    config = TokenizerConfig.model_validate(wrong)
    with pytest.raises(SpecError, match="special_tokens"):
        train_bpe(counted(["some text"], config), config)


def test_words_of_bert_are_no_pattern_of_bpe() -> None:
    with pytest.raises(ValidationError, match="words drops the blanks"):
        TokenizerConfig(pattern="words")


def test_counts_of_an_impossible_corpus_are_an_error() -> None:
    counts = Counts(pa.array([b"abcd"], pa.large_binary()), np.array([2**62], np.uint64), 1, 4)
    with pytest.raises(DataError, match="scale them down"):
        train_bpe(counts, TokenizerConfig())
