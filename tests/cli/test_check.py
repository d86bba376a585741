"""`curate check` says everything that is wrong, or what the file will do, and creates nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app as command
from curate.cli.app import app

GOOD = """\
name: tiny
output: out
sources:
  code: {format: text, kind: code, paths: [a.txt]}
stages:
  - gopher_quality
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("x")
    path = tmp_path / "pipeline.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_is_summed_up_with_warnings(file: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.exit_code == 0
    assert "stages     gopher_quality" in result.stdout
    assert "code (text, 1 file)" in result.stdout
    assert f"{file}:6: warning: stage 'gopher_quality' is made for web, forum" in result.stderr
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.txt", "pipeline.yaml"]


def test_json(file: Path) -> None:
    facts = json.loads(CliRunner().invoke(app, ["check", str(file), "--json"]).stdout)
    assert facts["ok"] is True
    assert len(facts["warnings"]) == 1
    assert facts["sources"] == {"code": {"format": "text", "files": 1}}
    result = CliRunner().invoke(app, ["check", str(file), "--json", "--set", "sed=3"])
    assert result.exit_code == 2
    facts = json.loads(result.stdout)
    assert facts["ok"] is False
    (error,) = facts["errors"]
    assert (error["override"], error["hint"]) == ("--set sed=3", "did you mean 'seed'?")


def test_an_output_that_cannot_be_made_is_found_before_the_run(file: Path) -> None:
    (file.parent / "taken").write_text("x")
    for output in ("taken", "taken/run"):
        result = CliRunner().invoke(
            app, ["check", str(file), "--json", "--set", f"output={output}"]
        )
        (error,) = json.loads(result.stdout)["errors"]
        assert error["message"] == f"output: {file.parent / 'taken'} is a file, not a folder"
        assert (result.exit_code, error["hint"]) == (2, "choose another folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_without_permission_is_found_before_the_run(file: Path) -> None:
    closed = file.parent / "closed"
    closed.mkdir(mode=0o555)
    result = CliRunner().invoke(app, ["check", str(file), "--json", "--set", "output=closed/run"])
    (error,) = json.loads(result.stdout)["errors"]
    assert error["message"].startswith(f"output: {closed} cannot be written")


def test_errors_leave_with_code_2(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(GOOD.replace("- gopher_quality", "- gopher_qualty"))
    monkeypatch.setattr("sys.argv", ["curate", "check", str(file)])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert f"{file}:6:5: unknown stage 'gopher_qualty'" in printed
    assert printed.endswith("1 error; nothing was written.\n")
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.txt", "pipeline.yaml"]
