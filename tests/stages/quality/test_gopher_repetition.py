"""Gopher repetition: known texts, windows, bounds, traps of the peers. Figures against plain Python
are in tests/kernels/test_repetition.py, against datatrove in test_fineweb_golden.py.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.quality.gopher_repetition import GopherRepetition, Repetition
from curate.stages.rules import evaluate

SENTENCES = [" ".join(f"word{n * 11 + i}" for i in range(11)) + "." for n in range(40)]


def measured(text: str, **fields: Any) -> dict[str, float]:
    batch = pa.RecordBatch.from_arrays([pa.array([text], pa.large_string())], ["text"])
    row: dict[str, float] = Repetition(**fields).annotate(batch).to_pylist()[0]
    return row


def reasons(text: str, **fields: Any) -> list[str]:
    """Every broken rule."""
    stage = GopherRepetition(**fields)
    (annotator,) = stage.annotators()
    text_batch = pa.RecordBatch.from_arrays([pa.array([text], pa.large_string())], ["text"])
    batch = annotator.annotate(text_batch)
    named = batch.rename_columns([f"repetition.{name}" for name in batch.schema.names])
    broken = evaluate(stage.rules(), named).broken[0]
    return [rule.name for rule, is_broken in zip(stage.rules(), broken, strict=True) if is_broken]


def test_prose_passes_and_repetition_does_not() -> None:
    assert reasons("\n".join(SENTENCES)) == []
    assert reasons("\n".join(SENTENCES[:2] * 20))[0] == "duplicate_line_fraction"
    assert reasons("\n\n".join(SENTENCES[:2] * 20))[0] == "duplicate_paragraph_fraction"
    assert "top_2gram_characters" in reasons("buy now " * 50)
    assert "duplicate_10gram_characters" in reasons(" ".join(SENTENCES[:3] * 10))


def test_blank_lines_and_paragraphs_are_no_duplicates() -> None:
    text = "\n \n".join(SENTENCES) + "\n\n \n\n \n\n"
    row = measured(text)
    assert [row[name] for name in row if "line" in name or "paragraph" in name] == [0] * 4


def test_windows_line_ends_give_the_figures_of_unix_ones() -> None:
    text = "\n\n".join(SENTENCES[:3] * 2)
    unix, windows = measured(text), measured(text.replace("\n", "\r\n"))
    for name in ("duplicate_paragraph_fraction", "duplicate_line_fraction"):
        assert unix[name] == windows[name] == 0.5
    assert windows["duplicate_line_characters"] < unix["duplicate_line_characters"]  # CRs below


@pytest.mark.parametrize(
    "text", ["", " ", "word", "\n", "\r\n\r\n", "\u2028", "\0", "...", "\u0301"]
)
def test_texts_without_two_words_have_no_repetition(text: str) -> None:
    row = measured(text)
    assert all(math.isfinite(value) for value in row.values())
    assert set(row.values()) == {0.0}
    assert reasons(text) == []


def test_right_to_left_text_and_marks_are_compared_as_they_are() -> None:
    hebrew = "שלום עולם " * 30
    assert measured(hebrew)["top_2gram_characters"] == 0.9
    assert measured("e\u0301 é e\u0301 é")["top_2gram_characters"] == 8 / 9
    assert measured("e\u0301 x é x")["top_2gram_characters"] == 4 / 8  # not normalized


def test_a_window_is_the_mean_over_its_parts_weighted_by_characters() -> None:
    calm, noisy = " ".join(SENTENCES[:20]) + " ", ("buy now " * 110).strip()
    assert len(calm.split()) == len(noisy.split()) == 220
    text = calm + noisy
    row = measured(text, window_words=220)
    first, second = measured(calm), measured(noisy)
    for name, value in row.items():
        mean = (first[name] * len(calm) + second[name] * len(noisy)) / len(text)
        assert value == pytest.approx(mean, abs=1e-12)
    assert measured(text, window_words=440) == measured(text)


def test_books_pass_by_windows(test_data: Path) -> None:
    paths = sorted((test_data / "books").glob("*/*.txt.gz"))[::4]
    texts = [gzip.decompress(path.read_bytes()).decode("utf-8", "replace") for path in paths]
    assert len(texts) > 5
    assert [reasons(text, window_words=10_000) for text in texts] == [[]] * len(texts)


def test_a_bound_of_zero_is_a_bound_and_null_is_off() -> None:
    assert reasons(" ".join(SENTENCES), max_top_2gram_characters=0) == ["top_2gram_characters"]
    fields = [name for name in GopherRepetition.model_fields if name.startswith("max_")]
    assert len(fields) == len(GopherRepetition().rules()) == 13
    assert GopherRepetition(**dict.fromkeys(fields)).rules() == ()


@pytest.mark.parametrize(
    "fields", [{"max_duplicate_lines": 1.5}, {"window_words": 0}, {"max_top_2gram_characters": -1}]
)
def test_senseless_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GopherRepetition.model_validate(fields)
