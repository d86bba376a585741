from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import SpecError


@pytest.fixture
def tokenizer_file(tmp_path: Path) -> Path:
    names = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({name: n for n, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    path = tmp_path / "bytes.json"
    path.write_text(tokenizer.to_str())
    return path


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tokenizer", "eval", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_tokenizer_file_on_text_files(tmp_path: Path, tokenizer_file: Path) -> None:
    texts = tmp_path / "notes.jsonl"
    texts.write_text('{"text": "some \\u001b[31m text", "language": "en"}\n{"text": "more"}\n')
    output = call(
        str(tokenizer_file),
        "--texts",
        str(texts),
        "--against",
        str(tokenizer_file),
        "-o",
        str(tmp_path / "out"),
    )
    assert "bytes per token" in output
    assert "notes" in output
    assert "\x1b[31m" not in output
    assert (tmp_path / "out" / "tokenizer.html").is_file()
    found = json.loads(call(str(tokenizer_file), "--texts", str(texts), "--json"))
    assert found["tokenizers"][0]["texts"]["total"]["bytes_per_token"] == 1
    assert found == json.loads(json.dumps(found))


def test_nothing_to_measure_on_is_told(tokenizer_file: Path) -> None:
    with pytest.raises(SpecError, match="nothing to measure on"):
        call(str(tokenizer_file))
