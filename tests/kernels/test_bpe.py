"""Merges against a plain reading, and against the trainer of `tokenizers`."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curate.kernels.bpe import (
    MergeLimits,
    merges_of_bytes,
    merges_of_characters,
    merges_of_tokens,
)

BYTES = [bytes([byte]) for byte in range(256)]
SAME = np.arange(256, dtype=np.uint32)
words_and_counts = st.dictionaries(
    st.one_of(
        st.lists(st.sampled_from(b"ab"), max_size=12).map(bytes),
        st.lists(st.sampled_from(b"abcd"), max_size=8).map(bytes),
        st.binary(max_size=6),
    ),
    st.integers(0, 4),
    max_size=14,
)


def column(words: list[bytes]) -> pa.LargeBinaryArray:
    return pa.array(words, pa.large_binary())


def numbers(counts: list[int]) -> np.ndarray:
    return np.array(counts, np.uint64)


def plain_merges(
    words: dict[bytes, int], merges: int, min_frequency: int, max_bytes: int
) -> list[tuple[int, int]]:
    """Counts every pair anew before each merge."""
    names = list(BYTES)
    left = [(list(word), count) for word, count in words.items()]
    found: list[tuple[int, int]] = []
    while len(found) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for tokens, count in left:
            for pair in pairwise(tokens):
                if len(names[pair[0]]) + len(names[pair[1]]) <= max_bytes:
                    pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < min_frequency:
            break
        found.append(best)
        names.append(names[best[0]] + names[best[1]])
        for tokens, _ in left:
            at = 0
            while at + 1 < len(tokens):
                if (tokens[at], tokens[at + 1]) == best:
                    tokens[at : at + 2] = [len(names) - 1]
                at += 1
    return found


@given(
    words_and_counts,
    st.integers(0, 30),
    st.integers(1, 3),
    st.integers(1, 12),
    st.sampled_from([2, 3, 64, 2**40]),
)
def test_merges_are_those_of_counting_anew(
    words: dict[bytes, int], merges: int, min_frequency: int, max_bytes: int, ratio: int
) -> None:
    found = merges_of_bytes(
        column(list(words)),
        numbers(list(words.values())),
        BYTES,
        SAME,
        MergeLimits(merges, min_frequency, max_bytes, ratio),
    )
    expected = plain_merges(words, merges, min_frequency, max_bytes)
    assert [tuple(pair) for pair in found.pairs.tolist()] == expected
    assert len(found.refused) == 0


@given(words_and_counts, st.sampled_from([2**31, 2**32, 2**33 + 1, 2**55]))
def test_counts_beyond_32_bits_make_the_same_merges(words: dict[bytes, int], scale: int) -> None:
    """Multiplied counts have the same order, unless something wraps."""
    small = merges_of_bytes(
        column(list(words)), numbers(list(words.values())), BYTES, SAME, MergeLimits(40, 1, 99)
    )
    large = merges_of_bytes(
        column(list(words)),
        numbers([count * scale for count in words.values()]),
        BYTES,
        SAME,
        MergeLimits(40, scale, 99),
    )
    assert np.array_equal(small.pairs, large.pairs)


def test_more_than_63_bits_of_text_are_an_error() -> None:
    with pytest.raises(OverflowError, match="2\\^63"):
        merges_of_bytes(
            column([b"ab"] * 3), numbers([2**61] * 3), BYTES, SAME, MergeLimits(1, 1, 9)
        )


def test_a_merge_that_spells_an_existing_token_is_refused() -> None:
    tokens = [*BYTES, b"abc"]
    found = merges_of_bytes(
        column([b"abcd"]), numbers([5]), tokens, SAME, MergeLimits(9, 1, 99, phase_ratio=2)
    )
    names = [*tokens]
    for left, right in found.pairs.tolist():
        names.append(names[left] + names[right])
    assert names[257:] == [b"ab", b"cd", b"abcd"]
    assert found.refused.tolist() == []
    found = merges_of_bytes(column([b"abc"]), numbers([5]), tokens, SAME, MergeLimits(9, 1, 99))
    assert found.refused.tolist() == [[257 + 1 - 1, ord("c")]]
    assert len(found.pairs) == 1


def test_a_character_without_a_token_ends_a_word() -> None:
    characters = np.array([ord("a"), ord("b"), ord("한")], np.uint32)
    found = merges_of_characters(
        column(["a한xb한".encode(), b"axb"]),
        numbers([1, 100]),
        [b"a", b"b", "한".encode()],
        characters,
        np.arange(3, dtype=np.uint32),
        MergeLimits(9, 1, 99),
    )
    assert found.pairs.tolist() == [[0, 2], [1, 2]]


@given(words_and_counts)
def test_words_of_tokens_are_words_of_bytes(words: dict[bytes, int]) -> None:
    limits = MergeLimits(30, 1, 99)
    counts = numbers(list(words.values()))
    offsets = np.cumsum([0, *map(len, words)], dtype=np.int64)
    flat = np.frombuffer(b"".join(words), np.uint8).astype(np.uint32)
    found = merges_of_tokens(offsets, flat, counts, BYTES, limits)
    expected = merges_of_bytes(column(list(words)), counts, BYTES, SAME, limits)
    assert np.array_equal(found.pairs, expected.pairs)


def test_hostile_words_take_linear_time() -> None:
    words = [b"a" * 1_000_000, b"ab" * 500_000, bytes(range(256)) * 4000]
    found = merges_of_bytes(column(words), numbers([1, 1, 1]), BYTES, SAME, MergeLimits(500, 2, 64))
    assert len(found.pairs) == 262  # then no pair is short enough and occurs twice


@pytest.mark.parametrize("wrong", [b"\xff", b"a\xed\xa0\x80"])
def test_characters_that_are_no_utf8_are_an_error(wrong: bytes) -> None:
    none = np.empty(0, np.uint32)
    with pytest.raises(ValueError, match="UTF-8"):
        merges_of_characters(column([wrong]), numbers([1]), [], none, none, MergeLimits(1, 1, 9))


def test_input_that_does_not_fit_together_is_an_error() -> None:
    with pytest.raises(ValueError, match="differ in number"):
        merges_of_bytes(column([b"ab"]), numbers([]), BYTES, SAME, MergeLimits(1, 1, 9))
    with pytest.raises(ValueError, match="not in the vocabulary"):
        merges_of_bytes(column([b"ab"]), numbers([1]), BYTES[:97], SAME, MergeLimits(1, 1, 9))
    nulls = pa.array([None], pa.large_binary())
    with pytest.raises(ValueError, match="null"):
        merges_of_bytes(nulls, numbers([1]), BYTES, SAME, MergeLimits(1, 1, 9))
    with pytest.raises(TypeError, match="large_binary"):
        merges_of_bytes(pa.array([b"ab"]), numbers([1]), BYTES, SAME, MergeLimits(1, 1, 9))
    offsets = np.array([0, 5], np.int64)
    with pytest.raises(ValueError, match="past the words"):
        merges_of_tokens(offsets, SAME[:2], numbers([1]), BYTES, MergeLimits(1, 1, 9))


def real_words(folder: Path, name: str) -> Counter[str]:
    """Words of about 300 kB of text, between blanks, none longer than 64 characters."""
    if name == "code":
        sources = sorted(Path(json.__file__).parent.parent.glob("[a-d]*.py"))
        text = "".join(path.read_text(encoding="utf-8") for path in sources)
    else:
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            text = " ".join(json.loads(line)["text"] for line in lines)
    return Counter(word[:64] for word in text[:300_000].replace(" ", " \0").split("\0") if word)


@pytest.mark.parametrize(
    "name", ["c4/c4-a.jsonl.gz", "wikipedia/en-0.jsonl.gz", "wikipedia/ko-0.jsonl.gz", "code"]
)
@pytest.mark.parametrize(
    ("vocabulary", "min_frequency", "longest"), [(6000, 2, 64), (5000, 10, 5), (30_000, 1, 999)]
)
def test_characters_merge_as_in_tokenizers(
    test_data: Path, name: str, vocabulary: int, min_frequency: int, longest: int
) -> None:
    words = real_words(test_data, name)
    width = 3 if "ko" in name else 1
    if longest < 999:  # characters there, bytes here: equal for words of characters of one width
        widths = ((word.strip(), n) for word, n in words.items())
        words = Counter({word: n for word, n in widths if len(word.encode()) == width * len(word)})
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\0", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=min_frequency,
        max_token_length=longest + 1,  # a bound that no token may reach
        show_progress=False,
    )
    tokenizer.train_from_iterator(["\0".join([word] * n) for word, n in words.items()], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    pieces, counts = column([word.encode() for word in words]), numbers(list(words.values()))
    names = sorted(set("".join(words)))
    characters = np.array(list(map(ord, names)), np.uint32)
    found = merges_of_characters(
        pieces,
        counts,
        [name.encode() for name in names],
        characters,
        np.arange(len(names), dtype=np.uint32),
        MergeLimits(vocabulary - len(names), min_frequency, longest * width),
    )
    merges = []
    for left, right in found.pairs.tolist():
        merges.append([names[left], names[right]])
        names.append(names[left] + names[right])
    assert len(merges) > 300
    assert merges == model["merges"]
