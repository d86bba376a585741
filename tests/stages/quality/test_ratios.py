"""Ratios and lengths: golden figures of NeMo Curator and data-juicer, decisions at the bounds."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.base import Filter
from curate.stages.quality.length import DocumentLength
from curate.stages.quality.ratios import Ratios
from curate.stages.rules import evaluate

GOLDEN = Path(__file__).with_name("ratios_golden.csv.gz")
PROSE = "The house that they have is to be sold with all of it. " * 6


def signals(stage: Filter, texts: list[str]) -> pa.RecordBatch:
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
    columns: dict[str, pa.Array] = {}
    for annotator in stage.annotators():
        measured = annotator.annotate(batch)
        columns |= {
            f"{annotator.prefix('x')}.{name}": measured.column(name)
            for name in measured.schema.names
        }
    return pa.RecordBatch.from_pydict(columns)


def reasons(stage: Filter, *texts: str) -> list[str]:
    names = [*[rule.name for rule in stage.rules()], "kept"]
    verdicts = evaluate(stage.rules(), signals(stage, list(texts)))
    return [names[index] for index in verdicts.first_broken()]


def test_every_signal_equals_the_peers(test_data: Path) -> None:
    with gzip.open(GOLDEN, "rt", encoding="utf-8", newline="") as file:
        golden = list(csv.DictReader(file))
    assert len(golden) == 450
    texts = []
    for name in dict.fromkeys(row["file"] for row in golden):
        wanted = sum(row["file"] == name for row in golden)
        with gzip.open(test_data / name, "rt", encoding="utf-8") as file:
            texts += [json.loads(line)["text"] for line in islice(file, wanted)]
    measured = signals(Ratios(), texts).to_pylist()
    different = [
        (row["file"], row["document"], name, row[name], figures[f"characters.{name}"])
        for row, figures in zip(golden, measured, strict=True)
        for name in row
        if name not in ("file", "document")
        and abs(float(row[name]) - figures[f"characters.{name}"]) > 1e-9
    ]
    # Letters of scripts without spaces (the Chinese names in Korean articles) end a word here.
    assert {(file, name) for file, _, name, _, _ in different} <= {
        ("wikipedia/ko-0.jsonl.gz", "longest_word")
    }
    assert len(different) <= 25


def test_rules_have_the_bounds_of_their_sources() -> None:
    assert [(rule.name, rule.low, rule.high) for rule in Ratios().rules()] == [
        ("alphanumeric", 0.25, None),
        ("digits", None, 0.15),
        ("urls", None, 0.2),
        ("white_space", None, 0.25),
        ("brackets", None, 0.1),
        ("longest_word", None, 1000),
        ("mean_line_length", 10, None),
    ]
    assert Ratios(min_alphanumeric=None, max_digits=0).rules()[0].high == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, "kept"),
        ("", "alphanumeric"),
        ("一二三四五六七八九十" * 200, "kept"),
        ("สวัสดีชาวโลก" * 200, "kept"),
        ("!?*" * 50, "alphanumeric"),
        ("year 1984 " * 20, "digits"),
        ("see https://example.org/some/page ", "urls"),
        ("a b c d e f g h i j k", "white_space"),
        ("[see (this)] " * 10, "brackets"),
        ("x" * 1001, "longest_word"),
        ("x" * 1000, "kept"),
        ("menu\nhome\nabout\n", "mean_line_length"),
        ("שלום עולם, זהו טקסט ארוך דיו. " * 5, "kept"),
        ("e\u0301te\u0301 " * 30, "kept"),
    ],
)
def test_the_first_broken_rule_is_the_reason(text: str, reason: str) -> None:
    assert reasons(Ratios(), text) == [reason]


def test_english_bounds_on_request() -> None:
    stage = Ratios(max_not_english=0.25, max_open_lines=0.85, max_special=0.25)
    long_words = "Considerable differences between neighbouring languages remain unexplained. "
    assert reasons(
        stage, long_words * 4, "why?! no... yes!! (ok); " * 9, "contents\n" * 9 + long_words
    ) == [
        "kept",
        "special",
        "open_lines",
    ]


def test_human_text_of_every_language_is_kept(test_data: Path) -> None:
    """FLORES in blocks of 20 lines."""
    blocks: dict[str, list[str]] = {}
    with gzip.open(test_data / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["line"] < 20:
                blocks.setdefault(row["language"], []).append(row["text"])
    texts = ["\n".join(lines) for lines in blocks.values()]
    assert len(texts) > 200
    assert set(reasons(Ratios(), *texts)) == {"kept"}


def test_lengths() -> None:
    assert DocumentLength().rules() == () and DocumentLength().annotators() == ()
    stage = DocumentLength(min_characters=3, max_bytes=10, min_words=0, max_words=2, min_lines=2)
    assert [rule.name for rule in stage.rules()] == ["characters", "bytes", "words", "lines"]
    assert reasons(stage, "", "ab\n", "ab\ncd", "ééé\nééé", "a b\nc", "abc") == [
        "characters",
        "lines",
        "kept",
        "bytes",
        "words",
        "lines",
    ]
    assert reasons(DocumentLength(max_words=0), "", "...", "a") == ["kept", "kept", "words"]


@pytest.mark.parametrize(
    ("stage", "fields"),
    [
        (Ratios, {"max_digits": 1.5}),
        (Ratios, {"min_mean_line_length": float("inf")}),
        (Ratios, {"max_urls": float("nan")}),
        (DocumentLength, {"min_words": -1}),
        (DocumentLength, {"min_words": 5, "max_words": 4}),
        (DocumentLength, {"max_tokens": 4}),
    ],
)
def test_bad_values_are_refused(stage: type[Filter], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stage(**fields)
