"""The simulated executor: seeded disorder in one process, to test that nothing depends on order,
repetition or luck.

Completion order is drawn; a share of jobs runs twice and must publish equal bytes; a share loses
its result after publishing and must run again. A named failpoint raises `SimulatedCrash` on its
n-th pass, like a power cut of the driver.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from curate.errors import StageError
from curate.kernels.draw import below, draw
from curate.pipeline.executors.base import Completion, Done, Lost, Outcome, WorkerSetup
from curate.pipeline.executors.worker import run_job
from curate.pipeline.job import Job, NoWatch

FAILPOINTS = (
    "before_publish",
    "after_publish",
    "before_record",
    "after_record",
    "in_collect",
    "in_gc",
)


class SimulatedCrash(BaseException):
    """The machine stopped here."""


class Failpoints:
    """Crashes at the n-th pass of a named point. Without a name it only counts passes."""

    def __init__(self, name: str | None = None, on_pass: int = 1) -> None:
        self.name, self.on_pass = name, on_pass
        self.passes: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        if name not in FAILPOINTS:
            raise ValueError(f"unknown failpoint '{name}'")
        self.passes[name] += 1
        if name == self.name and self.passes[name] == self.on_pass:
            raise SimulatedCrash(f"{name}, pass {self.on_pass}")


class SimulatedExecutor:
    """Runs jobs in this process in a drawn order."""

    name = "simulated"
    slots = 4

    def __init__(
        self,
        seed: int = 0,
        twice: float = 0.1,
        lost: float = 0.05,
        failpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._seed, self._failpoint = seed, failpoint
        self._twice, self._lost = below(twice), below(lost)
        self._queue: list[tuple[tuple[str, int], Job]] = []
        self._setup: WorkerSetup | None = None
        self._step = 0
        self._lost_once: set[tuple[str, int]] = set()

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def submit(self, token: tuple[str, int], job: Job, careful: bool = False) -> None:
        self._queue.append((token, job))

    def capacity(self) -> int:
        return 8

    def next(self, timeout_s: float) -> Completion | None:
        if not self._queue:
            return None
        token, job = self._queue.pop(self._draw("order") % len(self._queue))
        self._failpoint("before_publish")
        outcome = self._run(job)
        self._failpoint("after_publish")
        if isinstance(outcome, Done) and self._draw("twice") < self._twice:
            again = self._run(job)
            if again != outcome:
                raise StageError(
                    f"{token[0]}: running job {token[1]} twice gave different files: {outcome} "
                    f"and {again}"
                )
        if token not in self._lost_once and self._draw("lost") < self._lost:
            self._lost_once.add(token)
            return Completion(token, Lost("the result was lost after publishing"))
        return Completion(token, outcome)

    def _run(self, job: Job) -> Outcome:
        assert self._setup is not None
        return run_job(self._setup, job, NoWatch())

    def _draw(self, what: str) -> int:
        self._step += 1
        return draw(self._seed, "sample", f"{what} {self._step}")

    def stop(self) -> None:
        self._queue.clear()
