"""The trainer of unigram models against a plain Python one, and what it promises."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from curate.kernels.pretokens import count_characters
from curate.kernels.unigram_train import (
    UnigramModel,
    UnigramSettings,
    train_unigram,
)

few_letters = st.text(st.sampled_from("abé한🙂"), min_size=1, max_size=9)
counted_words = st.dictionaries(few_letters, st.integers(1, 50), min_size=1, max_size=8)
any_words = st.dictionaries(st.text(min_size=1, max_size=20), st.integers(0, 2**40), max_size=8)


def trained(
    words: dict[str, int], pieces: int, without: str = "", **changed: float
) -> UnigramModel:
    ordered = sorted(words)
    alphabet = sorted(
        {ord(character) for word in words for character in word} - {*map(ord, without)}
    )
    return train_unigram(
        pa.array([word.encode() for word in ordered], pa.large_binary()),
        np.array([words[word] for word in ordered], dtype=np.uint64),
        np.array(alphabet, dtype=np.uint32),
        pieces,
        UnigramSettings(**changed),
    )


def substrings(words: dict[str, int], longest: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for word, count in words.items():
        for begin in range(len(word)):
            for end in range(begin + 1, min(begin + longest, len(word)) + 1):
                found[word[begin:end]] += count
    return found


def seeds(words: dict[str, int], settings: UnigramSettings) -> dict[str, float]:
    """Substrings that are not always followed by one character (or stop for being longest)."""
    longest = settings.piece_characters
    frequency = substrings(words, longest)
    followers: dict[str, set[str]] = {}
    for word in words:
        for piece in substrings({word: 1}, longest):
            for begin in range(len(word)):
                if word.startswith(piece, begin):
                    after = word[begin + len(piece) : begin + len(piece) + 1]
                    followers.setdefault(piece, set()).add(after)
    return {
        piece: float(count * len(piece))
        for piece, count in frequency.items()
        if len(piece) == 1
        or (
            count >= settings.min_frequency
            and (len(piece) == longest or len(followers[piece]) > 1 or followers[piece] == {""})
        )
    }


def log_sum(left: float, right: float) -> float:
    large, small = max(left, right), min(left, right)
    return large + math.log1p(math.exp(small - large))


def expectation(words: dict[str, int], logs: dict[str, float]) -> dict[str, float]:
    expected = dict.fromkeys(logs, 0.0)
    for word, count in words.items():
        edges = [
            (begin, end, word[begin:end])
            for begin in range(len(word))
            for end in range(begin + 1, len(word) + 1)
            if word[begin:end] in logs
        ]
        forward = [0.0] + [-math.inf] * len(word)
        backward = [-math.inf] * len(word) + [0.0]
        for begin, end, piece in sorted(edges):
            forward[end] = log_sum(forward[end], forward[begin] + logs[piece])
        for begin, end, piece in sorted(edges, reverse=True):
            backward[begin] = log_sum(backward[begin], backward[end] + logs[piece])
        for begin, end, piece in edges:
            share = math.exp(forward[begin] + logs[piece] + backward[end] - forward[-1])
            expected[piece] += count * share
    return expected


@settings(deadline=None, max_examples=60)
@given(counted_words, st.sampled_from([3, 16]))
def test_pieces_and_probabilities_without_a_cut_are_those_of_the_plain_algorithm(
    words: dict[str, int], longest: int
) -> None:
    given_settings = UnigramSettings(piece_characters=longest)
    found = trained(words, 10_000, piece_characters=longest)
    weights = seeds(words, given_settings)
    total = sum(weights.values())
    logs = {piece: math.log(weight / total) for piece, weight in weights.items()}
    for drop in (True, True, False, False):
        expected = expectation(words, logs)
        assume(all(abs(uses - 0.5) > 1e-6 for uses in expected.values()))
        kept = {
            piece: max(uses, 0.5)
            for piece, uses in expected.items()
            if not drop or len(piece) == 1 or uses >= 0.5
        }
        logs = {
            piece: float(digamma(uses) - digamma(sum(kept.values())))
            for piece, uses in kept.items()
        }
    assert dict(zip(found.pieces, found.log_probabilities, strict=True)) == pytest.approx(
        logs, rel=1e-9, abs=1e-9
    )


@settings(deadline=None, max_examples=40)
@given(any_words, st.integers(0, 40))
def test_any_words_give_sorted_pieces_with_the_alphabet_and_the_same_bits_again(
    words: dict[str, int], more: int
) -> None:
    alphabet = {character for word in words for character in word}
    size = len(alphabet) + more
    found = trained(words, size)
    assert list(found.pieces) == sorted(found.pieces, key=str.encode)
    assert alphabet <= set(found.pieces)
    assert len(set(found.pieces)) == len(found.pieces) <= size
    assert (found.log_probabilities <= 0).all()
    assert np.isfinite(found.log_probabilities).all()
    assert all(any(piece in word for word in words) for piece in found.pieces)
    assert trained(words, size).log_probabilities.tobytes() == found.log_probabilities.tobytes()


def test_the_cut_keeps_what_the_likelihood_needs() -> None:
    words = {"▁the": 900, "▁then": 80, "▁them": 70, "▁they": 60, "▁hen": 20, "▁other": 50}
    found = trained(words, 12)
    assert len(found.pieces) == 12
    assert {piece for piece in found.pieces if len(piece) > 1} == {"▁the", "▁other", "▁hen"}
    order = np.argsort(-found.log_probabilities)
    assert found.pieces[order[0]] == "▁the"


def test_words_are_cut_at_characters_outside_the_alphabet() -> None:
    found = trained({"abXcd": 100}, 100, without="X")
    assert set(found.pieces) == {"a", "b", "c", "d", "ab", "cd"}


def test_long_words_of_rare_characters_stay_in_range() -> None:
    rare = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))
    words = {rare: 1, rare[::-1]: 1, "x" * 64: 2**40, "y" * 1000: 3}
    found = trained(words, 200)
    assert np.isfinite(found.log_probabilities).all()
    assert "x" * 16 in found.pieces


def test_the_bytes_of_a_piece_are_bounded() -> None:
    found = trained({"한국어입니다": 100, "abcdefghijk": 100}, 1000, piece_bytes=6)
    assert max(len(piece.encode()) for piece in found.pieces) <= 6
    assert "한국" in found.pieces


def test_characters_are_counted_in_64_bits() -> None:
    code_points, counts = count_characters(
        pa.array([b"aab", "é\0".encode()], pa.large_binary()),
        np.array([2**61, 5], dtype=np.uint64),
    )
    assert code_points.tolist() == [0, 97, 98, 233]
    assert counts.tolist() == [5, 2**62, 2**61, 5]


def test_invalid_input_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid UTF-8"):
        count_characters(pa.array([b"\xff"], pa.large_binary()), np.ones(1, np.uint64))
    with pytest.raises(TypeError, match="large_binary"):
        count_characters(pa.array(["a"]), np.ones(1, np.uint64))
    with pytest.raises(ValueError, match="one count per word"):
        count_characters(pa.array([b"a"], pa.large_binary()), np.ones(2, np.uint64))
