"""How far a run is: `run.json`, the end of `events.jsonl` and the lease, put together.

Only the last `TAIL_BYTES` of the events are read, so the cost does not grow with the run; rates
are those of the shards in that tail.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from curate.pipeline.lease import STALE_SECONDS
from curate.pipeline.run_folder import RunFolder

TAIL_BYTES = 4 * 2**20
_TROUBLE = ("worker_crashed", "worker_lost", "repair", "decision", "warning")


@dataclass
class StepStatus:
    """One step. done, total: jobs (shards). rate: jobs, rows and text bytes per second over the
    events read.
    """

    step: str
    done: int
    total: int
    finished: bool = False
    rows: int = 0
    kept: int = 0
    bytes: int = 0
    jobs: int = 0
    first: float = 0.0
    last: float = 0.0

    def seconds(self) -> float:
        return max(self.last - self.first, 1e-3)

    def rows_per_second(self) -> float:
        return self.rows / self.seconds()

    def bytes_per_second(self) -> float:
        return self.bytes / self.seconds()

    def eta_seconds(self) -> float | None:
        """Seconds to the end of this step at the present rate; None when it is over or nothing is
        known.
        """
        if self.finished or not self.jobs or self.done >= self.total:
            return None
        return (self.total - self.done) * self.seconds() / self.jobs


@dataclass
class RunStatus:
    """What `curate status` says. `heartbeat_age_s` is None when no driver holds the run."""

    name: str
    status: str
    seconds: float
    totals: dict[str, int]
    steps: list[StepStatus]
    lease: dict[str, Any] | None
    heartbeat_age_s: float | None
    trouble: list[dict[str, Any]]
    error: dict[str, str] | None
    next: str
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        made = asdict(self)
        for entry, step in zip(made["steps"], self.steps, strict=True):
            entry["rows_per_second"] = round(step.rows_per_second(), 3)
            entry["bytes_per_second"] = round(step.bytes_per_second(), 3)
            entry["eta_seconds"] = step.eta_seconds()
        return made


def run_status(folder: RunFolder, now: float | None = None) -> RunStatus:
    """Status of a run folder. now: seconds since 1970, for tests. Raises DataError when it is no
    run folder.
    """
    run = folder.run()
    moment = time.time() if now is None else now
    steps, trouble, began = _from_events(folder)
    lease = folder.lease()
    age = None if lease is None else max(0.0, moment - float(lease.get("heartbeat", 0.0)))
    status = run["status"]
    if status == "running" and (age is None or age > STALE_SECONDS):
        status = "interrupted"
    running = status == "running"
    return RunStatus(
        name=run["name"],
        status=status,
        seconds=moment - began if running and began else float(run["seconds"] or 0.0),
        totals=run["totals"],
        steps=list(steps.values()),
        lease=lease,
        heartbeat_age_s=age,
        trouble=trouble,
        error=run["error"],
        next=_next(folder.url, status, lease, age),
        warnings=run["warnings"],
    )


def _from_events(
    folder: RunFolder,
) -> tuple[dict[str, StepStatus], list[dict[str, Any]], float | None]:
    """Steps and trouble of the latest start of the run, and when that was."""
    steps: dict[str, StepStatus] = {}
    trouble: list[dict[str, Any]] = []
    began: float | None = None
    for event in folder.events(TAIL_BYTES):
        kind = event.get("event")
        if kind == "run_started":
            steps, trouble, began = {}, [], event.get("time")
        elif kind in ("step_started", "shard_done", "step_done"):
            with suppress(KeyError, TypeError, ValueError):  # a damaged line says nothing
                _advance(steps, event)
        elif kind in _TROUBLE and not was_freed(event):
            trouble.append(event)
    return steps, trouble, began


def was_freed(event: dict[str, Any]) -> bool:
    """Whether a repair makes an intermediate again that `keep_intermediates` freed: no damage."""
    reason, path = str(event.get("reason")), str(event.get("path"))
    missing = reason.endswith("missing") and path.startswith("steps/")
    return bool(event["event"] == "repair") and missing


def _advance(steps: dict[str, StepStatus], event: dict[str, Any]) -> None:
    name, total, at = event["step"], event["total"], float(event["time"])
    step = steps.get(name)
    if step is None:
        step = steps[name] = StepStatus(name, event.get("done", 0), total, first=at, last=at)
    step.total, step.last = total, at
    if event["event"] == "step_done":
        step.done, step.finished = total, True
    elif event["event"] == "shard_done":
        step.done = event["done"]
        step.jobs += 1
        step.rows += event["rows"]
        step.kept += event["kept"]
        step.bytes += event["bytes"]


def _next(url: str, status: str, lease: dict[str, Any] | None, age: float | None) -> str:
    """What the user can do now."""
    again = "the same `curate run` command continues where it stopped"
    if status == "done":
        return f"open {url}/report/index.html; `curate explain {url} ID` says why a document ended"
    if status == "running":
        process = lease["pid"] if lease else "?"
        return f"wait, or stop process {process} with Ctrl-C; it can be continued"
    if status == "stopped":
        return (
            "a guard rail stopped it: mend what it names above, or change the bound or the guard "
            "rail, then run again"
        )
    if status == "failed":
        return f"remove the cause above; then {again}"
    if lease is not None and age is not None:
        return (
            f"its driver (host {lease.get('host')}, process {lease.get('pid')}) was last heard of "
            f"{age:.0f} s ago; if it is gone, {again}"
        )
    return again
