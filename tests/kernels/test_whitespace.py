"""White space in one form, against a plain Python definition."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.whitespace import WHITESPACE_EDITS, normalized_whitespace

LINE_END = re.compile("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
OTHER_SPACE = re.compile("[\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")

pieces = st.sampled_from(
    [
        *" \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000",
        *"aé한𐀀\0\u200b\u180e\u0301\u05d0\u2010\u3001\u1681\xc2",
        "\r\n",
        "  ",
        "\n\n",
    ]
)
texts = st.one_of(st.text(st.characters(codec="utf-8")), st.lists(pieces, max_size=40).map("".join))


def reference(text: str, keep_indentation: bool, max_newlines: int | None) -> str:
    text = OTHER_SPACE.sub(" ", LINE_END.sub("\n", text))
    lines = []
    for line in text.split("\n"):
        body = line.strip(" \t")
        indentation = line[: len(line) - len(line.lstrip(" \t"))] if body else ""
        runs = re.sub("[ \t]+", lambda run: "\t" if "\t" in run[0] else " ", body)
        lines.append((indentation if keep_indentation else "") + runs)
    text = "\n".join(lines)
    if max_newlines is None:
        return text
    return re.sub(f"\n{{{max_newlines + 1},}}", "\n" * max_newlines, text)


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def normalized(
    *documents: str, keep_indentation: bool = True, max_newlines: int | None = 2
) -> list[str]:
    edited = normalized_whitespace(
        column(*documents), keep_indentation=keep_indentation, max_newlines=max_newlines
    )
    texts: list[str] = edited.column("text").to_pylist()
    return texts


@settings(max_examples=1000)
@given(
    st.lists(texts, max_size=4),
    st.integers(0, 2),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_equals_plain_python_on_sliced_arrays(
    documents: list[str], cut: int, keep_indentation: bool, max_newlines: int | None
) -> None:
    array = column(*documents)[cut:]
    edited = normalized_whitespace(
        array, keep_indentation=keep_indentation, max_newlines=max_newlines
    )
    edited.validate(full=True)
    assert edited.schema.names == ["text", *WHITESPACE_EDITS.names]
    for before, row in zip(array.to_pylist(), edited.to_pylist(), strict=True):
        assert row["text"] == reference(before, keep_indentation, max_newlines)
        assert row["characters_before"] == len(before)
        counts = {name: row[name] for name in WHITESPACE_EDITS.names[:-1]}
        assert any(counts.values()) == (row["text"] != before)


@settings(max_examples=500)
@given(texts, st.booleans(), st.one_of(st.none(), st.integers(1, 3)))
def test_editing_twice_is_editing_once(
    text: str, keep_indentation: bool, max_newlines: int | None
) -> None:
    once = normalized(text, keep_indentation=keep_indentation, max_newlines=max_newlines)
    assert once == normalized(*once, keep_indentation=keep_indentation, max_newlines=max_newlines)
    assert not {c for c in once[0] if c.isspace()} - set(" \t\n")


def test_every_character_inside_a_line() -> None:
    points = [*map(chr, range(0x3400)), *map(chr, range(0xE000, 0x20000)), "\U0010ffff"]
    before = [f"a{c}b" for c in points] + [f"{c}b" for c in points] + [f"a{c}" for c in points]
    assert normalized(*before) == [reference(text, True, 2) for text in before]


def test_what_needs_no_edit_goes_on_without_a_copy() -> None:
    text = column("def f():\n    return 1\n\n", "", "naïve 한국어")
    edited = normalized_whitespace(text, keep_indentation=True, max_newlines=2)
    assert edited.column("text").buffers()[2].address == text.buffers()[2].address
    assert normalized_whitespace(column(), keep_indentation=True, max_newlines=2).num_rows == 0


@pytest.mark.parametrize("unit", ["a a", " ", "\n", "\r", "\u2028", "\u3000", " \n", "é", "a\t "])
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(
        lambda text: normalized_whitespace(text, keep_indentation=True, max_newlines=2), unit
    )


def test_nulls_are_refused_and_broken_bytes_are_copied() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        normalized(None)  # type: ignore[arg-type]
    broken = pa.array([b"a \xe2", b"\xc2", b" \xe2\x80\n"], pa.large_binary())
    edited = normalized_whitespace(
        broken.view(pa.large_string()), keep_indentation=True, max_newlines=2
    )
    assert edited.column("text").view(pa.large_binary()).to_pylist() == [
        b"a \xe2",
        b"\xc2",
        b" \xe2\x80\n",
    ]
