"""Gopher quality: golden figures of datatrove's filter, decisions at the bounds, hostile text."""

from __future__ import annotations

import csv
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.base import Annotator
from curate.stages.lines import LineStatistics
from curate.stages.quality.gopher import GopherQuality
from curate.stages.rules import evaluate
from curate.stages.words import WordStatistics

GOLDEN = Path(__file__).with_name("gopher_golden.csv.gz")
PIECE_CHARACTERS = 8_000
PROSE = "The house that they have is to be sold with all of it. " * 6


def measure(texts: list[str], annotators: tuple[Annotator, ...] = ()) -> pa.RecordBatch:
    """All signals of the stage under their full names."""
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
    columns: dict[str, pa.Array] = {}
    for annotator in annotators or GopherQuality().annotators():
        measured = annotator.annotate(batch)
        assert measured.schema == pa.schema(annotator.signals())
        columns |= {
            f"{annotator.name}.{name}": measured.column(name) for name in measured.schema.names
        }
    return pa.RecordBatch.from_pydict(columns)


def reasons(texts: list[str], **bounds: Any) -> list[str]:
    """The name of the first broken rule of each text, `kept` where there is none."""
    stage = GopherQuality(**bounds)
    names = [*[rule.name for rule in stage.rules()], "kept"]
    return [names[index] for index in evaluate(stage.rules(), measure(texts)).first_broken()]


def golden_rows() -> list[dict[str, str]]:
    with gzip.open(GOLDEN, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def golden_texts(folder: Path, rows: list[dict[str, str]]) -> list[str]:
    """The text of every row: an article of a JSON lines file or a piece of a novel."""
    loaded: dict[str, list[str]] = {}
    for name in {row["file"] for row in rows}:
        content = gzip.decompress((folder / name).read_bytes()).decode("utf-8", "replace")
        if name.endswith(".jsonl.gz"):
            last = max(int(row["document"]) for row in rows if row["file"] == name)
            loaded[name] = [json.loads(line)["text"] for line in content.split("\n")[: last + 1]]
        else:
            starts = range(0, len(content), PIECE_CHARACTERS)
            loaded[name] = [content[start : start + PIECE_CHARACTERS] for start in starts]
    return [loaded[row["file"]][int(row["document"])] for row in rows]


def test_every_signal_equals_datatrove_given_our_words(test_data: Path) -> None:
    rows = golden_rows()
    assert len(rows) >= 1500
    words_of_the_golden_figures = WordStatistics(words="uax29_alone")
    annotators = (words_of_the_golden_figures, LineStatistics())
    measured = measure(golden_texts(test_data, rows), annotators).to_pylist()
    names = [name for name in rows[0] if name not in ("file", "document")]
    assert sorted(names) == sorted({rule.signal for rule in GopherQuality().rules()})
    different = [
        (row["file"], row["document"], name, row[name], figures[name])
        for row, figures in zip(rows, measured, strict=True)
        for name in names
        if not math.isclose(float(row[name]), figures[name], rel_tol=0, abs_tol=1e-9)
    ]
    assert different == []


def test_rules_come_in_order_of_the_paper_with_its_bounds() -> None:
    assert [(rule.name, rule.low, rule.high) for rule in GopherQuality().rules()] == [
        ("word_count", 50, 100_000),
        ("mean_word_length", 3, 10),
        ("hash_ratio", None, 0.1),
        ("ellipsis_ratio", None, 0.1),
        ("bullet_lines", None, 0.9),
        ("ellipsis_lines", None, 0.3),
        ("alphabetic_words", 0.8, None),
        ("stop_words", 2, None),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, "kept"),
        ("", "word_count"),
        ("\0", "word_count"),
        ("# " * 200, "word_count"),
        ("the and " * 24 + "x", "word_count"),
        ("the and " * 25, "kept"),
        ("a of " * 40, "mean_word_length"),
        (PROSE + "incomprehensibilities " * 200, "mean_word_length"),
        (PROSE + "#" * 9, "hash_ratio"),
        (PROSE + "... " * 9, "ellipsis_ratio"),
        ("- " + PROSE.replace(" with", "\n- with"), "bullet_lines"),
        (PROSE.replace(" with", "\u2028with") + "…", "kept"),
        (PROSE + "\n" + PROSE + "…", "ellipsis_lines"),
        (PROSE + "123 " * 40, "alphabetic_words"),
        ("word" + " other" * 60, "stop_words"),
    ],
)
def test_the_first_broken_rule_is_the_reason(text: str, reason: str) -> None:
    assert reasons([text]) == [reason]


def test_bounds_are_inclusive_and_the_next_number_is_outside() -> None:
    signals = measure([PROSE])
    words = signals.column("words.count")[0].as_py()
    length = signals.column("words.mean_length")[0].as_py()
    assert reasons([PROSE], min_words=words, max_words=words) == ["kept"]
    assert reasons([PROSE], min_words=words + 1) == ["word_count"]
    assert reasons([PROSE], max_words=words - 1) == ["word_count"]
    assert reasons([PROSE], min_mean_word_length=length) == ["kept"]
    above = math.nextafter(length, math.inf)
    assert reasons([PROSE], min_mean_word_length=above) == ["mean_word_length"]
    assert reasons([PROSE], max_mean_word_length=length) == ["kept"]
    below = math.nextafter(length, 0)
    assert reasons([PROSE], max_mean_word_length=below) == ["mean_word_length"]


def test_a_bound_of_zero_is_a_bound() -> None:
    assert reasons([PROSE + "#"], max_symbol_ratio=0) == ["hash_ratio"]
    assert reasons([""], min_words=0, min_mean_word_length=0) == ["alphabetic_words"]
    everything = {"min_words": 0, "min_mean_word_length": 0, "min_alphabetic_words": 0}
    assert reasons([""], **everything, min_stop_words=0) == ["kept"]


@pytest.mark.parametrize(
    "bounds",
    [
        {"min_words": -1},
        {"max_words": 10**400},
        {"min_words": 5, "max_words": 4},
        {"min_mean_word_length": 11},
        {"max_symbol_ratio": float("nan")},
        {"max_mean_word_length": float("inf")},
        {"min_stop_words": 9},
        {"max_bullet_lines": 1.5},
        {"minimum_words": 5},
    ],
)
def test_senseless_bounds_are_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        GopherQuality.model_validate(bounds)


@pytest.mark.parametrize("annotator", [WordStatistics(), LineStatistics()])
def test_annotators_are_shared_and_row_wise(annotator: Annotator) -> None:
    texts = [PROSE, "", "- a\n… é", "한국어", "\r\n\0"] * 3
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
    whole = annotator.annotate(batch)
    parts = [annotator.annotate(batch.slice(start, 2)) for start in range(0, len(texts), 2)]
    assert annotator.prefix("my_filter") == annotator.name
    assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [whole]
    assert whole.num_rows == len(texts)
    assert annotator.annotate(batch.slice(0, 0)).num_rows == 0
