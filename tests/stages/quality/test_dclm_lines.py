"""DCLM's line rules: golden texts, word counts and verdicts of the reference, and its bounds."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.quality.dclm_lines import DclmLines
from curate.stages.rules import Rule, evaluate

GOLDEN = Path(__file__).with_name("dclm_golden.csv.gz")
BOOK_CHARACTERS = 50_000
BODY = "The house is to be sold with all of it.\n" * 20


def batch(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})


def verdicts(stage: DclmLines, edited: pa.RecordBatch) -> list[str]:
    signals = {f"dclm_lines.{name}": edited.column(name) for name in edited.schema.names}
    first = evaluate(stage.rules(), pa.RecordBatch.from_pydict(signals)).first_broken()
    names = [*(rule.name for rule in stage.rules()), "kept"]
    return [names[index] for index in first]


def edit(text: str, **fields: Any) -> dict[str, Any]:
    stage = DclmLines(**fields)
    edited = stage.edit(batch(text))
    row: dict[str, Any] = edited.to_pylist()[0]
    return row | {"verdict": verdicts(stage, edited)[0]}


def golden_texts(folder: Path, rows: list[dict[str, str]]) -> list[str]:
    contents: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for file in {row["file"] for row in rows} - {"invented"}:
        contents[file] = gzip.decompress((folder / file).read_bytes()).decode("utf-8", "replace")
        lines[file] = contents[file].split("\n") if file.endswith(".jsonl.gz") else []
    texts = []
    for row in rows:
        if row["file"] == "invented":
            texts.append(json.loads(row["text"]))
        elif lines[row["file"]]:
            texts.append(json.loads(lines[row["file"]][int(row["document"])])["text"])
        else:
            texts.append(contents[row["file"]][:BOOK_CHARACTERS])
    return texts


def test_texts_words_and_verdicts_equal_the_reference(test_data: Path) -> None:
    with gzip.open(GOLDEN, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 2600
    stage = DclmLines()
    edited = stage.edit(batch(*golden_texts(test_data, rows)))
    removals: Counter[str] = Counter()
    for row, found, verdict in zip(rows, edited.to_pylist(), verdicts(stage, edited), strict=True):
        place = (row["file"], row["document"])
        assert hashlib.sha256(found["text"].encode()).hexdigest()[:8] == row["sha256"], place
        after = found["words_before"] - found["words_removed"]
        assert (found["words_before"], after) == (int(row["before"]), int(row["after"])), place
        assert (verdict == "kept") == (row["verdict"] == "kept"), place
        removals.update({name: n for name, n in found.items() if name.startswith("lines_")})
    assert len(removals) == 7 and all(removals.values()), "the documents try every step"


def test_rules_and_signals() -> None:
    assert DclmLines().rules() == (
        Rule("no_words", signal="dclm_lines.words_before", low=1),
        Rule("words_removed", signal="dclm_lines.words_removed_fraction", high=0.05),
    )
    assert DclmLines(max_words_removed_fraction=None, min_words=None).rules() == ()
    expected = pa.schema([pa.field("text", pa.large_string()), *DclmLines().signals()])
    assert DclmLines().edit(batch("", BODY)).schema == expected


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("BIG SALE now", "lines_removed_uppercase"),
        ("12345", "lines_removed_numeric"),
        ("3,100 Likes!", "lines_removed_counter"),
        ("one", "lines_removed_few_words"),
        ("Items in Cart", "lines_removed_phrase"),
        ("3 items in cart now", "lines_cut"),
        ("All news. Read more>>>", "lines_cut"),
        ("sign-in to see", "lines_cut"),
    ],
)
def test_lines(line: str, count: str) -> None:
    row = edit(BODY + line + "\n" + BODY)
    assert {name for name, n in row.items() if name.startswith("lines_") and n} - {
        "lines_removed"
    } == {count}
    assert line not in row["text"]
    assert row["verdict"] == "kept"


def test_every_step_can_be_off() -> None:
    off = DclmLines(
        max_uppercase_fraction=None,
        max_numeric_fraction=None,
        counter_words=(),
        min_words_per_line=None,
        phrases_anywhere=(),
        phrases_at_end=(),
        phrases_at_start=(),
    )
    text = "  BIG\n12\n3 likes\n\u2028 Sign-in\r\n"
    assert off.edit(batch(text)).column("text").to_pylist() == [text]


def test_a_literal_dot_on_request() -> None:
    assert "Read more>>>" in edit(BODY + "New: Read more>>>", dot_is_any_character=False)["text"]
    assert "Read more" not in edit(BODY + "New: Read more...", dot_is_any_character=False)["text"]


def test_verdicts_at_the_bounds() -> None:
    half = "a b\nOne\n" * 2
    assert edit(half)["words_removed_fraction"] == 1 / 3
    assert edit(half, max_words_removed_fraction=1 / 3)["verdict"] == "kept"
    assert edit(half, max_words_removed_fraction=0.333)["verdict"] == "words_removed"
    assert edit("")["verdict"] == edit("--- ...")["verdict"] == "no_words"
    assert edit("", min_words=0)["verdict"] == "kept"
    assert edit("")["words_removed_fraction"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"max_uppercase_fraction": 1.1},
        {"max_numeric_fraction": float("nan")},
        {"counter_words": ["Likes"]},
        {"phrases_at_end": [""]},
        {"phrases_anywhere": ["x" * 101]},
        {"min_words_per_line": -1},
    ],
)
def test_senseless_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DclmLines.model_validate(fields)


def test_editing_is_row_wise() -> None:
    whole = batch(*[BODY, "", "Menu\n" + BODY, "é\r\n", "\0", "3 likes"] * 3)
    parts = [DclmLines().edit(whole.slice(start, 2)) for start in range(0, whole.num_rows, 2)]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [DclmLines().edit(whole)]
