"""Normalised text against its one-line definition in Python."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.normalize import normalized_text


def reference(text: str) -> str:
    return " ".join("".join(character.lower() for character in text).split())


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


texts = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(" \t\n\x1c\x85\u2028\u3000aZÉİȺΣ𐐀KÅẞ\0"),
    )
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(texts, max_size=5), st.integers(0, 2))
def test_equals_plain_python_on_sliced_arrays(documents: list[str], cut: int) -> None:
    array = column(*documents)[cut:]
    result = normalized_text(array)
    result.validate(full=True)
    assert result.to_pylist() == [reference(text) for text in array.to_pylist()]


def test_every_character() -> None:
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    texts = [f"a{character}b" for character in points]
    assert normalized_text(column(*texts)).to_pylist() == [reference(text) for text in texts]


@given(texts)
def test_is_idempotent(text: str) -> None:
    once = normalized_text(column(text))
    assert normalized_text(once) == once


def test_texts_that_grow_fit() -> None:
    text = "Ⱥ" * 1001
    assert normalized_text(column(text, "İ", "x")).to_pylist() == ["ⱥ" * 1001, "i̇", "x"]


def test_twenty_megabytes_and_refusals(assert_linear_in_text: Any) -> None:
    assert len(normalized_text(column("A  " * 6_000_000))[0].as_py()) == 11_999_999
    assert_linear_in_text(normalized_text, "A  ")
    with pytest.raises(ValueError, match="nulls"):
        normalized_text(column(None))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="row 0: invalid UTF-8 at byte 1"):
        normalized_text(pa.array([b"a\xff"], pa.large_binary()).view(pa.large_string()))
