"""Every signal of the FineWeb chain equals datatrove 0.10.1 on real documents, when both get the
same words: ours, or those of its own tokenizer.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from curate.stages.lines import LineStatistics
from curate.stages.measures import Measure, MeasureGroup
from curate.stages.quality.fineweb import FineWebLines
from curate.stages.quality.gopher_repetition import Repetition
from curate.stages.words import WordStatistics

GOLDEN = Path(__file__).with_name("fineweb_golden.csv.gz")
PIECE_CHARACTERS = 8_000
GLUED = ("c4/c4-a.jsonl.gz", "256")
"""Its lines lack spaces (`Scrap Mechanicguide`), so that n-grams are equal when words are glued
together, as the peer does, and different word by word: six figures of one document.
"""
KINDS = {"ours": "uax29_alone", "theirs": "datatrove"}


def golden(words: str) -> list[dict[str, str]]:
    with gzip.open(GOLDEN, "rt", encoding="ascii") as file:
        return [row for row in csv.DictReader(file) if row["words"] == words]


@cache
def texts(folder: Path, file: str) -> list[str]:
    """The documents of a file, as `benchmarks/golden_gopher` counts them."""
    data = gzip.decompress((folder / file).read_bytes())
    if file.endswith(".jsonl.gz"):
        lines = io.StringIO(data[:8_000_000].decode("utf-8", "ignore"), newline="\n")
        return list(_parsed(lines))
    book = data.decode("utf-8", "replace")
    return [book[at : at + PIECE_CHARACTERS] for at in range(0, len(book), PIECE_CHARACTERS)]


def _parsed(lines: io.StringIO) -> Iterator[str]:
    for line in lines:
        if line.endswith("\n"):
            yield json.loads(line)["text"]


@pytest.mark.parametrize("words", ["ours", "theirs"])
def test_signals_equal_datatrove(test_data: Path, words: str) -> None:
    rows = golden(words) if words == "ours" else golden(words)[::2]
    assert len(rows) > (1_500 if words == "ours" else 150)
    documents = [
        texts(test_data, row["file"])[int(row["document"])].replace("\r\n", "\n") for row in rows
    ]
    languages = ["de" if "books/de" in row["file"] else "en" for row in rows]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(documents, pa.large_string()), pa.array(languages)], ["text", "language"]
    )
    measures: list[Measure] = [
        kind.model_validate({"words": KINDS[words]})
        for kind in (WordStatistics, Repetition, FineWebLines)
    ]
    measures.append(LineStatistics())
    measured = MeasureGroup(measures=tuple(measures)).annotate(batch)
    names = [f"{each.name}.{signal.name}" for each in measures for signal in each.signals()]
    columns = dict(zip(names, measured.columns, strict=True))
    checked, wrong = 0, []
    for name in (name for name in rows[0] if "." in name):
        for row, value in zip(rows, columns[name].to_pylist(), strict=True):
            glued = "gram" in name and (row["file"], row["document"]) == GLUED
            if row[name] != "" and not glued:
                checked += 1
                if abs(float(row[name]) - value) > 1e-9:
                    wrong.append((name, row["file"], row["document"], row[name], value))
    assert wrong == []
    assert checked > (28_000 if words == "ours" else 4_000)
