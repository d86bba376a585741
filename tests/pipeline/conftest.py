"""What the tests of the engine share: the tiny pipeline, and stages that worker processes can
import.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
ON_PATH = [str(TESTS / "plugins"), str(TESTS / "pipeline"), str(TESTS.parent)]
sys.path[:0] = [path for path in ON_PATH if path not in sys.path]
os.environ["PYTHONPATH"] = os.pathsep.join([*ON_PATH, os.environ.get("PYTHONPATH", "")]).rstrip(
    os.pathsep
)

import tiny  # noqa: E402
from local_s3 import bucket, s3_endpoint  # noqa: E402

import curate.pipeline.driver  # noqa: E402

__all__ = ["bucket", "s3_endpoint"]


@pytest.fixture(autouse=True, scope="session")
def nothing_waits() -> Iterator[None]:
    """A simulated loss needs no rest, and a crash inside this process loses nothing that the kernel
    holds, so waiting for the disk proves nothing here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curate.pipeline.driver, "LOST_BACKOFF_SECONDS", 0.0)
        patch.setattr(curate.pipeline.driver, "POLL_SECONDS", 0.02)
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 2 MB of text in four sources."""
    return tiny.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with few documents; for `tiny.small_spec`."""
    return tiny.write_corpus(tmp_path_factory.mktemp("small"), tiny.SMALL)


@pytest.fixture(scope="session")
def small_reference(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output folder of an undisturbed run over `small_corpus`."""
    output = tmp_path_factory.mktemp("small_reference") / "out"
    tiny.run(tiny.small_spec(small_corpus, output))
    return output


@pytest.fixture
def finished(small_reference: Path, tmp_path: Path) -> Path:
    """A copy of the finished small run, to be damaged."""
    return Path(shutil.copytree(small_reference, tmp_path / "finished"))
