"""The 13 repetition fractions against plain Python."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.measure import FAMILIES, Request, measure
from curate.kernels.words import words

LINE_END = r"\r?\n"
PIECES = [
    "a",
    "b",
    "c d",
    "the",
    " ",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "a b c a b c",
    "x" * 9,
]
PIECES += [
    "é",
    "한국",
    "漢",
    "\u2028",
    "\u0301",
    "\0",
    "אב",
    ".",
    "a\nb\n",
    "-- ",
    "longer-than-8",
    "1",
]

built = st.lists(st.sampled_from(PIECES), max_size=70).map("".join)
spaced = st.lists(st.sampled_from("abc"), max_size=60).map(" ".join)
any_text = st.text(st.characters(codec="utf-8"), max_size=80)
texts = st.one_of(built, spaced, any_text)


def duplicates(pieces: list[str]) -> tuple[int, int]:
    """Pieces that equal an earlier one and are not blank: how many, and their characters."""
    met: set[str] = set()
    again = [piece for piece in pieces if piece.strip() and (piece in met or met.add(piece))]
    return len(again), sum(map(len, again))


def top(words: list[str], size: int) -> int:
    grams = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    if not grams:
        return 0
    gram, count = grams.most_common(1)[0]
    return len(" ".join(gram)) * count


def covered(words: list[str], size: int) -> int:
    met, at, characters = set(), 0, 0
    while at + size <= len(words):
        gram = tuple(words[at : at + size])
        if gram in met:
            characters += sum(map(len, gram))
            at += size
        else:
            met.add(gram)
            at += 1
    return characters


def reference(text: str, words: list[str]) -> list[float]:
    if not text:
        return [0.0] * 13
    lines = re.split(f"(?:{LINE_END})+", text)
    paragraphs = re.split(f"(?:{LINE_END}){{2,}}", text.strip())
    (line, line_characters), (paragraph, paragraph_characters) = map(
        duplicates, (lines, paragraphs)
    )
    return [
        line / len(lines),
        paragraph / len(paragraphs),
        line_characters / len(text),
        paragraph_characters / len(text),
        *(top(words, size) / len(text) for size in (2, 3, 4)),
        *(covered(words, size) / len(text) for size in range(5, 11)),
    ]


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def repetition(text: pa.Array) -> list[list[float]]:
    batch = measure(text, [Request("repetition")], "uax29_alone")[0]
    assert batch.schema == FAMILIES["repetition"].schema
    return [list(row.values()) for row in batch.to_pylist()]


@settings(max_examples=1500, deadline=None)
@given(st.lists(texts, max_size=5), st.integers(0, 2))
def test_fractions_equal_plain_python(documents: list[str], cut: int) -> None:
    array = column(*documents)[cut:]
    found = words(array, "uax29_alone").to_pylist()
    expected = [reference(*pair) for pair in zip(array.to_pylist(), found, strict=True)]
    assert repetition(array) == expected


@pytest.mark.parametrize(
    "unit",
    ["a ", "a b ", "é ", "한 ", "\n", "a\n", "a\n\n", " \n", "\r\n", "\r\n\r\nb", "ab.", "漢"],
)
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(repetition, unit)
