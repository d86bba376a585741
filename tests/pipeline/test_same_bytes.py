"""Promise 1: the same bytes for any order, repetition, loss, batch size and kernel, and after a
crash anywhere.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

import curate.storage.store
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import (
    FAILPOINTS,
    Failpoints,
    SimulatedCrash,
    SimulatedExecutor,
)


def test_the_tiny_pipeline_is_large_enough_to_prove_anything(corpus: Path, tmp_path: Path) -> None:
    result = tiny.run(tiny.spec(corpus, tmp_path / "out"))
    assert sum(jobs for step, jobs in result.executed.items() if step.endswith(".1")) >= 20
    assert result.executed["exact_dedup.settle"] >= 8
    assert result.executed["exact_dedup.consolidate"] >= 2
    assert result.executed["crowded_openings.settle"] >= 12, "two phases, the second of fewer rows"
    assert result.executed["kindred.visit"] >= 8, "most shards have rows to visit"
    counts = {stage["name"]: stage for stage in result.record["stages"]}
    for name in (
        "language",
        "gopher_quality",
        "exact_dedup",
        "crowded_openings",
        "same_but_case",
        "kindred",
    ):
        assert counts[name]["removed"] > 0, name
    assert counts["kindred"]["exchange"]["iterations"] >= 3
    assert counts["read"]["quarantined"] > 5
    folders = {path.split("/")[0] for path in tiny.final_files(tmp_path / "out")}
    assert folders == {"documents", "removed", "quarantine", "tokenizer", "tokens", "index"}


@pytest.mark.parametrize("seed", range(2))
def test_same_bytes_for_any_order_repetition_and_loss(
    small_corpus: Path, small_reference: Path, tmp_path: Path, seed: int
) -> None:
    tiny.run(
        tiny.small_spec(small_corpus, tmp_path / "out"),
        SimulatedExecutor(seed=seed, twice=0.1, lost=0.1),
    )
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_same_bytes_for_thirty_more_orders(
    small_corpus: Path, small_reference: Path, tmp_path: Path, seed: int
) -> None:
    tiny.run(
        tiny.small_spec(small_corpus, tmp_path / "out"),
        SimulatedExecutor(seed=seed, twice=0.1, lost=0.2),
    )
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


def test_same_bytes_from_a_child_process(
    small_corpus: Path, small_reference: Path, tmp_path: Path
) -> None:
    tiny.run(tiny.small_spec(small_corpus, tmp_path / "out"), InlineExecutor())
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


@pytest.mark.parametrize("batch_bytes", [1024, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_same_bytes_for_any_batch_size(
    small_corpus: Path, small_reference: Path, tmp_path: Path, batch_bytes: int
) -> None:
    tiny.run(tiny.small_spec(small_corpus, tmp_path / "out", batch_bytes=batch_bytes))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


@pytest.mark.parametrize(
    "cuts",
    [
        {"exchange_partition_bytes": 1_000_000},
        {"exchange_fan_in": 2},
        pytest.param({"exchange_fan_in": 1000}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_same_bytes_for_any_cut_of_the_exchange(
    small_corpus: Path, small_reference: Path, tmp_path: Path, cuts: dict[str, int]
) -> None:
    tiny.run(tiny.small_spec(small_corpus, tmp_path / "out", **cuts))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


PORTABLE = """
import sys, tiny, pathlib
corpus, output = map(pathlib.Path, sys.argv[1:])
tiny.run(tiny.small_spec(corpus, output))
print(tiny.digest(output))
"""


def test_same_bytes_with_portable_kernels(
    small_corpus: Path, small_reference: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", PORTABLE, str(small_corpus), str(tmp_path / "out")]
    environment = os.environ | {"CURATE_KERNELS_PORTABLE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == tiny.digest(small_reference)


def crash_and_continue(corpus: Path, output: Path, crash: Failpoints) -> dict[str, int]:
    """A run that crashes, and the same command again; what the second one executed."""
    executor = SimulatedExecutor(seed=5, failpoint=crash)
    with pytest.raises(SimulatedCrash):
        tiny.run(tiny.small_spec(corpus, output), executor, crash)
    return tiny.run(tiny.small_spec(corpus, output), SimulatedExecutor(seed=6)).executed


@pytest.fixture(scope="module")
def passes(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How often every failpoint is passed in one run."""
    points = Failpoints()
    executor = SimulatedExecutor(seed=5, failpoint=points)
    tiny.run(
        tiny.small_spec(small_corpus, tmp_path_factory.mktemp("passes") / "out"), executor, points
    )
    assert set(points.passes) == set(FAILPOINTS), "a failpoint that nothing passes proves nothing"
    return dict(points.passes)


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("point", FAILPOINTS)
def test_same_bytes_after_a_crash_at_every_failpoint(
    small_corpus: Path,
    small_reference: Path,
    passes: dict[str, int],
    tmp_path: Path,
    point: str,
    place: str,
) -> None:
    on_pass = {"first": 1, "middle": passes[point] // 2, "last": passes[point]}[place]
    crash = Failpoints(point, on_pass)
    executed = crash_and_continue(small_corpus, tmp_path / "out", crash)
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)
    recorded = crash.passes["before_record"] - (1 if point == "before_record" else 0)
    assert sum(executed.values()) == passes["after_record"] - recorded, (
        "what was recorded did not run again"
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("most", [12, pytest.param(10**9, marks=pytest.mark.soak)])
@pytest.mark.parametrize("point", FAILPOINTS)
def test_same_bytes_after_a_crash_at_many_passes_of_every_failpoint(
    small_corpus: Path,
    small_reference: Path,
    passes: dict[str, int],
    tmp_path: Path,
    point: str,
    most: int,
) -> None:
    expected = tiny.final_files(small_reference)
    for on_pass in range(1, passes[point] + 1, max(1, passes[point] // most)):
        output = tmp_path / str(on_pass)
        crash_and_continue(small_corpus, output, Failpoints(point, on_pass))
        assert tiny.final_files(output) == expected, f"{point}, pass {on_pass}"


@pytest.mark.parametrize(
    "share", [0.3, 0.8, *(pytest.param(n / 40, marks=pytest.mark.slow) for n in range(1, 40))]
)
def test_same_bytes_after_a_crash_between_the_files_of_one_job(
    small_corpus: Path,
    small_reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    """The rename is the moment of publishing; a job publishes several files one after another."""
    real = os.replace
    counter = itertools.count(1)
    tiny.run(tiny.small_spec(small_corpus, tmp_path / "counted"))
    total = sum(1 for path in (tmp_path / "counted").rglob("*") if path.is_file())

    def replace(source: str, target: str) -> None:
        if next(counter) == int(total * share):
            raise SimulatedCrash("no power")
        real(source, target)

    monkeypatch.setattr(curate.storage.store.os, "replace", replace)
    with pytest.raises(SimulatedCrash):
        tiny.run(tiny.small_spec(small_corpus, tmp_path / "out"))
    monkeypatch.setattr(curate.storage.store.os, "replace", real)
    tiny.run(tiny.small_spec(small_corpus, tmp_path / "out"))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


def test_a_run_that_crashes_again_and_again_ends_with_the_same_bytes(
    small_corpus: Path, small_reference: Path, tmp_path: Path
) -> None:
    """A crash every ten publications; every start gets further."""
    for start in range(40):
        crash = Failpoints("after_publish", 20)
        try:
            executor = SimulatedExecutor(seed=start, failpoint=crash)
            tiny.run(tiny.small_spec(small_corpus, tmp_path / "out"), executor, crash)
            break
        except SimulatedCrash:
            continue
    else:
        pytest.fail("the run never got to its end")
    assert start > 3
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)
