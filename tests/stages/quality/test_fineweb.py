"""FineWeb's rules: figures against plain Python, decisions at the bounds, hostile text."""

from __future__ import annotations

import math
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.kernels.measure import Request, measure
from curate.kernels.words import words
from curate.stages.quality.fineweb import FineWebLines, FineWebQuality
from curate.stages.rules import evaluate

PROSE = "The cat sat on the mat and looked at the dog, which did not like that at all.\n"
PIECES = [
    "a b c",
    "the end.",
    "!",
    "。",
    "x" * 30,
    "x" * 31,
    "\n",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\u2028",
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def measured(*documents: str, **fields: Any) -> list[dict[str, float]]:
    batch = pa.RecordBatch.from_arrays([column(*documents)], ["text"])
    rows: list[dict[str, float]] = FineWebLines(**fields).annotate(batch).to_pylist()
    return rows


def reference(
    text: str, words: list[str] | None, stops: str, short: int
) -> dict[str, float | None]:
    pieces = re.split("\r?\n", text)
    lines = [line for line in pieces if line.strip()]
    met: set[str] = set()
    again = [line for line in lines if line in met or met.add(line)]
    count, characters = max(len(lines), 1), max(sum(map(len, pieces)), 1)
    return {
        "sentence_end_fraction": sum(line.endswith(tuple(stops)) for line in lines) / count,
        "short_line_fraction": sum(len(line) <= short for line in lines) / count,
        "duplicate_line_characters": sum(map(len, again)) / characters,
        "newlines_per_word": None if words is None else text.count("\n") / max(len(words), 1),
    }


@settings(max_examples=800, deadline=None)
@given(st.lists(texts, max_size=4), st.sampled_from([0, 3, 30]), st.sampled_from([".!", "。x\r"]))
def test_figures_equal_plain_python(documents: list[str], short: int, stops: str) -> None:
    text = column(*documents)
    known = measure(text, [Request("words")])[0].column("count").is_valid().to_pylist()
    found = [each if k else None for each, k in zip(words(text).to_pylist(), known, strict=True)]
    assert measured(*documents, short_line_characters=short, stop_characters=stops) == [
        reference(text, each, stops, short) for text, each in zip(documents, found, strict=True)
    ]


def test_words_of_a_script_without_dictionary_are_unknown() -> None:
    (found,) = measured("\U00017000 \U00017001\n")
    assert found["newlines_per_word"] is None and found["sentence_end_fraction"] == 0


def reasons(text: str, **fields: Any) -> list[str]:
    """Every broken rule."""
    stage = FineWebQuality(**fields)
    (annotator,) = stage.annotators()
    batch = annotator.annotate(pa.RecordBatch.from_arrays([column(text)], ["text"]))
    named = batch.rename_columns([f"fineweb.{name}" for name in batch.schema.names])
    broken = evaluate(stage.rules(), named).broken[0]
    return [rule.name for rule, is_broken in zip(stage.rules(), broken, strict=True) if is_broken]


def test_prose_passes_and_lists_do_not() -> None:
    assert reasons(PROSE) == []
    assert reasons(PROSE.replace("\n", "\r\n")) == []
    assert reasons("one\ntwo\nthree\n") == [
        "sentence_end_lines",
        "short_lines",
        "newlines_per_word",
    ]
    assert reasons(PROSE * 2) == ["duplicate_line_characters"]


def test_stop_characters_of_all_scripts_and_of_the_user() -> None:
    ends = measured(*(f"a{end}" for end in '.!?。؟।։!"a'))
    assert [row["sentence_end_fraction"] for row in ends] == [1] * 8 + [0, 0]
    assert measured("a;\nb.", stop_characters=";")[0]["sentence_end_fraction"] == 0.5


def test_texts_without_lines_or_words_measure_zero_and_break_the_first_rule() -> None:
    for text in ("", "\n\n", " \r\n ", "\u2028", "\0"):
        row = measured(text)[0]
        assert all(math.isfinite(value) for value in row.values())
        assert row["sentence_end_fraction"] == 0
    assert reasons("")[0] == "sentence_end_lines"


def test_a_bound_of_zero_is_a_bound_and_null_is_off() -> None:
    assert reasons(PROSE, max_newlines_per_word=0) == ["newlines_per_word"]
    off = dict.fromkeys(
        [
            "min_sentence_end_lines",
            "max_short_lines",
            "max_duplicate_line_characters",
            "max_newlines_per_word",
        ]
    )
    assert FineWebQuality(**off).rules() == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"min_sentence_end_lines": 1.1},
        {"max_short_lines": float("nan")},
        {"stop_characters": ""},
        {"short_line_characters": -1},
        {"words": "spacy"},
        {"max_newlines_per_word": float("inf")},
    ],
)
def test_senseless_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FineWebQuality.model_validate(fields)


@pytest.mark.parametrize("unit", ["a ", "a\n", "\n", ".\n", "\r\n", "é\n", " \n"])
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    def annotate(text: pa.LargeStringArray) -> None:
        FineWebLines().annotate(pa.RecordBatch.from_arrays([text], ["text"]))

    assert_linear_in_text(annotate, unit)
