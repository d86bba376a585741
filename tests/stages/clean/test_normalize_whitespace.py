"""The editor of white space: what it keeps, what it counts, and its place in a chain."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.clean.normalize_whitespace import NormalizeWhitespace


def edit(text: str, **fields: Any) -> dict[str, Any]:
    stage = NormalizeWhitespace(**fields)
    edited = stage.edit(pa.RecordBatch.from_pydict({"text": pa.array([text], pa.large_string())}))
    assert edited.schema == pa.schema([pa.field("text", pa.large_string()), *stage.signals()])
    row: dict[str, Any] = edited.to_pylist()[0]
    return row


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("one", "one"),
        ("a  b   c", "a b c"),
        ("a \t b", "a\tb"),
        ("a\xa0b\u3000c", "a b c"),
        ("end  \nnext\t\n", "end\nnext\n"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n \t\n\xa0\n\nb", "a\n\nb"),
        ("\n\n\n\ntop", "\n\ntop"),
        ("def f():\n    if x:\n\treturn  1\n", "def f():\n    if x:\n\treturn 1\n"),
        ("שלום\u2029 עולם ", "שלום\n עולם"),
        ("e\u0301 \u200b", "e\u0301 \u200b"),
        ("   ", ""),
        ("NUL\0 stays", "NUL\0 stays"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert edit(text)["text"] == expected


def test_indentation_and_blank_lines_on_request() -> None:
    assert edit("a\n   b\n\n\n\tc", keep_indentation=False, max_newlines=1)["text"] == "a\nb\nc"
    assert edit("a\n\n\n\nb", max_newlines=None)["text"] == "a\n\n\n\nb"


def test_counts() -> None:
    assert edit("\xa0\xa0a  b\xa0c\r\n\n\n\t\n d ") == {
        "text": "  a b c\n\n d",
        "line_ends_changed": 1,
        "newlines_removed": 2,
        "spaces_changed": 3,
        "spaces_removed": 3,
        "characters_before": 17,
    }


@pytest.mark.parametrize("fields", [{"max_newlines": 0}, {"max_newlines": 2**60}, {"tabs": 4}])
def test_bad_values_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NormalizeWhitespace(**fields)
