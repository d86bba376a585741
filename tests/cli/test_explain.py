from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.dashboards.run_folder import build_run, document, english
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import DataError, SpecError

PIPELINE = """
name: explained
output: run
sources:
  notes: {format: text, paths: ["*.txt"]}
stages:
  - gopher_quality
"""


def test_explain_prints_a_line_per_rule_as_a_table(tmp_path):
    url = build_run(tmp_path, english(100))
    result = CliRunner().invoke(app, ["explain", url, "web/part-0.jsonl#100"])
    assert result.stdout.splitlines() == [
        "doc web/part-0.jsonl#100  →  removed by quality.word_count",
        "  language.score             en 0.98      ≥ 0.65   kept",
        "  quality.word_count               3   5 … 1,000   removed here",
        "  quality.mean_word_length         5      3 … 10   would be kept",
        "  quality.hash_ratio               0       ≤ 0.1   would be kept",
        "  exact_dedup.duplicate            –         ≤ 0   not measured",
        "  other signals",
        "    language.label   en",
        '  text  "word7 word8 word9" (17 characters; `--text` prints it)',
    ]


def test_explain_prints_the_whole_text_with_control_characters_shown(tmp_path):
    text = "one two three four\x1b]0;title\x07 five\nsix seven"
    url = build_run(tmp_path, [document(text)])
    result = CliRunner().invoke(app, ["explain", url, "web/part-0.jsonl#0", "--text"])
    assert result.stdout.startswith("doc web/part-0.jsonl#0  →  kept\n")
    assert "four[U+001B]]0;title[U+0007] five\nsix seven" in result.stdout


def test_the_number_of_a_cluster_is_not_shown_as_a_measurement(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE.replace("  - gopher_quality", "  - exact_dedup"))
    (tmp_path / "a.txt").write_text("a text")
    arguments = ["--pipeline", str(tmp_path / "p.yaml"), "--text-file", str(tmp_path / "a.txt")]
    result = CliRunner().invoke(app, ["explain", *arguments])
    assert "needs a run" in result.stdout
    assert "cluster" not in result.stdout and "None" not in result.stdout


def test_explain_as_json(tmp_path):
    url = build_run(tmp_path, english(100))
    result = CliRunner().invoke(app, ["explain", url, "web/part-0.jsonl#100", "--json"])
    found = json.loads(result.stdout)
    assert (found["outcome"], found["stage"], found["rule"]) == ("removed", "quality", "word_count")
    assert found["rules"][1]["verdict"] == "removed here"


def test_an_unknown_id_leaves_with_code_1_and_the_nearest_ids(tmp_path):
    url = build_run(tmp_path, english(100))
    command = [sys.executable, "-m", "curate", "explain", url, "web/part-0.jsonl#101"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "nearest ids:\n  web/part-0.jsonl#100\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_text_file_is_explained_by_a_pipeline_file(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "page.txt").write_text("only four words here")
    arguments = ["--pipeline", str(tmp_path / "pipeline.yaml"), "--text-file"]
    result = CliRunner().invoke(app, ["explain", *arguments, str(tmp_path / "page.txt")])
    assert result.exit_code == 0, result.output
    assert "→  removed by gopher_quality.word_count" in result.stdout
    assert not (tmp_path / "run").exists()
    standard = CliRunner().invoke(app, ["explain", *arguments, "-"], input="only four words here")
    assert standard.stdout == result.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ([], SpecError, "give RUN and DOCUMENT_ID"),
        (["run"], SpecError, "give RUN and DOCUMENT_ID"),
        (["run", "id", "--pipeline", "pipeline.yaml"], SpecError, "not both"),
        (["--pipeline", "pipeline.yaml"], SpecError, "needs --text-file"),
        (["--pipeline", "pipeline.yaml", "--text-file", "none.txt"], SpecError, "No such file"),
        (
            ["--pipeline", "pipeline.yaml", "--text-file", "bad.txt"],
            DataError,
            "byte 2 is no UTF-8",
        ),
    ],
)
def test_wrong_usage_is_said_plainly(tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "bad.txt").write_bytes(b"ab\xff")
    result = CliRunner().invoke(app, ["explain", *arguments])
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
