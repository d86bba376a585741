"""The Ray executor: one task per job, Ray schedules and places, nothing is retried behind our back.

It needs a Ray that the caller has started or joined (`ray.init`); it never does so itself. Ray's
own retries are off: a crashed worker comes back as `Crashed`, a dead node as `Lost`, and the driver
decides.
"""

from __future__ import annotations

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
from curate.pipeline.executors.worker import run_careful, run_fast, single_threaded
from curate.pipeline.job import Job

EXTRA_IN_FLIGHT = 64


def cluster_cpus() -> int:
    """CPUs of the Ray that this process is connected to."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return int(resources.get("CPU", 1))


def _execute(setup: WorkerSetup, job: Job, careful: bool) -> Outcome:
    single_threaded()
    return run_careful(setup, job) if careful else run_fast(setup, job)


class RayExecutor:
    """Runs jobs as Ray tasks of one CPU each. workers: most jobs at the same time, None for all
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
        self._tokens: dict[Any, tuple[str, int]] = {}

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def submit(self, token: tuple[str, int], job: Job, careful: bool = False) -> None:
        self._tokens[self._remote.remote(self._setup, job, careful)] = token

    def capacity(self) -> int:
        return self._limit if self._limit is not None else 2 * self.slots + EXTRA_IN_FLIGHT

    def next(self, timeout_s: float) -> Completion | None:
        if not self._tokens:
            return None
        ready, _ = ray.wait(list(self._tokens), num_returns=1, timeout=timeout_s)
        if not ready:
            return None
        return Completion(self._tokens.pop(ready[0]), _outcome(ready[0]))

    def stop(self) -> None:
        if ray.is_initialized():
            for reference in self._tokens:
                ray.cancel(reference, force=True)
        self._tokens.clear()


def _outcome(reference: Any) -> Outcome:
    """What Ray says about a task, in our words. Only a machine that went away is tried again
    without end; what Ray itself cannot do (no such environment, disk full) stops the run.
    """
    try:
        outcome: Outcome = ray.get(reference)
        return outcome
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
