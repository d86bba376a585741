"""The command `curate tokenizer extend`, on files and on a run folder."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from tests.dashboards.run_folder import build_run, english
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import CurateError, DataError, SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.bpe import train_bpe
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.trained import tokenizer_config

KOREAN = "한국어 문장은 띄어쓰기로 단어를 나눈다. 토큰은 바이트에서 배운다. "


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder as a run or Hugging Face writes it."""
    folder = tmp_path / "base"
    folder.mkdir()
    config = TokenizerConfig(vocab_size=300)
    texts = pa.array(["Words of the base, and more words of it."], pa.large_string())
    trained = train_bpe(count_texts([texts], config), config)
    (folder / "tokenizer.json").write_bytes(trained.tokenizer_json)
    (folder / "tokenizer_config.json").write_bytes(tokenizer_config(config))
    return folder


@pytest.fixture
def korean(tmp_path: Path) -> Path:
    path = tmp_path / "korean.jsonl"
    rows = [{"text": f"{number} {KOREAN * 5}"} for number in range(120)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["tokenizer", "extend", *map(str, arguments)])
    if isinstance(result.exception, CurateError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_gain_on_held_out_texts_is_printed_and_kept(
    tmp_path: Path, base: Path, korean: Path
) -> None:
    kept = build_run(tmp_path / "run", english(100))
    output = tmp_path / "longer"
    common = (base, "--texts", korean, "--old-texts", kept, "--add", "40", "-o", output)
    report = json.loads(run(*common, "--json"))
    assert report == json.loads((output / "extension.json").read_text())
    assert report["added_tokens"] == 40 and report["measured_on"] == "held-out"
    new, old = report["new_texts"], report["old_texts"]
    assert 1 <= new["documents"] <= 20
    assert new["bytes_per_token_after"] > 2 * new["bytes_per_token_before"]
    assert old["tokens_after"] <= old["tokens_before"] and old["documents"] > 1
    assert (output / "tokenizer_config.json").read_bytes() == (
        base / "tokenizer_config.json"
    ).read_bytes()
    first = (output / "tokenizer.json").read_bytes()
    printed = run(*common)
    assert "40 tokens added, ids " in printed and "new texts, held-out" in printed
    assert (output / "tokenizer.json").read_bytes() == first


def test_a_text_too_short_to_hold_out_is_measured_as_it_is(tmp_path: Path, base: Path) -> None:
    text = tmp_path / "one.txt"
    text.write_text(KOREAN * 3, encoding="utf-8")
    report = json.loads(run(base, "--texts", text, "--add", "5", "-o", tmp_path / "o", "--json"))
    assert report["measured_on"] == "training" and report["old_texts"] is None


@pytest.mark.parametrize(
    ("place", "texts", "error", "message"),
    [
        ("nothing.json", "korean.jsonl", SpecError, "no tokenizer.json"),
        ("base", "a.pdf", SpecError, "end in .parquet, .jsonl or .txt"),
        ("base", "missing.txt", SpecError, "missing.txt"),
        ("base", "nowhere", SpecError, "a run folder, or files"),
        ("base", "bad.txt", DataError, "not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_written(
    tmp_path: Path,
    base: Path,
    korean: Path,
    place: str,
    texts: str,
    error: type[CurateError],
    message: str,
) -> None:
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    with pytest.raises(error, match=message):
        run(tmp_path / place, "--texts", tmp_path / texts, "--add", "5", "-o", tmp_path / "longer")
    assert not (tmp_path / "longer").exists()
