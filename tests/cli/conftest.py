"""What the tests of the command share: a small real project, and one finished run of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    path for path in (str(TESTS / "plugins"), str(TESTS / "pipeline")) if path not in sys.path
]

import curate_test_commands  # noqa: E402
import tiny  # noqa: E402


@dataclass(frozen=True)
class FinishedRun:
    """An undisturbed inline `curate run` of `pipeline.yaml` that kept all intermediates."""

    project: Path
    output: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts and `pipeline.yaml`."""
    folder = tiny.write_corpus(tmp_path_factory.mktemp("project"), 220)
    (folder / "pipeline.yaml").write_text(curate_test_commands.PIPELINE)
    return folder


@pytest.fixture(scope="session")
def finished(project: Path) -> FinishedRun:
    """Leave its output folder as it is; copy it to change it."""
    process = curate_test_commands.curate(
        "run",
        "pipeline.yaml",
        "--executor",
        "inline",
        "--set",
        "keep_intermediates=all",
        cwd=project,
    )
    assert process.returncode == 0, process.stderr
    return FinishedRun(project, project / "out", process)
