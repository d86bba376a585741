"""Machine text: kinds, languages, own phrases, and human text that must not be counted."""

from __future__ import annotations

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.errors import SpecError
from curate.stages.quality.machine_text import KINDS, LANGUAGES, MachineText
from curate.stages.quality.phrase_groups import PACKAGED
from curate.stages.rules import evaluate

FLORES = "deu_Latn eng_Latn fra_Latn ita_Latn jpn_Jpan kor_Hang por_Latn rus_Cyrl spa_Latn zho_Hans"


def measure(texts: list[str], **fields: Any) -> list[dict[str, Any]]:
    (annotator,) = MachineText(**fields).annotators()
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
    measured = annotator.annotate(batch)
    assert measured.schema == pa.schema(annotator.signals())
    rows: list[dict[str, Any]] = measured.to_pylist()
    return rows


def upper(phrase: str) -> str:
    """Upper case, character for character."""
    return "".join(each.upper() if len(each.upper()) == 1 else each for each in phrase)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", (0, 0, 0, 0)),
        ("As an AI language model, I can help.", (1, 0, 0, 0)),
        ("Certainly! Here is the essay. I cannot fulfill this request.", (1, 1, 0, 0)),
        ("I’m sorry, but I can’t assist. i'm sorry, but i can't assist", (0, 2, 0, 0)),
        ("Dear [Insert Name], lorem ipsum DOLOR SIT AMET {{ name }}", (0, 0, 4, 0)),
        ("Rate this translation\r\nDiese Seite wurde automatisch übersetzt", (0, 0, 0, 2)),
        ("ALS KI-SPRACHMODELL kann ich …", (1, 0, 0, 0)),
        ("作为一个人工智能语言模型，我无法满足您的请求。", (1, 1, 0, 0)),
        ("Как языковая модель, я…", (1, 0, 0, 0)),
        ("물론입니다! 다음은 요약입니다", (1, 0, 0, 0)),
        ("言語モデルとして、私はリアルタイムの情報にアクセスできません", (1, 1, 0, 0)),
    ],
)
def test_kinds_are_counted_apart(text: str, counts: tuple[int, ...]) -> None:
    (found,) = measure([text])
    assert tuple(found[kind] for kind in KINDS) == counts
    assert found["count"] == sum(counts)
    assert (found["first"] is None) == (sum(counts) == 0)
    assert 0 <= found["fraction"] <= 1


def test_every_phrase_of_every_language_is_found_and_named() -> None:
    for language in LANGUAGES:
        groups = tomllib.loads((PACKAGED / "machine_text" / f"{language}.toml").read_text("utf-8"))
        assert tuple(groups) == KINDS
        for kind, phrases in groups.items():
            assert len(phrases) == len(set(phrases)) >= 5
            texts = [f"x {upper(phrase)} y" for phrase in phrases]
            for phrase, found in zip(phrases, measure(texts, languages=[language]), strict=True):
                assert phrase == phrase.lower()
                assert found[kind] == 1, phrase
                assert found["count"] == 1, phrase


def test_texts_of_people_hold_none(test_data: Path) -> None:
    """C4 is of 2019, the novels are older: an assistant's phrase there would be a wrong phrase."""
    texts = []
    for file in ("c4/c4-a.jsonl.gz", "c4/c4-b.jsonl.gz"):
        with gzip.open(test_data / file, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line in lines]
    texts += [
        gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        for path in sorted(test_data.glob("books/*/*.txt.gz"))
    ]
    with gzip.open(test_data / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts += [row["text"] for row in map(json.loads, lines) if row["language"] in FLORES]
    found = measure(texts)
    assert [row["first"] for row in found if row["count"]] == []


def test_it_measures_by_default_and_bounds_on_request() -> None:
    texts = ["fine", "lorem ipsum", "as an ai language model i cannot fulfill that request"]
    assert MachineText().rules() == ()
    for bounds, broken in [
        ({"max_phrases": 1}, [False, False, True]),
        ({"max_phrases": 0}, [False, True, True]),
        ({"max_refusal": 0}, [False, False, True]),
        ({"max_template": 0, "max_translation": 0}, [False, True, False]),
        ({"max_assistant": 1}, [False, False, False]),
        ({"max_fraction": 0.99}, [False, True, False]),
    ]:
        stage = MachineText(**bounds)
        (annotator,) = stage.annotators()
        batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
        measured = annotator.annotate(batch)
        named = [f"machine_text.{name}" for name in measured.schema.names]
        verdicts = evaluate(stage.rules(), pa.RecordBatch.from_arrays(measured.columns, named))
        assert (verdicts.first_broken() >= 0).tolist() == broken, bounds


def test_a_file_of_the_user_adds_phrases(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('refusal = ["computer says no"]\n', encoding="utf-8")
    stage = MachineText(phrases=str(own), languages=())
    first = stage.models()[0].sha256
    text = "Computer says no. As an AI language model"
    (found,) = measure([text], phrases=str(own), languages=())
    assert (found["refusal"], found["assistant"], found["count"]) == (1, 0, 1)
    assert measure([text], phrases=str(own))[0]["count"] == 2
    own.write_text('refusal = ["computer says yes"]\n', encoding="utf-8")
    assert stage.models()[0].sha256 != first
    assert measure([text], phrases=str(own), languages=())[0]["count"] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no phrase"),
        (b"refusal = []", "holds no phrase"),
        (b"refusals = ['x']", "no group 'refusals'; groups are: assistant, refusal"),
        (b"refusal = 'x'", "must be a list of texts"),
        (b"refusal = ['']", "none of them empty"),
        (b"refusal = ['a\\u0020b', 3]", "must be a list of texts"),
        (b"refusal = [", "no TOML"),
        ("refusal = ['é']".encode("latin1"), "not UTF-8 at byte 12; convert it"),
    ],
)
def test_a_bad_file_is_refused_before_a_run(tmp_path: Path, content: bytes, message: str) -> None:
    own = tmp_path / "own.toml"
    own.write_bytes(content)
    with pytest.raises(SpecError, match=message) as error:
        MachineText(phrases=str(own)).models()
    assert str(own) in str(error.value)


def test_a_missing_file_and_unknown_languages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        MachineText(phrases=str(tmp_path / "nowhere.toml")).models()
    with pytest.raises(ValidationError):
        MachineText.model_validate({"languages": ["tlh"]})


def test_rows_are_measured_alone() -> None:
    texts = ["lorem ipsum", "", "als ki-sprachmodell", "\0", "한국어"] * 2
    whole = measure(texts)
    assert [row for text in texts for row in measure([text])] == whole
    assert measure([]) == []
