from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

import curate
from curate.cli import app as command_line
from curate.models import catalogue
from curate.pipeline import health


def doctor(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command_line.app, ["doctor", *arguments])
    return result.exit_code, result.output


def test_the_table_names_every_group_and_ends_with_the_counts() -> None:
    _code, output = doctor()
    for word in ("python", "ray", "pyarrow", "lid.176.ftz", "memory", "disk", "open files"):
        assert word in output
    assert output.rstrip().splitlines()[-1].endswith("failed")


def test_json_says_the_same_and_the_exit_code_follows() -> None:
    code, output = doctor("--json")
    report = json.loads(output)
    failed = [one for one in report["findings"] if one["status"] == "fail"]
    assert (code, report["ready"]) == ((1, False) if failed else (0, True))
    assert {one["status"] for one in report["findings"]} <= {"ok", "warn", "fail"}


def test_every_trouble_has_a_remedy_and_nothing_else_has() -> None:
    for finding in health.examine():
        assert bool(finding.remedy) == (finding.status != "ok"), finding


def test_a_missing_packaged_model_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "PACKAGED_FOLDER", tmp_path)
    monkeypatch.delenv(catalogue.MODELS_VARIABLE, raising=False)
    code, output = doctor("--json")
    (finding,) = (one for one in json.loads(output)["findings"] if one["name"] == "lid.176.ftz")
    assert code == 1
    assert finding["status"] == "fail"
    assert "install curate again" in finding["remedy"]


def test_a_swapped_optional_model_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lid.176.bin").write_bytes(b"something else")
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path))
    findings = {finding.name: finding for finding in health.check_models()}
    assert findings["lid.176.bin"].status == "fail"
    assert findings["lid.176.ftz"].status == "ok"


def test_a_second_fasttext_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "fasttext_predict-0.9.2.4.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fasttext-predict\nVersion: 0.9.2.4\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (finding,) = health.check_fasttext()
    assert finding.status == "fail"
    assert "fasttext-predict 0.9.2.4" in finding.found


def test_little_disk_is_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, status in ((100 * health.GIB, "ok"), (5 * health.GIB, "warn"), (10**6, "fail")):
        monkeypatch.setattr(health.shutil, "disk_usage", lambda _, f=free: usage(f, 0, f))
        assert {one.status for one in health.check_disk(str(tmp_path))} == {status}


def test_a_run_folder_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    finding = next(health.check_disk(str(tmp_path / "not" / "yet")))
    assert finding.found.endswith(str(tmp_path))


def test_few_open_files_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.resource, "getrlimit", lambda _: (256, 1024))
    (finding,) = health.check_open_files()
    assert (finding.status, finding.found) == ("warn", "256 (at most 1,024)")
    unlimited = resource.RLIM_INFINITY
    monkeypatch.setattr(health.resource, "getrlimit", lambda _: (1024, unlimited))
    (finding,) = health.check_open_files()
    assert finding.status == "ok"


def test_help_version_and_wrong_usage() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "curate", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("--version").stdout == f"curate {curate.__version__}\n"
    assert run("nonsense").returncode == 2
    assert "doctor" in run("--help").stdout
