"""The Ray executor: same bytes as without Ray; crashed workers and dead machines cost time, never
results.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from curate_test_commands import environment, events
from curate_test_failures import FailsAtFirst
from curate_test_stages import Fragile
from curate_test_stages.fragile import EXIT

from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.spec.model import PipelineSpec
from curate.tokenizer.mixture.config import MixtureConfig


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_same_bytes_for_any_number_of_workers(
    shared_ray, small_corpus, inline_files, tmp_path, workers
):
    from curate.pipeline.executors.ray import RayExecutor

    output = tmp_path / "out"
    executor = RayExecutor(workers)
    assert executor.slots == workers and executor.capacity() == workers
    result = tiny.run(mixed(small_corpus, output), executor)
    assert tiny.final_files(output) == inline_files
    assert result.record["executor"] == {"name": "ray", "slots": workers}
    again = tiny.run(mixed(small_corpus, output), RayExecutor(workers))
    assert again.executed == {}


SMALL = 60


def mixed(corpus: Path, output: Path) -> PipelineSpec:
    """All that a run can make: a mixture, too."""
    weights = {"web": 2, "wiki": 1, "books": 1, "table": 1}
    return replace(tiny.spec(corpus, output, SMALL), mixture=MixtureConfig(weights=weights))


@pytest.fixture(scope="module")
def inline_files(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("inline") / "out"
    tiny.run(mixed(small_corpus, output), InlineExecutor())
    return tiny.final_files(output)


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_exits_is_tried_again_fast_and_then_carefully(
    shared_ray, troubled, tmp_path, times
):
    from curate.pipeline.executors.ray import RayExecutor

    undisturbed, output = tmp_path / "undisturbed", tmp_path / "out"
    calm = troubled(undisturbed, FailsAtFirst(attempts=str(tmp_path / "none"), times=0))
    tiny.run(calm, InlineExecutor())
    result = tiny.run(
        troubled(output, FailsAtFirst(attempts=str(tmp_path / "attempts"), times=times)),
        RayExecutor(),
    )
    crashes = [event for event in events(output) if event["event"] == "worker_crashed"]
    assert [event["careful"] for event in crashes] == [False, True][:times]
    assert {event["step"] for event in crashes} == {"web.1"}
    assert tiny.final_files(output) == tiny.final_files(undisturbed)
    assert result.record["totals"]["decisions"] == 0


def test_a_crash_among_jobs_that_share_a_task_is_told_of_the_guilty_one_only(
    shared_ray, troubled, tmp_path, monkeypatch
):
    from curate.pipeline.executors.groups import JobGroups
    from curate.pipeline.executors.ray import RayExecutor

    sizes = []
    take = JobGroups.take

    def recorded(groups):
        taken = take(groups)
        sizes.append(len(taken))
        return taken

    monkeypatch.setattr(JobGroups, "take", recorded)
    monkeypatch.setattr("curate.pipeline.executors.groups.GROUP_SECONDS", 1e9)  # on any machine
    undisturbed, output = tmp_path / "undisturbed", tmp_path / "out"
    calm = troubled(undisturbed, FailsAtFirst(attempts=str(tmp_path / "none"), times=0))
    tiny.run(calm, RayExecutor(1))
    assert max(sizes) > 1, "short jobs travel together"
    stage = FailsAtFirst(attempts=str(tmp_path / "attempts"), times=3)
    tiny.run(troubled(output, stage), RayExecutor(1))
    crashes = [event for event in events(output) if event["event"] == "worker_crashed"]
    assert [event["careful"] for event in crashes] == [False, True]
    assert tiny.final_files(output) == tiny.final_files(undisturbed)


def test_a_document_that_always_kills_its_worker_is_given_up_alike_under_ray_and_inline(
    shared_ray, tmp_path, troubled, marked_texts
):
    from curate.pipeline.executors.ray import RayExecutor

    bad = marked_texts / "c.jsonl"
    bad.write_text(json.dumps({"text": f"Good words before it. {EXIT}. And after it."}) + "\n")
    try:
        for name, executor in (("ray", RayExecutor()), ("inline", InlineExecutor())):
            result = tiny.run(troubled(tmp_path / name, Fragile()), executor)
            assert result.record["totals"]["decisions"] == 1
            assert result.record["totals"]["quarantined"] == 1
    finally:
        bad.unlink()
    assert tiny.final_files(tmp_path / "ray") == tiny.final_files(tmp_path / "inline")
    (decision,) = (tmp_path / "ray" / "decisions.jsonl").read_text().splitlines()
    assert json.loads(decision)["id"] == "web/c.jsonl#0"
    assert (tmp_path / "inline" / "decisions.jsonl").read_text().splitlines() == [decision]


def test_jobs_of_a_machine_that_dies_run_elsewhere(troubled, tmp_path):
    undisturbed, output = tmp_path / "undisturbed", tmp_path / "out"
    calm = troubled(undisturbed, FailsAtFirst(attempts=str(tmp_path / "none"), times=0))
    tiny.run(calm, InlineExecutor())
    lost = troubled(output, FailsAtFirst(attempts=str(tmp_path / "attempts"), how="linger"))
    cluster = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("machine_that_dies.py"))],
        input=json.dumps(
            {"output": lost.output, "texts": lost.folder, "attempts": str(tmp_path / "attempts")}
        ),
        env=environment(
            RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="1" * 32, RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert cluster.returncode == 0, cluster.stderr[-4000:]
    assert [event for event in events(output) if event["event"] == "worker_lost"]
    assert not [event for event in events(output) if event["event"] == "worker_crashed"]
    assert tiny.final_files(output) == tiny.final_files(undisturbed)


def test_without_a_ray_the_executor_says_what_to_do():
    program = "from curate.pipeline.executors.ray import RayExecutor\nRayExecutor()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no Ray is running: call ray.init() first" in done.stderr


def test_only_the_command_line_starts_ray(repository, rooms):
    """`ray.init`, by any name, and Ray's start-up variables occur nowhere in the library."""
    calls = []
    for room in rooms:
        for path in sorted((repository / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                if named and (node.value.id, node.attr) in {("ray", "init"), ("ray", "shutdown")}:
                    calls.append(f"{path.relative_to(repository)}:{node.lineno}")
                if (
                    isinstance(node, ast.ImportFrom)
                    and node.module == "ray"
                    and any(a.name in ("init", "*") for a in node.names)
                ):
                    calls.append(f"{path.relative_to(repository)}:{node.lineno}")
    assert not calls
