"""Bad words: decisions of datatrove's filter, languages, the draw, and lists that are wrong."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.errors import SpecError
from curate.kernels.draw import Purpose, below, draw
from curate.stages.quality.bad_words import BadWords
from curate.stages.rules import evaluate

GOLDEN = Path(__file__).with_name("bad_words_golden.json.gz")


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
        return found


@pytest.fixture
def lists(tmp_path: Path) -> str:
    """Lists for English, German, British English and Japanese, among other files."""
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "en").write_text("darn\nHeck\ngosh darn\n", encoding="utf-8")
    (folder / "en-GB.txt").write_text("blimey\n", encoding="utf-8")
    (folder / "de.txt.gz").write_bytes(gzip.compress(b"mist\n"))
    (folder / "ja").write_text("くそ\nsm\n", encoding="utf-8")
    (folder / "LICENSE").write_text("free", encoding="utf-8")
    (folder / "README.md").write_text("darn", encoding="utf-8")
    return str(folder)


def measure(stage: BadWords, texts: list[str], languages: list[str | None]) -> pa.RecordBatch:
    (annotator,) = stage.annotators()
    columns = [
        pa.array([f"s/f#{row}" for row in range(len(texts))], pa.string()),
        pa.array(texts, pa.large_string()),
        pa.array(languages, pa.string()),
    ]
    batch = pa.RecordBatch.from_arrays(columns, list(annotator.reads))
    measured = annotator.annotate(batch)
    assert measured.schema == pa.schema(annotator.signals())
    return measured


def removed(stage: BadWords, texts: list[str], languages: list[str | None]) -> str:
    """`1` for every text that goes, `0` for every one that stays."""
    measured = measure(stage, texts, languages)
    named = pa.RecordBatch.from_arrays(
        measured.columns, [f"bad_words.{name}" for name in measured.schema.names]
    )
    return "".join(
        str(int(index >= 0)) for index in evaluate(stage.rules(), named).first_broken().tolist()
    )


def test_documents_are_judged_as_datatrove_does(test_data: Path, golden: dict[str, Any]) -> None:
    stage = BadWords(path=str(test_data / "lists" / "ldnoobw"))
    assert sum(len(entry["removed"]) for entry in golden["documents"].values()) >= 3000
    for file, entry in golden["documents"].items():
        verdicts = entry["removed"]
        with gzip.open(test_data / file, "rt", encoding="utf-8", newline="\n") as lines:
            texts = [json.loads(line)["text"] for line, _ in zip(lines, verdicts, strict=False)]
        assert "1" in verdicts
        assert removed(stage, texts, [entry["language"]] * len(texts)) == verdicts, file


def test_every_entry_of_every_list_matches_where_datatrove_finds_it(
    test_data: Path, golden: dict[str, Any]
) -> None:
    """Except entries with capital letters, which never match there, and marks at the border."""
    folder = test_data / "lists" / "ldnoobw"
    stage = BadWords(path=str(folder))
    forms, compared, capitals = golden["forms"], 0, 0
    assert len(golden["entries"]) == 28
    for language, verdicts in golden["entries"].items():
        words = [word.strip() for word in (folder / language).read_text("utf-8").split("\n")]
        texts = [(word, form) for word in words if word for form in forms]
        judged = [form.format(word) for word, form in texts]
        measured = measure(stage, judged, [language] * len(judged)).to_pylist()
        for (word, form), own, theirs in zip(texts, measured, verdicts, strict=True):
            if own["count"] and own["first"] != own["first"].lower():
                capitals += theirs == "0"
            elif not any(unicodedata.category(each).startswith("M") for each in word):
                compared += 1
                assert int(own["count"] > 0) == int(theirs), (language, word, form)
    assert compared > 19_000
    assert capitals > 60


def test_the_list_is_that_of_the_language(lists: str) -> None:
    stage = BadWords(path=lists)
    cases: list[tuple[str, str | None, int | None]] = [
        ("darn", None, 1),
        ("darn", "", 1),
        ("darn", "en-US", 1),
        ("darn", "EN", 1),
        ("darn blimey", "en_gb", 1),
        ("darn mist", "de", 1),
        ("darn", "fr", None),
        ("これはくそです", "ja", 1),
        ("sm", "ja", 0),
        ("", "en", 0),
        ("DARN heck, gosh\u00a0darn gosh darn: darned darn_ 1darn", "en", 4),
    ]
    texts, languages, counts = map(list, zip(*cases, strict=True))
    measured = measure(stage, texts, languages)
    assert measured.column("count").to_pylist() == counts
    assert measured.column("first").to_pylist()[4:8] == ["blimey", "mist", None, "くそ"]
    assert measured.column("fraction").to_pylist()[5:7] == [4 / 9, None]
    assert removed(stage, texts, languages) == "11111101001"
    strict = BadWords(path=lists, unlisted_languages="remove")
    assert removed(strict, texts, languages) == "11111111001"
    assert removed(BadWords(path=lists, default_language="de"), ["mist"], [None]) == "1"


def test_one_file_is_for_every_language(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("bad\n坏\n", encoding="utf-8")
    stage = BadWords(path=str(path))
    texts = ["bad", "badly", "很坏的", "很坏的"]
    languages: list[str | None] = [None, "tlh", "zh", "en"]
    assert measure(stage, texts, languages).column("count").to_pylist() == [1, 0, 1, 0]


def test_bounds_on_count_and_fraction(lists: str) -> None:
    texts, languages = ["darn darn", "darn good", "fine"], ["en"] * 3
    for bounds, verdicts in [
        ({"max_count": 1}, "100"),
        ({"max_count": 2}, "000"),
        ({"max_count": None, "max_fraction": 0.5}, "100"),
        ({"max_count": None, "max_fraction": 0}, "110"),
        ({"max_count": None, "max_fraction": 4 / 9}, "100"),
        ({"max_count": None}, "000"),
    ]:
        assert removed(BadWords(path=lists, **bounds), texts, list(languages)) == verdicts, bounds


def test_the_draw_keeps_its_share_by_document_id_alone(lists: str) -> None:
    stage = BadWords(path=lists, keep_fraction=0.25, seed=7)
    rows = 2000
    measured = measure(stage, ["darn"] * rows, ["en"] * rows)
    drawn = measured.column("count_after_draw").to_pylist()
    limit = below(0.25)
    expected = [int(draw(7, Purpose.KEEP, f"s/f#{row}") >= limit) for row in range(100)]
    assert drawn[:100] == expected
    assert 0.7 < sum(drawn) / rows < 0.8
    assert measured.column("count").to_pylist() == [1] * rows
    assert removed(stage, ["fine", "darn"], ["en", "fr"]) == "00"
    assert removed(BadWords(path=lists, keep_fraction=1), ["darn"], ["en"]) == "0"


def test_rows_are_judged_alone(lists: str) -> None:
    stage = BadWords(path=lists, keep_fraction=0.5)
    (annotator,) = stage.annotators()
    rows = [("a", "darn", "en"), ("b", "", None), ("c", "mist", "de"), ("d", "x", "fr")] * 3
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    columns[1] = columns[1].cast(pa.large_string())
    batch = pa.RecordBatch.from_arrays(columns, ["id", "text", "language"])
    whole = annotator.annotate(batch)
    parts = [annotator.annotate(batch.slice(start, 5)) for start in range(0, 12, 5)]
    assert pa.Table.from_batches(parts).to_pylist() == whole.to_pylist()
    assert annotator.annotate(batch.slice(0, 0)).num_rows == 0


def test_the_bytes_of_the_lists_enter_the_fingerprint(lists: str) -> None:
    before = {model.name: model.sha256 for model in BadWords(path=lists).models()}
    assert sorted(before) == [f"bad words {code}" for code in ("de", "en", "en-gb", "ja")]
    (Path(lists) / "en").write_text("darn\nother\n", encoding="utf-8")
    after = {model.name: model.sha256 for model in BadWords(path=lists).models()}
    assert {name for name in before if before[name] != after[name]} == {"bad words en"}


def test_lists_that_are_wrong_are_refused_before_a_run(lists: str, tmp_path: Path) -> None:
    def problem(**fields: Any) -> str:
        with pytest.raises(SpecError) as error:
            BadWords(**fields).models()
        return str(error.value)

    assert "no such file" in problem(path=str(tmp_path / "nowhere"))
    assert "no list for `default_language` 'pl'; there are lists for de, en" in problem(
        path=lists, default_language="pl"
    )
    (tmp_path / "empty").mkdir()
    assert "named by a language code" in problem(path=str(tmp_path / "empty"))
    (Path(lists) / "fr").write_bytes("é\n".encode("latin1"))
    assert "fr: line 1 is not UTF-8" in problem(path=lists)
    (Path(lists) / "fr").write_bytes(b"\n")
    assert "holds no entry" in problem(path=lists)
    (Path(lists) / "fr").write_bytes(b"a\n")
    (Path(lists) / "FR.txt").write_bytes(b"a\n")
    assert "two lists for the language fr" in problem(path=lists)


@pytest.mark.parametrize(
    "fields",
    [{}, {"path": ""}, {"path": "x", "keep_fraction": 1.1}, {"path": "x", "max_count": -1}],
)
def test_senseless_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BadWords.model_validate(fields)
