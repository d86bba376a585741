"""`curate calibrate` writes a profile that a run then uses, and a run tells of other languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.stages.profiles import load

PIPELINE = """\
name: tiny
output: out
sources:
  human: {format: jsonl, paths: [human.jsonl]}
stages:
  - gopher_quality: {PROFILE}
"""
GERMAN = "Der Hund lief über die große Wiese und sah den alten Mann am Fluss {} stehen. "
FRENCH = "Le chien traversait le grand pré et voyait le vieil homme devant la maison {} rouge. "
ENGLISH = "The dog that they have ran over the field to be with the old man of {} houses. "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with (tmp_path / "human.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(12):
            for language, sentence in (("de", GERMAN), ("en", ENGLISH)):
                text = sentence.format(number) * (3 + number if language == "de" else 8)
                lines.write(json.dumps({"text": text, "lang": language}) + "\n")
        lines.write(json.dumps({"text": FRENCH.format(1) * 8, "lang": "fr"}) + "\n")
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE.replace("{PROFILE}", "{}"), encoding="utf-8")
    return path


def calibrate(file: Path, *options: str) -> list[str]:
    return ["calibrate", str(file), "--reference", "human", "--language-field", "lang", *options]


def test_a_profile_is_written_and_read(file: Path) -> None:
    target = file.parent / "profile.toml"
    options = ("--output", str(target), "--low", "0", "--high", "1")
    result = CliRunner().invoke(app, calibrate(file, *options))
    assert result.exit_code == 0, result.output
    assert "2 languages" in result.stdout
    tables = load(str(target)).filters["gopher_quality"]
    assert tables["word_count"].low == {"de": 48.0}
    assert tables["stop_words"].low == {"de": 0.0}
    assert load(str(target)).languages == ("de", "en")


@pytest.mark.parametrize("exchange", ["line_dedup", "substring_dedup", "exact_dedup"])
def test_exchanges_of_the_pipeline_are_skipped(file: Path, exchange: str) -> None:
    alone = CliRunner().invoke(app, calibrate(file, "--json")).stdout
    file.write_text(file.read_text().replace("stages:", f"stages:\n  - {exchange}"))
    result = CliRunner().invoke(app, calibrate(file, "--json"))
    assert result.exit_code == 0 and result.stdout == alone


def test_json_is_the_profile(file: Path) -> None:
    result = CliRunner().invoke(app, calibrate(file, "--method", "mean_sd", "--json"))
    profile = json.loads(result.stdout)
    assert profile["method"].startswith("mean_sd")
    assert set(profile["filters"]) == {"gopher_quality"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--reference", "web"), "sources are: human"),
        (("--language-field", "tongue"), "no record has this field"),
        (("--filter", "c4"), "no filter to calibrate named c4"),
        (("--method", "median_ratio", "--reference-language", "fr"), "10 documents in 'fr'"),
        (("--low", "0.9", "--high", "0.1"), "quantiles"),
    ],
)
def test_errors_say_what_to_change(file: Path, options: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, calibrate(file, *options))
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_a_run_tells_once_of_languages_that_the_profile_does_not_know(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    CliRunner().invoke(app, calibrate(file, "--output", "profile.toml"))
    text = PIPELINE.replace("{PROFILE}", "{profile: profile.toml}")
    text = text.replace("stages:", "stages:\n  - language")
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(file), "--executor", "inline", "--no-report"])
    assert result.exit_code == 0, result.output
    record = json.loads((file.parent / "out" / "run.json").read_text(encoding="utf-8"))
    (warning,) = record["warnings"]
    assert warning.startswith("stage 'gopher_quality': 1 documents are in languages")
    assert warning.endswith("fr 1")


def test_a_run_tells_once_of_documents_whose_words_nobody_knows(file: Path) -> None:
    tai_le = json.dumps({"text": "ᥖᥭᥰᥖᥬᥳ" * 50})
    (file.parent / "human.jsonl").write_text(f"{tai_le}\n" * 3, encoding="utf-8")
    text = (
        PIPELINE.replace("{PROFILE}", "{}") + "  - fineweb_quality: {min_sentence_end_lines: 0}\n"
    )
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(file), "--executor", "inline", "--no-report"])
    assert result.exit_code == 0, result.output
    record = json.loads((file.parent / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["totals"]["kept"] == 3
    (warning,) = record["warnings"]
    assert warning.startswith("3 documents have no known words")
