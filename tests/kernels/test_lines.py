"""Line statistics against Python's own splitlines and strip."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.measure import FAMILIES, Request, measure

LINE_ENDS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
SPACES = [" ", "\t", "\x1f", "\u00a0", "\u1680", "\u2000", "\u200a", "\u202f", "\u205f", "\u3000"]
MARKS = [
    "•",
    "-",
    "...",
    "…",
    ".",
    "..",
    "•-",
    "‑",
    "a",
    "é",
    "한",
    "𐀀",
    "\0",
    "\u200b",
    "\u180e",
    "\u2026\u0301",
]

any_text = st.text(st.characters(codec="utf-8"))
built = st.lists(st.sampled_from(LINE_ENDS + SPACES + MARKS), max_size=40).map("".join)


def reference(text: str) -> dict[str, float]:
    lines = text.splitlines()
    lines_or_one = max(len(lines), 1)
    return {
        "count": len(lines),
        "bullet_fraction": sum(line.lstrip().startswith(("•", "-")) for line in lines)
        / lines_or_one,
        "ellipsis_fraction": sum(line.rstrip().endswith(("...", "…")) for line in lines)
        / lines_or_one,
    }


def line_statistics(text: pa.Array) -> pa.RecordBatch:
    return measure(text, [Request("lines")])[0]


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.one_of(any_text, built), max_size=5), st.integers(0, 2))
def test_statistics_equal_plain_python_on_sliced_arrays(documents: list[str], cut: int) -> None:
    array = column(*documents)[cut:]
    result = line_statistics(array)
    assert result.schema == FAMILIES["lines"].schema
    assert result.to_pylist() == [reference(text) for text in array.to_pylist()]


def test_every_character_as_line_end_and_as_margin() -> None:
    """A character above U+3400 could only be a mistake of the tables, which hold ranges."""
    points = [*map(chr, range(0x3400)), *map(chr, range(0xE000, 0x20000)), "\U0010ffff"]
    texts = [f"a{character}- …{character}" for character in points]
    assert line_statistics(column(*texts)).to_pylist() == [reference(text) for text in texts]


def test_no_text_measures_zero() -> None:
    assert line_statistics(column("")).to_pylist() == [
        dict.fromkeys(FAMILIES["lines"].schema.names, 0)
    ]
    assert line_statistics(column()).num_rows == 0


@pytest.mark.parametrize("unit", ["a a", " ", "\n", "\r", "\u2028", "\u3000", "- ...\n", "é"])
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(line_statistics, unit)


def test_nulls_and_invalid_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        line_statistics(column("a", None))  # type: ignore[arg-type]
    damaged = pa.array([b"a\n\xff"], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 0: invalid UTF-8"):
        line_statistics(damaged)
