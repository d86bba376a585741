"""Removing lines by rules of one's own: what goes, what keeps its bytes, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.kernels.strip_lines import line_table
from curate.stages.clean.strip_lines import STRIP_COUNTS, StripLines

PIECES = [
    "menu",
    "Menu",
    "a b",
    "#",
    "...",
    "é",
    "한",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u2028",
    "\v",
    "\0",
]
PIECES += ["http://a.b/c", "www.x.y", "1", "\u0301", "😀", "©2024"]


def edit(*texts: str, **fields: Any) -> list[dict[str, Any]]:
    stage = StripLines(**fields)
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
    edited = stage.edit(batch)
    assert edited.schema == pa.schema([pa.field("text", pa.large_string()), *STRIP_COUNTS])
    rows: list[dict[str, Any]] = edited.to_pylist()
    return rows


def reference(text: str) -> str:
    """menu, [©#], at least two characters, no repetition."""
    kept: list[str] = []
    latest = ""
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if bare and (bare == "menu" or re.search("[©#]", bare) or len(bare) < 2):
            continue
        if bare and bare == latest:
            continue
        latest = bare or latest
        kept.append(line)
    return "".join(kept)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), max_size=4))
def test_edits_equal_plain_python(texts: list[str]) -> None:
    rules = {"lines": ["menu"], "patterns": ["[©#]"], "min_characters": 2}
    rows = edit(*texts, **rules, remove_repeated=True)
    assert [row["text"] for row in rows] == [reference(text) for text in texts]
    for text, row in zip(texts, rows, strict=True):
        before, after = (
            sum(map(bool, map(str.strip, t.splitlines()))) for t in (text, row["text"])
        )
        assert row["lines"] == before and row["characters_before"] == len(text)
        assert row["lines_removed"] == before - after
        by_reason = [n for name, n in row.items() if name.startswith("lines_removed_")]
        assert sum(by_reason) == row["lines_removed"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=4), st.integers(0, 2))
def test_the_table_of_lines_equals_plain_python(texts: list[str], cut: int) -> None:
    array = pa.array(texts, pa.large_string())[cut:]
    table = line_table(array)
    of_each = [[s for line in t.splitlines() if (s := line.strip())] for t in array.to_pylist()]
    lines = [line for lines in of_each for line in lines]
    table.lines.validate(full=True)
    assert table.lines.to_pylist() == lines
    assert table.characters.tolist() == [len(line) for line in lines]
    assert table.words.tolist() == [len(line.split()) for line in lines]
    assert table.per_document(table.characters > 0).tolist() == list(map(len, of_each))


@pytest.mark.parametrize(
    ("text", "expected", "fields"),
    [
        ("a\r\n Home \r\nb", "a\r\nb", {"lines": ["Home"]}),
        ("a\u2028HOME\u2028b", "a\u2028b", {"lines": ["Home"], "ignore_case": True}),
        ("HOME\nx", "HOME\nx", {"lines": ["Home"]}),
        ("x\n© 2024 Us\n", "x\n", {"patterns": [r"^© \d{4}"]}),
        ("one\ntwo words\n\nx", "two words\n\n", {"min_words": 2}),
        ("ab\ne\u0301\nx", "ab\ne\u0301\n", {"min_characters": 2}),
        ("a - b\n=-=-=\n", "a - b\n", {"max_symbol_fraction": 0.5}),
        ("see http://a.b/c\nhttp://a.b/c\n", "", {"max_link_fraction": 0}),
        ("see http://a.b/c\nhttp://a.b/c\n", "see http://a.b/c\n", {"max_link_fraction": 0.9}),
        ("a\n\n a\nb\na", "a\n\nb\na", {"remove_repeated": True}),
        ("", "", {"min_words": 1}),
        ("\n \n", "\n \n", {"min_words": 1, "remove_repeated": True}),
    ],
)
def test_lines(text: str, expected: str, fields: dict[str, Any]) -> None:
    assert edit(text, **fields)[0]["text"] == expected


def test_the_first_reason_counts() -> None:
    (row,) = edit("menu\nok ok", lines=["menu"], patterns=["men"], min_words=2)
    assert row["lines_removed"] == row["lines_removed_exact"] == 1
    assert row["lines_removed_pattern"] == row["lines_removed_few_words"] == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "at least one rule"),
        ({"patterns": ["(?<=a)b"]}, "none of RE2's"),
        ({"patterns": ["(a"]}, "none of RE2's"),
        ({"patterns": ["a" * 5000]}, "longer than 4000 bytes"),
        ({"lines": [" "]}, "not one line"),
        ({"lines": ["a\nb"]}, "not one line"),
        ({"min_words": 0}, "greater than or equal to 1"),
        ({"max_symbol_fraction": 1.5}, "less than or equal to 1"),
    ],
)
def test_senseless_fields_are_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        StripLines.model_validate(fields)


@pytest.mark.parametrize("unit", ["a a ", "a\n", "\n", "\u2028", "a", "é"])
def test_time_is_linear_on_long_texts(unit: str, assert_linear_time: Any) -> None:
    def strip(text: str) -> None:
        edit(text, patterns=["(a+)+$"], min_words=2, max_symbol_fraction=0.5, remove_repeated=True)

    assert_linear_time(strip, lambda size: unit * (size // len(unit.encode())), size=5_000_000)


def test_editing_is_row_wise() -> None:
    stage = StripLines(min_words=2, remove_repeated=True)
    texts = ["a b\na b\nc", "", "a b" * 2_000_000, "\r\n\0", "x"] * 3
    whole = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
    parts = [stage.edit(whole.slice(start, 2)) for start in range(0, whole.num_rows, 2)]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [stage.edit(whole)]
    assert stage.edit(whole.slice(0, 0)).num_rows == 0
