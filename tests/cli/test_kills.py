"""The command is killed in every way, and continues: same bytes as undisturbed, nothing that was
finished is done again.
"""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
import tiny
from curate_test_commands import (
    Command,
    assert_nothing_was_done_twice,
    command_line,
    descendants,
    events,
    finished_shards,
    wait_until_gone,
)

RUN = ("run", "pipeline.yaml", "--no-report")
INLINE = (*RUN, "--executor", "inline")


def _jobs(output: Path) -> int:
    return sum(event["event"] == "shard_done" for event in events(output))


def _kill_until_done(kills: int, finished, tmp_path: Path, seed: str) -> None:
    """Kill `kills` drivers at drawn shards; a run that gets to its end first is compared, and
    another one begun.
    """
    drawn, jobs, orphans = random.Random(seed), _jobs(finished.output), set[int]()
    expected = tiny.final_files(finished.output)
    runs, killed = 0, 0
    output = tmp_path / "out-0"
    while True:
        command = Command(*INLINE, cwd=finished.project, output=output)
        if killed < kills:
            wanted = drawn.randint(1, max(2, jobs // 3))
            if command.wait_for(finished_shards(wanted)):
                orphans |= descendants(command.process.pid)
                command.process.kill()
                killed += 1
                command.end()
                continue
        assert command.end() == 0, command.output()
        assert tiny.final_files(output) == expected
        assert_nothing_was_done_twice(output)
        if killed == kills:
            break
        runs += 1
        output = tmp_path / f"out-{runs}"
    assert not wait_until_gone(orphans, 5), "workers of a killed driver end by themselves"


def test_three_sigkills_of_the_driver(finished, tmp_path):
    _kill_until_done(3, finished, tmp_path, "three")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_many_sigkills_of_the_driver(finished, tmp_path, kills):
    _kill_until_done(kills, finished, tmp_path, f"{kills}")


def test_sigkill_of_an_inline_worker_costs_one_job(finished, tmp_path):
    output = tmp_path / "out"
    command = Command(*INLINE, cwd=finished.project, output=output)
    assert command.wait_for(finished_shards(3))
    for pid in descendants(command.process.pid):
        if "spawn_main" in command_line(pid):
            _kill(pid)
    assert command.end() == 0, command.output()
    assert "worker crashed" in command.output() and "SIGKILL" in command.output()
    assert tiny.final_files(output) == tiny.final_files(finished.output)
    assert_nothing_was_done_twice(output)


def test_under_ray_workers_raylet_and_driver_are_killed_in_turn(finished, tmp_path):
    output = tmp_path / "out"
    arguments = (*RUN, "--workers", "2")
    jobs = _jobs(finished.output)

    first = Command(*arguments, cwd=finished.project, output=output)
    assert first.wait_for(finished_shards(jobs // 8))
    _kill_named(first, "ray::_execute", "ray::IDLE")
    assert first.wait_for(finished_shards(jobs // 4)), (
        f"a run outlives its workers\n{first.output()}"
    )
    family = _workers_and_servers(first)
    _kill_named(first, "/raylet/raylet")
    assert first.end() == 1, first.output()
    assert "the same command continues" in first.output() and "Traceback" not in first.output(), (
        first.output()
    )
    assert not wait_until_gone(family)

    second = Command(*arguments, cwd=finished.project, output=output)
    assert second.wait_for(finished_shards(jobs // 8)), second.output()
    family = _workers_and_servers(second)
    second.process.kill()
    second.end()
    assert not wait_until_gone(family), "Ray ends with its driver"

    third = Command(*INLINE, cwd=finished.project, output=output)
    assert third.end() == 0, third.output()
    assert tiny.final_files(output) == tiny.final_files(finished.output)
    assert_nothing_was_done_twice(output)


def _workers_and_servers(command: Command) -> set[int]:
    """Ray's processes below the command, without its two idle agents: they ask a dead server for
    another minute.
    """
    agents = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
    return {
        pid for pid in descendants(command.process.pid) if not command_line(pid).startswith(agents)
    }


def _kill_named(command: Command, *names: str) -> None:
    lines = {pid: command_line(pid).partition(" ")[0] for pid in descendants(command.process.pid)}
    pids = [pid for pid, line in lines.items() if any(name in line for name in names)]
    assert pids, f"no process {names} below the command: {lines}"
    for pid in pids:
        _kill(pid)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
