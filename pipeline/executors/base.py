"""What an executor does: run jobs somewhere and tell how each ended. It schedules nothing and
writes no ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from curate.pipeline.job import Job, JobResult
from curate.pipeline.spec.model import EngineConfig


@dataclass(frozen=True, slots=True)
class Done:
    """The job published its files."""

    result: JobResult


@dataclass(frozen=True, slots=True)
class Damaged:
    """An input is missing or fails its checksum: its producer must run again."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """The worker died or was killed by its watchdog."""

    reason: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """In careful mode one document killed the worker twice, alone."""

    document: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The machine under the worker went away; not the job's fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An exception outside documents. `kind` is its class; `traceback` for the log."""

    kind: str
    message: str
    traceback: str


Outcome = Done | Damaged | Crashed | GaveUp | Lost | Failed


@dataclass(frozen=True, slots=True)
class Completion:
    """A job and how it ended. `token` is what the driver gave at submission."""

    token: tuple[str, int]
    outcome: Outcome


@dataclass(frozen=True)
class WorkerSetup:
    """What every worker needs once: where the run lives, sizes, seed, and the environment it must
    match.
    """

    store_url: str
    engine: EngineConfig
    seed: int
    environment: dict[str, str]


class Executor(Protocol):
    """Contract of an executor."""

    name: str
    slots: int
    """Jobs that run at the same time."""

    def start(self, setup: WorkerSetup) -> None:
        """Prepare workers for one run."""

    def submit(self, token: tuple[str, int], job: Job, careful: bool = False) -> None:
        """Queue a job. careful: in a child process, document by document, under a CPU limit."""

    def next(self, timeout_s: float) -> Completion | None:
        """The next finished job, None when the time is up. Any order."""

    def capacity(self) -> int:
        """How many jobs may be in flight."""

    def stop(self) -> None:
        """End the workers; jobs in flight may be lost."""
