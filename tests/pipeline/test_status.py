"""Status: what the events and the lease say about a run that goes on, ended or was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.run_folder import build_run, english

from curate.pipeline.run_folder import RunFolder
from curate.pipeline.status import run_status

NOW = 1_800_000_000.0


def write_events(folder: Path, *events: dict[str, Any]) -> None:
    lines = [json.dumps({"time": NOW - 100, **event}) for event in events]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")


def write_lease(folder: Path, age_s: float) -> None:
    lease = {"host": "somewhere", "pid": 42, "started": NOW - 500, "heartbeat": NOW - age_s}
    (folder / "run.lock").write_text(json.dumps(lease))


def shard(step: str, done: int, at: float) -> dict[str, Any]:
    return {
        "event": "shard_done",
        "step": step,
        "done": done,
        "total": 10,
        "rows": 100,
        "kept": 40,
        "bytes": 1000,
        "removed": {},
        "time": NOW - 100 + at,
    }


@pytest.fixture
def running(tmp_path: Path) -> Path:
    build_run(tmp_path, english(20), status="running", finished=None)
    write_events(
        tmp_path,
        {"event": "run_started", "time": NOW - 900},
        {"event": "worker_crashed", "step": "web.read", "reason": "of the last start"},
        {"event": "run_started"},
        {"event": "step_started", "step": "web.read", "done": 2, "total": 3},
        {"event": "step_done", "step": "web.read", "total": 3},
        {"event": "step_started", "step": "web.1", "done": 4, "total": 10},
        shard("web.1", 5, 10),
        shard("web.1", 6, 20),
        {"event": "worker_lost", "step": "web.1", "reason": "node died"},
    )
    write_lease(tmp_path, age_s=3)
    return tmp_path


def test_a_running_run_says_steps_rates_and_time_to_the_end(running):
    found = run_status(RunFolder(str(running)), now=NOW)
    assert (found.status, found.heartbeat_age_s, found.seconds) == ("running", 3, 100)
    read, first = found.steps
    assert (read.done, read.total, read.finished, read.eta_seconds()) == (3, 3, True, None)
    assert (first.done, first.total, first.rows, first.kept) == (6, 10, 200, 80)
    assert first.rows_per_second() == pytest.approx(10)
    assert first.bytes_per_second() == pytest.approx(100)
    assert first.eta_seconds() == pytest.approx(40)
    assert [event["reason"] for event in found.trouble] == ["node died"]


def test_damaged_events_are_passed_over(running):
    sound = run_status(RunFolder(str(running)), now=NOW)
    with (running / "events.jsonl").open("a") as file:
        file.write('{"event": "shard_done", "step": "web.1", "tmie": 5}\n')
        file.write('{"event": "step_done", "step": "web.1", "total": 10, "time": "x"}\n[]\n{"eve')
    assert run_status(RunFolder(str(running)), now=NOW) == sound


def test_a_run_without_a_heartbeat_was_interrupted(running):
    write_lease(running, age_s=600)
    found = run_status(RunFolder(str(running)), now=NOW)
    assert found.status == "interrupted"
    assert "host somewhere, process 42" in found.next
    assert "600 s ago" in found.next
    (running / "run.lock").unlink()
    found = run_status(RunFolder(str(running)), now=NOW)
    assert (found.status, found.heartbeat_age_s) == ("interrupted", None)
    assert "same `curate run` command continues" in found.next


@pytest.mark.parametrize(
    ("status", "advice"),
    [("done", "report/index.html"), ("failed", "remove the cause"), ("stopped", "guard rail")],
)
def test_a_run_that_ended_says_what_to_do_next(tmp_path, status, advice):
    build_run(tmp_path, english(20), status=status)
    found = run_status(RunFolder(str(tmp_path)))
    assert found.status == status
    assert advice in found.next
    assert found.seconds == 12.5
