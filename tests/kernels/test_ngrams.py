"""Repeated n-grams against plain Python, the formulas of ROOTS."""

from __future__ import annotations

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.measure import Request, measure
from curate.kernels.words import words

WINDOW = 2**20


def measured(texts: list[str], characters: int, word_count: int) -> list[tuple[float, float]]:
    request = Request("ngrams", (characters, word_count))
    (batch,) = measure(pa.array(texts, pa.large_string()), [request])
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def lower(word: str) -> str:
    """Unicode's simple lower case, except U+0130."""
    return "".join(c.lower() if len(c.lower()) == 1 or c == "\u0130" else c for c in word)


def of_characters(text: str, n: int) -> float:
    repeated = total = 0
    for start in range(0, max(1, len(text)), WINDOW):
        part = text[start : start + WINDOW]
        counts = Counter(part[i : i + n] for i in range(len(part) - n + 1))
        often = sorted((count for count in counts.values() if count > 1), reverse=True)
        repeated += sum(often[: math.isqrt(len(counts))])
        total += sum(counts.values())
    return repeated / total if total else 0.0


def of_words(text: str, n: int) -> float:
    (found,) = words(pa.array([text], pa.large_string())).to_pylist()
    found = [lower(word) for word in found]
    counts = Counter(tuple(found[i : i + n]) for i in range(len(found) - n + 1))
    total = sum(counts.values())
    return sum(count for count in counts.values() if count > 1) / total if total else 0.0


PIECES = ["a", "A", "b ", " ", "\n", "é", "É", "漢", "İ", "\0", "e\u0301", "the the ", "xyz"]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


@given(texts, st.integers(1, 12), st.integers(1, 6))
def test_equals_the_formulas(text, characters, word_count):
    ((by_character, by_word),) = measured([text], characters, word_count)
    assert by_character == pytest.approx(of_characters(text, characters), abs=1e-12)
    assert by_word == pytest.approx(of_words(text, word_count), abs=1e-12)


def test_a_text_shorter_than_an_ngram_repeats_nothing():
    assert measured(["", "a", "aaa aaa"], 10, 5) == [(0.0, 0.0)] * 3


def test_a_long_document_is_counted_in_windows():
    text = "".join(f"{number} and {number % 977} " for number in range(90_000))
    assert len(text) > WINDOW
    ((by_character, _),) = measured([text], 10, 5)
    assert by_character == pytest.approx(of_characters(text, 10), abs=1e-12)


@pytest.mark.parametrize("piece", ["a ", "a", "ab" * 7 + "\n"])
def test_no_text_is_slow(piece, assert_linear_time):
    def document(size):
        return [piece * (size // len(piece))]

    assert_linear_time(lambda texts: measured(texts, 10, 5), document, size=20_000_000)
    ((by_character, _),) = measured(document(20_000_000), 10, 5)
    assert by_character >= 0.4


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="characters and words"):
        measured(["a"], 0, 5)
