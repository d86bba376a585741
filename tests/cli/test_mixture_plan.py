"""`curate mixture plan`: what a change of weight moves, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curate.cli.app import app

runner = CliRunner()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 9 M tokens web and 1 M tokens books, each seen once."""
    tokens = {
        "train": {
            "web": {"documents": 9000, "tokens": 9_000_000, "text_bytes": 36_000_000},
            "books": {"documents": 10, "tokens": 1_000_000, "text_bytes": 4_000_000},
        }
    }
    record = {"format_version": 1, "rules": [], "tokens": tokens}
    (tmp_path / "run.json").write_text(json.dumps(record))
    return tmp_path


def planned(*arguments: str) -> dict[str, Any]:
    result = runner.invoke(app, ["mixture", "plan", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_weights_are_compared_with_what_the_run_has(run: Path) -> None:
    found = planned(str(run), "--weights", "web=0.7,books=0.3")
    web, books = found["sources"]
    assert (web["tokens"], books["tokens"]) == (7_000_000, 3_000_000)
    assert books["repeats"] == "3"
    assert web["repeats"] == "77.8% once"
    assert web["moved"]
    printed = runner.invoke(app, ["mixture", "plan", str(run), "--weights", "web=7,books=3"])
    assert "3.00" in printed.stdout
    assert "moves" in printed.stdout


def test_absolute_tokens_move_one_source(run: Path) -> None:
    web, books = planned(str(run), "--tokens", "books=2500000")["sources"]
    assert not web["moved"]
    assert books["repeats"] == "2, 50.0% once more"


def test_the_file_and_the_plan_of_its_run(run: Path) -> None:
    (run / "in.jsonl").write_text("")
    file = run / "pipeline.yaml"
    file.write_text(
        f"""\
name: small
output: {run}
sources:
  web: {{format: jsonl, paths: [in.jsonl]}}
  books: {{format: jsonl, paths: [in.jsonl]}}
stages: [exact_dedup]
tokenizer: {{vocab_size: 512}}
mixture: {{weights: {{web: 0.5, books: 0.5}}}}
pack: {{}}
"""
    )
    assert planned(str(file))["tokens"] == 8_000_000  # four epochs of books, and as much of web
    stratum = {"language": None, "factor": [1, 1], "domain": None}
    content = {
        "mixture": {},
        "sources": {"web": {"tokens": 4_000_000}, "books": {"tokens": 4_000_000}},
        "strata": [
            {**stratum, "source": "web", "documents": 9000, "tokens": 9_000_000},
            {**stratum, "source": "books", "documents": 10, "tokens": 1_000_000},
        ],
    }
    (run / "tokens" / "train").mkdir(parents=True)
    (run / "tokens" / "train" / "mixture.json").write_text(json.dumps(content))
    assert not any(source["moved"] for source in planned(str(file))["sources"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "web=0.7,boks=0.3"], "source 'boks' is not defined"),
        (["--weights", "web=0.7,books=0.2"], "mixture: weights: weights add up to 0.9"),
        (["--weights", "web=1"], "source 'books' has no weight"),
        (["--tokens", "80_000_000"], "allows at most 40,000,000"),
    ],
)
def test_what_the_tokens_do_not_give_is_refused(
    run: Path, arguments: list[str], message: str
) -> None:
    result = runner.invoke(app, ["mixture", "plan", str(run), *arguments])
    assert message in str(result.exception)
    assert getattr(result.exception, "exit_code", None) == 2


def test_numbers_that_are_none_are_refused(run: Path) -> None:
    for text in ("web", "web=x", "web=1,web=2"):
        assert runner.invoke(app, ["mixture", "plan", str(run), "--weights", text]).exit_code == 2


def test_a_run_without_tokens_says_so(run: Path) -> None:
    (run / "run.json").write_text(json.dumps({"format_version": 1, "rules": [], "tokens": None}))
    result = runner.invoke(app, ["mixture", "plan", str(run)])
    assert "there are no tokens yet" in str(result.exception)


@pytest.mark.parametrize("number", ["nan", "inf", "web=nan", "web=-inf"])
def test_numbers_that_are_none_are_a_usage_error(run: Path, number: str) -> None:
    found = runner.invoke(app, ["mixture", "plan", str(run), "--tokens", number])
    assert found.exit_code == 2, found.output
    assert "is not finite" in found.output
