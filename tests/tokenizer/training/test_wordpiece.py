"""WordPiece: pieces, ids, what `tokenizers` and `transformers` do with the file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from curate.errors import DataError, SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import TrainedTokenizer

BERT = ("[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]")


def learn(texts: list[str], **changed: object) -> TrainedTokenizer:
    config = TokenizerConfig.model_validate({"model": "wordpiece", **changed})
    return train(count_texts([pa.array(texts, pa.large_string())], config), config)


def load(trained: TrainedTokenizer) -> Tokenizer:
    tokenizer = Tokenizer.from_str(trained.tokenizer_json.decode())
    tokenizer.encode_special_tokens = True
    return tokenizer


def names(trained: TrainedTokenizer) -> list[str]:
    vocabulary: dict[str, int] = json.loads(trained.tokenizer_json)["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    return sorted(vocabulary, key=vocabulary.__getitem__)


def plain_merges(words: dict[str, int], most: int) -> list[str]:
    """The pieces of the plain algorithm: the most frequent pair, then the lower numbers."""
    symbols = {word: [word[0], *("##" + rest for rest in word[1:])] for word in words}
    used = {piece for pieces in symbols.values() for piece in pieces}
    order = sorted(used, key=lambda piece: (piece.startswith("##"), piece))
    number = {piece: index for index, piece in enumerate(order)}
    made: list[str] = []
    while len(made) < most:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, pieces in symbols.items():
            for pair in pairwise(pieces):
                pairs[pair] += words[word]
        wanted = [
            (-count, number[left], number[right], left, right)
            for (left, right), count in pairs.items()
            if count >= 2 and left + right.removeprefix("##") not in number
        ]
        if not wanted:
            break
        _, _, _, left, right = min(wanted)
        piece = left + right.removeprefix("##")
        number[piece] = len(number)
        made.append(piece)
        for word, pieces in symbols.items():
            merged: list[str] = []
            for each in pieces:
                if merged and (merged[-1], each) == (left, right):
                    merged[-1] = piece
                else:
                    merged.append(each)
            symbols[word] = merged
    return made


@pytest.fixture(scope="module")
def wordpiece(real_texts: list[str]) -> TrainedTokenizer:
    return learn(
        real_texts,
        vocab_size=8000,
        special_tokens=BERT,
        reserved_tokens=2,
        pad_vocabulary_to=128,
        character_coverage=0.998,
    )


def test_pieces_are_those_of_the_plain_algorithm() -> None:
    words = {"low": 5, "lower": 2, "newest": 6, "widest": 3, "lowest": 2, "new": 4, "한국어": 3}
    text = " ".join(word for word, count in words.items() for _ in range(count))
    found = names(learn([text], vocab_size=300, character_coverage=1.0))
    letters = {letter for word in words for letter in word[1:]}
    first = 2 + len({word[0] for word in words}) + len(letters)
    assert found[:2] == ["<|endoftext|>", "[UNK]"]
    assert set(found[2:first]) == {word[0] for word in words} | {"##" + each for each in letters}
    assert found[first:] == plain_merges(words, 300)
    assert "new" in found and "##est" in found


def test_ids_have_no_holes_and_a_fixed_order(wordpiece: TrainedTokenizer) -> None:
    found = names(wordpiece)
    assert found[:7] == [*BERT, "<|reserved_0|>", "<|reserved_1|>"]
    assert len(found) == wordpiece.vocabulary_size == 8064
    assert found[8000] == "<|reserved_2|>"
    inside = [index for index, name in enumerate(found) if name.startswith("##") and len(name) == 3]
    begin = [index for index, name in enumerate(found) if len(name) == 1]
    assert max(begin) < min(inside)
    assert [found[index] for index in begin] == sorted(found[index] for index in begin)


def test_words_come_back(wordpiece: TrainedTokenizer, real_texts: list[str]) -> None:
    tokenizer = load(wordpiece)
    assert tokenizer.decode(tokenizer.encode("the unbelievable words of 한국").ids) == (
        "the unbelievable words of 한국"
    )
    unknown = tokenizer.token_to_id("[UNK]")
    ids = [number for text in real_texts[::7] for number in tokenizer.encode(text).ids]
    assert 0 < ids.count(unknown) < len(ids) / 100


def test_names_of_special_tokens_in_a_text_are_text(
    wordpiece: TrainedTokenizer, hostile_texts: list[str]
) -> None:
    tokenizer = load(wordpiece)
    for text in ["[CLS] a [SEP]", "<|reserved_0|>", "[MASK][PAD]", *hostile_texts]:
        assert all(number >= 4 for number in tokenizer.encode(text).ids)


def test_transformers_loads_the_folder(
    wordpiece: TrainedTokenizer,
    real_texts: list[str],
    load_in_transformers: Callable[[bytes, TokenizerConfig], Any],
) -> None:
    loaded = load_in_transformers(
        wordpiece.tokenizer_json, TokenizerConfig(model="wordpiece", special_tokens=BERT)
    )
    exact = load(wordpiece)
    assert len(loaded) == wordpiece.vocabulary_size
    for text in real_texts[::30]:
        assert loaded(text, split_special_tokens=True)["input_ids"] == exact.encode(text).ids


def test_hostile_corpora() -> None:
    genome = "".join("ACGT"[(number * number // 7) % 4] for number in range(100_000))
    assert learn([genome], vocab_size=400).vocabulary_size <= 400
    assert "\0" not in names(learn(["a\0b \0 ab"], vocab_size=300))
    assert names(learn(["."], vocab_size=300))[2:] == ["."]
    with pytest.raises(DataError, match="no text to train on"):
        learn(["", ""])
    text = " ".join(chr(0x4E00 + number) for number in range(3000))
    with pytest.raises(SpecError, match=r"alphabet of 3,000 characters; set at least 3,\d\d\d"):
        learn([text], vocab_size=2000, character_coverage=1.0)
