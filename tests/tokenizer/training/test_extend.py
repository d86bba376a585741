"""New tokens for an existing tokenizer: old ids stay, and the gain is what is measured."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models

from curate.errors import DataError, SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.base_words import TokenWords, count_words, known_cut
from curate.tokenizer.training.bpe import train_bpe
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.extend import ExtendSettings, compression, extend_tokenizer

BYTES = TokenizerConfig(vocab_size=1200, reserved_tokens=3)
CHARACTERS = TokenizerConfig(
    vocab_size=1200,
    alphabet="characters",
    special_tokens=("</s>", "<unk>"),
    character_coverage=0.99,
)


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def base_of(texts: list[str], config: TokenizerConfig) -> bytes:
    return train_bpe(count_texts([large(texts)], config), config).tokenizer_json


def load(data: bytes) -> Tokenizer:
    tokenizer = Tokenizer.from_str(data.decode())
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def english(real_texts: list[str]) -> list[str]:
    return real_texts[:40]


@pytest.fixture(scope="module")
def korean(real_texts: list[str]) -> list[str]:
    return real_texts[400:460]


@pytest.mark.parametrize("config", [BYTES, CHARACTERS])
def test_old_ids_stay_and_new_texts_take_fewer_tokens(
    config: TokenizerConfig, english: list[str], korean: list[str], hostile_texts: list[str]
) -> None:
    base = base_of(english, config)
    made = extend_tokenizer(base, [large(korean[:50])], ExtendSettings(800))
    before, after = load(base), load(made.tokenizer_json)
    old, new = before.get_vocab(), after.get_vocab()
    assert old.items() <= new.items()
    assert made.first_id == len(old) and len(made.added) == 800
    assert [new[name] for name in made.added] == list(range(1200, 2000))
    assert bool(made.characters) == (config is CHARACTERS)
    assert all(len(name) == 1 for name in made.added[: made.characters])
    assert before.get_added_tokens_decoder().keys() == after.get_added_tokens_decoder().keys()
    gain = compression(base, made.tokenizer_json, [large(korean[50:])])
    assert gain.tokens_after < 0.6 * gain.tokens_before
    kept = compression(base, made.tokenizer_json, [large(english)])
    assert 0.9 * kept.tokens_before < kept.tokens_after <= kept.tokens_before
    for text in [*hostile_texts, *korean[50:]]:
        ids = after.encode(text).ids
        assert after.decode(ids, skip_special_tokens=False) == text
        assert len(ids) <= len(before.encode(text).ids)


def test_new_tokens_only_join_what_the_base_leaves_apart(
    english: list[str], korean: list[str]
) -> None:
    base = base_of(english, BYTES)
    made = extend_tokenizer(base, [large(korean)], ExtendSettings(300))
    before, after = load(base), load(made.tokenizer_json)
    for text in english[:10] + korean[:10]:
        found = after.encode(text)
        ends = {end for _, end in before.encode(text).offsets}
        assert {end for _, end in found.offsets} <= ends


def test_no_byte_token_is_part_of_a_new_one(english: list[str]) -> None:
    base = base_of(english, CHARACTERS)
    texts = large(["\U0001f642\U0001f643 \U0001f642\U0001f643"] * 20 + english)
    settings = ExtendSettings(50, character_coverage=0.5)
    made = extend_tokenizer(base, [texts], settings)
    assert made.characters == 0
    assert not any("<0x" in name for name in made.added)
    frequent = extend_tokenizer(base, [texts], ExtendSettings(50, 40, character_coverage=1))
    added = frequent.added[: frequent.characters]
    whole = "".join(texts.to_pylist())
    assert {"\U0001f642", "\U0001f643"} <= set(added)
    assert all(whole.count(character) >= 40 for character in added)


def test_a_published_tokenizer_keeps_every_id(test_data: Path, korean: list[str]) -> None:
    """GPT-NeoX has added tokens behind its vocabulary, which `tokenizers` would number anew."""
    base = gzip.decompress((test_data / "tokenizers" / "gpt-neox.json.gz").read_bytes())
    made = extend_tokenizer(base, [large(korean[:20])], ExtendSettings(200))
    before, after = load(base).get_vocab(), load(made.tokenizer_json).get_vocab()
    assert before.items() <= after.items() and len(after) == len(before) + 200
    gain = compression(base, made.tokenizer_json, [large(korean[20:])])
    assert gain.after is not None and gain.before is not None and gain.after > 1.3 * gain.before


def test_words_are_the_same_whether_pieces_are_counted_or_texts_encoded(
    english: list[str], korean: list[str]
) -> None:
    content = json.loads(base_of(english, BYTES))
    known = known_cut(content)
    assert known is not None and (known.chosen_pattern, known.digits) == ("gpt4", "pattern")
    texts = [large(english[:10] + korean[:5])]
    counted = count_words(content, texts)
    never = {"type": "Split", "pattern": {"String": "\0 never"}, "behavior": "Isolated"}
    content["pre_tokenizer"]["pretokenizers"].append({**never, "invert": False})
    assert known_cut(content) is None
    encoded = count_words(content, texts)
    assert occurrences(counted) == occurrences(encoded)


def occurrences(words: TokenWords) -> dict[tuple[int, ...], int]:
    parts = [words.tokens[a:b].tolist() for a, b in pairwise(words.offsets)]
    return {tuple(part): count for part, count in zip(parts, words.counts.tolist(), strict=True)}


def test_words_are_cut_at_tokens_that_stay_alone() -> None:
    words = TokenWords(
        np.array([0, 3, 4, 6, 6, 9]),
        np.array([1, 9, 2, 9, 3, 4, 9, 5, 6], np.uint32),
        np.array([10, 20, 30, 40, 50], np.uint64),
    )
    alone = np.zeros(10, np.bool_)
    alone[9] = True
    found = words.without(alone)
    assert occurrences(found) == {(1,): 10, (2,): 10, (3, 4): 30, (5, 6): 50}


def test_a_base_that_is_given_whole_texts_gets_no_token_across_blanks(english: list[str]) -> None:
    """Llama 2's file has no pre-tokenizer."""
    content = json.loads(base_of(english, CHARACTERS))
    content["pre_tokenizer"] = None
    content["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    base = json.dumps(content).encode()
    made = extend_tokenizer(base, [large(english)], ExtendSettings(100))
    assert len(made.added) == 100
    assert not any("▁" in name.lstrip("▁") for name in made.added)


def test_a_base_that_leaves_out_what_is_null(english: list[str]) -> None:
    content = json.loads(Tokenizer(models.BPE({c: n for n, c in enumerate("etao ")}, [])).to_str())
    whole = extend_tokenizer(json.dumps(content).encode(), [large(english)], ExtendSettings(5))
    for name in ("normalizer", "pre_tokenizer", "added_tokens"):
        assert not content.pop(name)
    base = json.dumps(content).encode()
    assert extend_tokenizer(base, [large(english)], ExtendSettings(5)) == whole
    assert len(whole.added) == 5


def test_bases_that_cannot_be_extended_are_refused(test_data: Path, english: list[str]) -> None:
    texts, settings = [large(english)], ExtendSettings(10)
    unigram = gzip.decompress((test_data / "tokenizers" / "t5.json.gz").read_bytes())
    with pytest.raises(SpecError, match="only BPE can be extended"):
        extend_tokenizer(unigram, texts, settings)
    with pytest.raises(SpecError, match="cannot be read"):
        extend_tokenizer(b"{}", texts, settings)
    holes = Tokenizer(models.BPE({"a": 0, "b": 2}, [])).to_str().encode()
    with pytest.raises(SpecError, match=r"has holes.*first 1"):
        extend_tokenizer(holes, texts, settings)
    with pytest.raises(DataError, match="no text"):
        extend_tokenizer(base_of(english, BYTES), [large([""])], settings)
