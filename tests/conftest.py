"""What all tests share: the folder of real texts, and the guard against bare room names."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = tuple(
    sorted(
        link.name
        for link in (REPOSITORY / "curate").iterdir()
        if link.is_symlink() and link.resolve().parent == REPOSITORY
    )
)

# A busy machine makes single examples slow, which says nothing about the code. CI draws the same
# examples each time, so that what fails there is the change; every other run draws new ones.
settings.register_profile(
    "curate",
    deadline=None,
    print_blob=True,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("curate")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def rooms() -> tuple[str, ...]:
    """Names of the top-level folders that are parts of the package."""
    return ROOMS


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real texts: CURATE_TEST_DATA, by default ../shared/data beside the repository."""
    folder = Path(os.environ.get("CURATE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real texts at {folder}; set CURATE_TEST_DATA")
    return folder


SIZE_RATIO = 16
COST_RATIO = 64  # linear 16, quadratic 256; a byte of what leaves the caches costs up to 3 times
LEAST_SECONDS = 0.01  # of the part: below it is noise, and no quadratic cost ends near 64 times it
PASSES = 10


@pytest.fixture(scope="session")
def assert_linear_time() -> Callable[..., None]:
    """Function (work, make, size): fails when work(make(size)) costs more than its size grows.

    CPU time at `size` against a sixteenth of it, the least of some passes each: a bound in seconds
    would measure the machine and what else runs on it. Seconds are in benchmarks/hostile.
    """

    def cpu_seconds(work: Callable[[Any], object], given: Any) -> float:
        start = time.process_time()
        work(given)
        return time.process_time() - start

    def check(work: Callable[[Any], object], make: Callable[[int], Any], *, size: int) -> None:
        part, whole = make(size // SIZE_RATIO), make(size)
        part_seconds = max(LEAST_SECONDS, min(cpu_seconds(work, part) for _ in range(3)))
        whole_seconds = math.inf
        for _ in range(PASSES):
            whole_seconds = min(whole_seconds, cpu_seconds(work, whole))
            if whole_seconds <= COST_RATIO * part_seconds:
                return
        raise AssertionError(
            f"{SIZE_RATIO} times the size costs {whole_seconds / part_seconds:.0f} times the time: "
            f"{part_seconds:.3f} s and {whole_seconds:.3f} s"
        )

    return check


@pytest.fixture(scope="session")
def assert_linear_in_text(assert_linear_time: Callable[..., None]) -> Callable[..., None]:
    """Function (kernel, unit, size): `assert_linear_time` for a column of one document, in which
    `unit` is repeated up to `size` bytes.
    """

    def check(kernel: Callable[[Any], object], unit: str, *, size: int = 20_000_000) -> None:
        def column(part: int) -> pa.LargeStringArray:
            return pa.array([unit * (part // len(unit.encode()))], pa.large_string())

        assert_linear_time(kernel, column, size=size)

    return check


BARE_NAMES = "bare_names"
BARE_NAMES_OF_WORKERS: set[str] = set()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a test process found at its end (pytest-xdist)."""
    BARE_NAMES_OF_WORKERS.update(getattr(node, "workeroutput", {}).get(BARE_NAMES, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session when some code imported a room by its bare name: a second copy of it.

    The bare package alone does not count: `transformers` tries `from kernels import …` (a package
    of Hugging Face), finds our room in the working directory, and goes on without.
    """
    bare = {
        name
        for name, module in sys.modules.items()
        if name.partition(".")[0] in ROOMS
        and "." in name
        and str(getattr(module, "__file__", None) or "").startswith(str(REPOSITORY))
    }
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[BARE_NAMES] = sorted(bare)
        return
    bare |= BARE_NAMES_OF_WORKERS
    if bare:
        names = ", ".join(sorted(bare))
        print(f"\nimported by a bare name instead of curate.<room>: {names}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
