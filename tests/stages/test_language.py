from __future__ import annotations

import gzip
import json
import math
import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import SpecError
from curate.stages.base import Filter
from curate.stages.language import LID_176_LANGUAGES, Language, LanguageIdentification
from curate.stages.rules import evaluate

GOLDEN = {
    "The committee will meet again on Thursday to discuss the annual report.": "en",
    "Der Ausschuss tagt am Donnerstag erneut, um über den Jahresbericht zu beraten.": "de",
    "Le comité se réunira de nouveau jeudi pour examiner le rapport annuel.": "fr",
    "위원회는 목요일에 다시 모여 연례 보고서를 논의할 예정이다.": "ko",
    "委員会は木曜日に再び集まり、年次報告書について話し合う予定です。": "ja",
    "Комитет вновь соберётся в четверг, чтобы обсудить годовой отчёт.": "ru",
    "ستجتمع اللجنة مرة أخرى يوم الخميس لمناقشة التقرير السنوي.": "ar",
}
GOLDEN_SCORES = [0.83761, 0.96280, 0.97477, 1.0, 0.99872, 0.99983, 0.99500]


def documents(texts: Sequence[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def identify(texts: Sequence[str], **configuration: object) -> pa.RecordBatch:
    return LanguageIdentification.model_validate(configuration).annotate(documents(texts))


def kept(stage: Filter, texts: Sequence[str]) -> list[bool]:
    """Whether each text survives the filter, as the engine decides it."""
    (annotator,) = stage.annotators()
    measured = annotator.annotate(documents(texts))
    names = [f"{annotator.name}.{signal.name}" for signal in annotator.signals()]
    columns = dict(zip(names, measured.columns, strict=False))
    verdicts = evaluate(stage.rules(), pa.record_batch(columns))
    return [index < 0 for index in verdicts.first_broken().tolist()]


def lines_of(path: Path, field: str, count: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)[field] for line, _ in zip(file, range(count), strict=False)]


def test_golden_labels_and_scores() -> None:
    found = identify(list(GOLDEN))
    assert found.column("label").to_pylist() == list(GOLDEN.values())
    assert found.column("score").to_pylist() == pytest.approx(GOLDEN_SCORES, abs=1e-4)
    assert LanguageIdentification.version == 1, "a new version needs new golden values"


def test_columns_are_the_signals_and_then_the_filled_document_columns() -> None:
    stage = LanguageIdentification(top_k=3)
    found = stage.annotate(documents(list(GOLDEN)))
    declared = [field.name for field in stage.signals()]
    assert declared == ["label", "score", "label_2", "score_2", "label_3", "score_3"]
    assert found.schema.names == [*declared, *stage.fills]
    assert found.column("language").equals(found.column("label"))
    assert found.column("language_score").equals(found.column("score"))


def test_further_languages_are_less_probable() -> None:
    found = identify(["bonjour my friend, wie geht es dir today"], top_k=3).to_pylist()[0]
    assert 1 >= found["score"] >= found["score_2"] >= found["score_3"] > 0
    assert len({found["label"], found["label_2"], found["label_3"]}) == 3


@pytest.mark.parametrize("blank", ["", " ", "\n", "\0", " \t\r\n\f\v\0"])
def test_white_space_has_no_language(blank: str) -> None:
    found = identify([blank], top_k=2).to_pylist()[0]
    assert set(found.values()) == {None}


def test_an_empty_batch_has_the_same_schema() -> None:
    assert identify([], top_k=2).schema == identify(["text"], top_k=2).schema


@pytest.mark.parametrize(
    "mark", ["</s> ", "__label__en ", "\0", "\n\n\n", "</s></s>", "</</s>s> ", "__label____label__"]
)
def test_marks_of_the_model_in_the_text_do_not_decide(mark: str) -> None:
    german = next(iter(text for text, label in GOLDEN.items() if label == "de"))
    found = identify([german, mark + german, german + mark]).column("label").to_pylist()
    assert found == ["de"] * 3


def test_scores_never_exceed_one() -> None:
    found = identify(["das ist ein deutscher Satz"])
    assert found.column("score").to_pylist() == [1.0]


def test_only_the_start_of_a_text_is_read() -> None:
    german = "Das ist ein deutscher Satz über den schönen Fluss. " * 40
    english = "This is plainly an English sentence about the river. " * 4000
    found = identify([german + english], max_text_bytes=1024).column("label").to_pylist()
    assert found == ["de"]


@pytest.mark.parametrize("shift", range(4))
def test_the_cut_falls_between_characters(shift: int) -> None:
    text = "x" * shift + "𝒳" * 1000
    shorter = text.encode()[:1024].decode(errors="ignore")
    long, short = identify([text, shorter], max_text_bytes=1024).to_pylist()
    assert long == short


def test_twenty_megabytes_cost_one() -> None:
    whole = "Noch ein deutscher Satz mit Wörtern. " * 540_000
    assert len(whole.encode()) > 20e6
    assert identify([whole]).column("label").to_pylist() == ["de"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=12), st.data())
def test_any_split_of_a_batch_gives_the_same_rows(texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    stage = LanguageIdentification(top_k=2)
    batch = documents(texts)
    whole = stage.annotate(batch).to_pylist()
    parts = [*stage.annotate(batch.slice(0, cut)).to_pylist()]
    parts += stage.annotate(batch.slice(cut)).to_pylist()
    assert whole == parts
    assert all(row["score"] is None or 0 <= row["score"] <= 1 for row in whole)


def test_real_sentences_of_many_languages(test_data: Path) -> None:
    codes = {"eng_Latn": "en", "deu_Latn": "de", "kor_Hang": "ko", "fra_Latn": "fr"}
    codes |= {"jpn_Jpan": "ja", "rus_Cyrl": "ru", "arb_Arab": "ar", "tha_Thai": "th"}
    seen: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for code, text in flores_sentences(test_data, codes, per_language=100):
        seen[code] += 1
        right[code] += identify([text]).column("label")[0].as_py() == codes[code]
    assert set(seen.values()) == {100}
    assert min(right.values()) >= 95, dict(right)


def test_real_articles_are_kept_in_their_language_only(test_data: Path) -> None:
    english = lines_of(test_data / "wikipedia" / "en-0.jsonl.gz", "text", 200)
    korean = lines_of(test_data / "wikipedia" / "ko-0.jsonl.gz", "text", 200)
    stage = Language(keep={"en": 0.65})
    assert sum(kept(stage, english)) >= 190
    assert sum(kept(stage, korean)) <= 2


def test_thresholds_are_inclusive_and_per_language() -> None:
    english, german = (text for text, label in GOLDEN.items() if label in ("en", "de"))
    score = identify([english]).column("score")[0].as_py()
    assert kept(Language(keep={"en": score}), [english, german]) == [True, False]
    assert kept(Language(keep={"en": math.nextafter(score, 1)}), [english]) == [False]
    assert kept(Language(keep={"de": 0.5, "fr": 0.99}), [english, german]) == [False, True]
    assert kept(Language(keep={"en": 0.0}), [""]) == [False], "no language is none of the wanted"


def test_a_list_of_languages_has_the_usual_threshold() -> None:
    assert Language.model_validate({"keep": ["en", "de"]}).keep == {"en": 0.65, "de": 0.65}


def test_without_keep_nothing_is_removed() -> None:
    assert Language().rules() == ()
    assert [type(one) for one in Language(top_k=2).annotators()] == [LanguageIdentification]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"eng": 0.5}, "knows no language 'eng'; did you mean 'en'"),
        ({"EN": 0.5}, "did you mean 'en'"),
        (["kr"], "knows no language 'kr'; did you mean 'ko'"),
        (["klingon"], "It knows 176 codes"),
        ({}, "names no language"),
        ([], "names no language"),
        ({"en": 1.1}, "less than or equal to 1"),
        ({"en": -0.1}, "greater than or equal to 0"),
        ({"en": float("nan")}, "finite number"),
        ({"en": "0.5"}, "valid number"),
        ({"en": True}, "valid number"),
        ("en", "valid dictionary"),
        ([1], "valid dictionary"),
    ],
)
def test_wrong_wishes_are_explained(keep: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Language.model_validate({"keep": keep})


def test_a_missing_model_is_a_spec_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "lid.176.bin")
    stage = Language(keep={"en": 0.5}, model=missing)
    with pytest.raises(SpecError, match="no such file"):
        stage.models()


def test_another_model_by_path_brings_its_own_languages(tmp_path: Path) -> None:
    import fasttext

    training = tmp_path / "training.txt"
    lines = ["__label__klingon qapla tlhingan hol", "__label__elvish namarie elen sila"] * 50
    training.write_text("\n".join(lines) + "\n")
    model = fasttext.train_supervised(str(training), dim=4, epoch=20, thread=1, verbose=0, lr=1.0)
    path = tmp_path / "own.bin"
    model.save_model(str(path))
    stage = Language(keep={"klingon": 0.5}, model=str(path))
    assert kept(stage, ["tlhingan hol qapla", "elen sila"]) == [True, False]
    with pytest.raises(ValidationError, match="did you mean 'elvish'"):
        Language(keep={"elfish": 0.5}, model=str(path))


def test_a_file_that_is_no_model_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "own.bin"
    path.write_bytes(b"no model at all")
    with pytest.raises(ValidationError, match="not a fastText model"):
        Language(keep={"en": 0.5}, model=str(path))


def test_the_known_languages_are_those_of_the_model() -> None:
    from curate.stages.language import _load, _model_file

    found = _model_file("lid.176.ftz")
    labels, _counts = _load(found.path, found.sha256).getLabels("strict")
    assert tuple(sorted(label.removeprefix("__label__") for label in labels)) == LID_176_LANGUAGES


def test_the_stage_travels_to_workers() -> None:
    stage = Language(keep={"en": 0.65}, top_k=2)
    assert pickle.loads(pickle.dumps(stage)) == stage


def flores_sentences(
    folder: Path, codes: dict[str, str], per_language: int
) -> list[tuple[str, str]]:
    """(language code of FLORES, sentence), the first `per_language` of each."""
    count: Counter[str] = Counter()
    found: list[tuple[str, str]] = []
    with gzip.open(folder / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["language"] in codes and count[row["language"]] < per_language:
                count[row["language"]] += 1
                found.append((row["language"], row["text"]))
    return found
