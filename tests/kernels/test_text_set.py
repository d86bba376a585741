"""Look-ups against Python sets and dictionaries."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.text_set import TextSet

pieces = st.lists(st.sampled_from(["a", "b", "ab", "A1", ".", "-", "é", "\0", "中"]), max_size=6)
texts = st.lists(pieces.map("".join), max_size=12)


def column(documents: list[str]) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


@settings(max_examples=500, deadline=None)
@given(texts, texts, st.integers(0, 3))
def test_look_ups_equal_plain_python(entries: list[str], wanted: list[str], cut: int) -> None:
    made = TextSet(column(entries)[cut:])
    first = {entry: index for index, entry in reversed(list(enumerate(entries[cut:])))}
    array = column(wanted)[cut:]
    parents, tokens = [], []
    for text in wanted[cut:]:
        labels = text.split(".")
        tails = [".".join(labels[start:]) for start in range(len(labels))]
        parents.append(next((first[tail] for tail in tails if tail in first), -1))
        tokens.append(len({token for token in re.findall("[A-Za-z0-9]+", text) if token in first}))
    assert made.size == len(entries[cut:])
    assert made.find(array).tolist() == [first.get(text, -1) for text in wanted[cut:]]
    assert made.find_parents(array).tolist() == parents
    assert made.count_tokens(array).tolist() == tokens


def test_a_hundred_thousand_entries() -> None:
    entries = [f"host{number}.example" for number in range(100_000)]
    made = TextSet(column(entries))
    assert made.find(column(entries)).tolist() == list(range(100_000))
    assert (made.find(column([f"{entry}x" for entry in entries])) == -1).all()
    assert made.find_parents(
        column(["a.b.host7.example", "host7.example.", "xhost7.example"])
    ).tolist() == [7, -1, -1]


def test_nulls_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        TextSet(column(["a"])).find(column(["a", None]))  # type: ignore[list-item]
