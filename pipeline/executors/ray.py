"""The Ray executor: one task per job, or for several short ones; Ray schedules and places, and
retries nothing behind our back.

It needs a Ray that the caller has started or joined (`ray.init`); it never does so itself. Ray's
own retries are off: a crashed worker comes back as `Crashed`, a dead node as `Lost`, and the driver
decides. When a task of several jobs crashes, each of them runs again alone, so that only the guilty
one is ever told to have crashed.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from curate.errors import CurateError
from curate.pipeline.executors.base import Completion, Crashed, Failed, Lost, Outcome, WorkerSetup
from curate.pipeline.executors.groups import JobGroups, Waiting
from curate.pipeline.executors.worker import run_careful, run_fast, single_threaded
from curate.pipeline.job import Job

EXTRA_IN_FLIGHT = 64


def cluster_cpus() -> int:
    """CPUs of the Ray that this process is connected to."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return int(resources.get("CPU", 1))


def _execute(setup: WorkerSetup, jobs: list[Job], careful: bool) -> list[tuple[Outcome, float]]:
    """Outcome and seconds of each job, in order."""
    single_threaded()
    done = []
    for job in jobs:
        start = time.monotonic()
        outcome = run_careful(setup, job) if careful else run_fast(setup, job)
        done.append((outcome, time.monotonic() - start))
    return done


class RayExecutor:
    """Runs jobs as Ray tasks of one CPU each. workers: most tasks at the same time, None for all
    CPUs of the cluster.
    """

    name = "ray"

    def __init__(self, workers: int | None = None) -> None:
        if not ray.is_initialized():
            raise CurateError(
                "no Ray is running: call ray.init() first, or use `curate run`, which does it for "
                "you"
            )
        cpus = cluster_cpus()
        self.slots = max(1, min(workers or cpus, cpus))
        self._limit = workers
        self._remote: Any = ray.remote(num_cpus=1, max_retries=0, retry_exceptions=False)(_execute)
        self._setup: WorkerSetup | None = None
        self._groups = JobGroups(self.slots)
        self._tasks: dict[Any, list[Waiting]] = {}
        self._ended: deque[Completion] = deque()

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def submit(self, token: tuple[str, int], job: Job, careful: bool = False) -> None:
        self._groups.add(Waiting(token, job, careful))

    def capacity(self) -> int:
        return self._task_limit() * self._groups.largest()

    def _task_limit(self) -> int:
        return self._limit if self._limit is not None else 2 * self.slots + EXTRA_IN_FLIGHT

    def next(self, timeout_s: float) -> Completion | None:
        self._dispatch()
        if not self._ended and self._tasks:
            ready, _ = ray.wait(list(self._tasks), num_returns=1, timeout=timeout_s)
            for reference in ready:
                self._collect(reference)
        return self._ended.popleft() if self._ended else None

    def _dispatch(self) -> None:
        while self._groups and len(self._tasks) < self._task_limit():
            group = self._groups.take()
            jobs = [waiting.job for waiting in group]
            self._tasks[self._remote.remote(self._setup, jobs, group[0].careful)] = group

    def _collect(self, reference: Any) -> None:
        """The jobs of a task that ended: what each came to, or back into the queue, alone."""
        group = self._tasks.pop(reference)
        outcomes = _outcomes(reference)
        if isinstance(outcomes, Crashed) and len(group) > 1:
            for waiting in reversed(group):
                self._groups.add(Waiting(waiting.token, waiting.job, alone=True))
            return
        for index, waiting in enumerate(group):
            outcome: Outcome
            if isinstance(outcomes, list):
                outcome, seconds = outcomes[index]
                self._groups.measured(waiting.job.step, seconds)
            else:
                outcome = outcomes
            self._ended.append(Completion(waiting.token, outcome))

    def stop(self) -> None:
        if ray.is_initialized():
            for reference in self._tasks:
                ray.cancel(reference, force=True)
        self._tasks.clear()
        self._groups.clear()
        self._ended.clear()


def _outcomes(reference: Any) -> list[tuple[Outcome, float]] | Lost | Crashed | Failed:
    """What became of a task's jobs, or what Ray says about the task, in our words.

    Only a machine that went away is tried again without end; what Ray itself cannot do (no such
    environment, disk full) stops the run.
    """
    try:
        outcomes: list[tuple[Outcome, float]] = ray.get(reference)
        return outcomes
    except (NodeDiedError, ObjectLostError) as error:
        return Lost(_sentence(error))
    except (WorkerCrashedError, OutOfMemoryError) as error:
        return Crashed(_sentence(error))
    except RayTaskError as error:
        return Failed(type(error.cause).__name__, str(error.cause), str(error))
    except LocalRayletDiedError:
        message = "the Ray node of this machine died; start it again, the same command continues"
        return Failed("LocalRayletDiedError", message, "")
    except RayError as error:
        return Failed(type(error).__name__, str(error), "")


def _sentence(error: Exception) -> str:
    """The first sentence of what Ray says; the rest tells where its logs are."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
