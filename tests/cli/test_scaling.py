"""`curate scaling`: from a corpus or a budget to a model and back, with the convention printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli.app import app

runner = CliRunner()


def answer(*arguments: str) -> dict[str, object]:
    result = runner.invoke(app, ["scaling", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.output)
    return found


def test_a_budget_gives_a_model_and_its_convention() -> None:
    laws = {row["law"]: row for row in answer("--flops", "5.76e23")["laws"]}
    assert laws["chinchilla"]["parameters"] == pytest.approx(67e9, rel=0.03)
    assert laws["kaplan"]["counts"] == "parameters without embeddings"
    printed = runner.invoke(app, ["scaling", "--flops", "5.76e23"]).output
    assert "all parameters, embeddings included" in printed


def test_a_corpus_that_does_not_suffice_says_how_often_it_is_seen() -> None:
    result = runner.invoke(app, ["scaling", "--tokens", "2B", "--parameters", "1B"])
    assert "the corpus does not suffice" in result.output
    found = answer("--tokens", "2B", "--flops", "1e20")
    assert found["repeated"]["epochs"] > 1
    assert found["worth"]["1"] == 2e9


def test_the_corpus_of_a_run(tmp_path: Path) -> None:
    tokens = {"train": {"web": {"tokens": 3_000_000}, "books": {"tokens": 1_000_000}}}
    record = {"format_version": 1, "rules": [], "tokens": tokens}
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert answer(str(tmp_path))["corpus_tokens"] == 4e6


def test_a_model_of_less_than_one_parameter_is_not_called_0() -> None:
    printed = runner.invoke(app, ["scaling", "--tokens", "4M"]).output
    kaplan = next(line for line in printed.splitlines() if line.startswith("kaplan"))
    assert "< 1" in kaplan


def test_the_papers_table_is_printed_beside_ours() -> None:
    result = runner.invoke(app, ["scaling", "--table"])
    assert "1.30e+28" in result.output
    assert len(answer("--table")["rows"]) == 9


@pytest.mark.parametrize(
    "arguments", [[], ["--tokens", "many"], ["--flops", "1e21", "--parameters", "1B"]]
)
def test_what_cannot_be_answered_is_refused(arguments: list[str]) -> None:
    assert runner.invoke(app, ["scaling", *arguments]).exit_code == 2
