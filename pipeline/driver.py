"""The driver's loop: feed jobs to the executor, commit what comes back, mend what broke. One loop
for every kind of step.

A job is done when the ledger has a commit with its key. Inputs that are gone or damaged send their
producer back to work; a crash is tried once more at once, then carefully; a document given up
becomes a decision, written down before the job runs again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import orjson
import xxhash

from curate.errors import CurateError, DataError, SpecError, StageError
from curate.pipeline.events import Events
from curate.pipeline.executors.base import (
    Completion,
    Crashed,
    Damaged,
    Done,
    Executor,
    Failed,
    GaveUp,
    Lost,
)
from curate.pipeline.job import Decision, Job, JobResult
from curate.pipeline.ledger import Ledger
from curate.pipeline.records import StepRecords
from curate.storage.store import FileRef, Store

POLL_SECONDS = 0.5
LOST_BACKOFF_SECONDS = 2.0
MAX_REPAIRS = 3
"""Times one job may ask for the same input to be made again before the run fails."""


@dataclass
class Step:
    """Jobs of one planned step. `make(i)` builds job i, decisions included; it must be cheap."""

    name: str
    label: str
    jobs: int
    make: Callable[[int], Job]
    extensions: Mapping[str, str] = field(default_factory=dict)
    records: StepRecords = field(init=False)

    def __post_init__(self) -> None:
        self.records = StepRecords(self.name, self.jobs, self.extensions)


class Driver:
    """Runs waves of steps against one store, one ledger, one executor."""

    def __init__(
        self, store: Store, executor: Executor, events: Events, failpoint: Callable[[str], None]
    ) -> None:
        self.store, self.executor, self.events, self.failpoint = store, executor, events, failpoint
        self.ledger = Ledger(store)
        self.steps: dict[str, Step] = {}
        self.decisions: list[Decision] = load_decisions(store)
        self.promoted: dict[str, str] = {}
        self.executed: Counter[str] = Counter()

    def run(self, steps: Sequence[Step]) -> None:
        """Bring every job of these steps to done; the steps must not depend on each other."""
        for step in steps:
            self._load(step)
        wave = _Wave(self, steps)
        wave.run()
        for step in steps:
            self.ledger.close_step(step.name)
            self.events.emit("step_done", step=step.label, total=step.jobs)

    def _load(self, step: Step) -> None:
        """Find the commits that this step's jobs already have."""
        self.steps[step.name] = step
        for index in range(step.jobs):
            step.records.set_key(index, step.make(index).key)
        self.ledger.load(step.records)
        cached = int(step.records.done.sum())
        self.events.emit("step_started", step=step.label, total=step.jobs, done=cached)

    def current(self, ref: FileRef) -> FileRef:
        """The file where it is now: in `steps/`, or under the final name a former run gave it."""
        final = self.promoted.get(ref.path)
        return ref if final is None or self.store.exists(ref.path) else replace(ref, path=final)

    def producer(self, path: str) -> tuple[Step, int]:
        """Step and job that publish `path`. Raises CurateError for a path that no job of this run
        makes.
        """
        made = next((step for step, final in self.promoted.items() if final == path), path)
        _, name, file = made.split("/", 2) if made.count("/") == 2 else ("", "", "")
        step = self.steps.get(name)
        if step is not None:
            key = bytes.fromhex(file.split(".", 1)[0])
            for index in range(step.jobs):
                if step.records.keys[index].tobytes() == key:
                    return step, index
        raise CurateError(
            f"{path} is damaged and no step of this run makes it; run again with an empty output "
            "folder"
        )

    def restore(self, refs: Sequence[FileRef]) -> list[FileRef]:
        """These files, made again where they are gone or have another size."""
        found: list[FileRef] = []
        missing: dict[tuple[str, int], None] = {}
        for ref in refs:
            if self.store.size(ref.path) != ref.size_bytes:
                step, index = self.producer(ref.path)
                missing[step.name, index] = None
                self.events.emit("repair", path=ref.path, reason="missing", step=step.label)
            found.append(ref)
        if missing:
            _Wave(self, [], list(missing)).run()
        return found

    def read(self, ref: FileRef) -> bytes:
        """The bytes of a small file that a step published."""
        for _ in range(2):
            (present,) = self.restore([ref])
            data = self.store.read(present.path)
            if xxhash.xxh3_64_intdigest(data) == ref.checksum:
                return data
            self.store.delete(present.path)
        raise CurateError(f"{ref.path}: made again and still not what the ledger recorded")

    def replay(self, path: str) -> None:
        """Take the decisions of another run's file. Raises DataError when it cannot be read."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise DataError(
                f"--decisions {path}: {error.strerror}; give a decisions.jsonl of another run"
            ) from error
        decisions = parse_decisions(data)
        if data.strip() and not decisions:
            raise DataError(
                f"--decisions {path}: it holds no decision; give a decisions.jsonl of another run"
            )
        for decision in decisions:
            self.decide(decision)

    def decide(self, decision: Decision) -> None:
        """Append a decision, on disk before anything depends on it."""
        if decision not in self.decisions:
            line = (
                orjson.dumps(
                    {"id": decision.id, "stage": decision.stage, "reason": decision.reason}
                )
                + b"\n"
            )
            self.store.append("decisions.jsonl", line)
            self.decisions.append(decision)
            self.events.emit(
                "decision", document=decision.id, stage=decision.stage, reason=decision.reason
            )


class NotKnownYet(Exception):
    """The jobs of later steps depend on results that are not there."""


class PlanningDriver(Driver):
    """Looks up what is done and runs nothing; stops where something would have to run."""

    def __init__(
        self, store: Store, executor: Executor, events: Events, failpoint: Callable[[str], None]
    ) -> None:
        super().__init__(store, executor, events, failpoint)
        self.found: dict[str, tuple[int, int]] = {}

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._load(step)
            done, jobs = self.found.get(step.label, (0, 0))
            self.found[step.label] = (done + int(step.records.done.sum()), jobs + step.jobs)
        if not all(step.records.done.all() for step in steps):
            raise NotKnownYet

    def restore(self, refs: Sequence[FileRef]) -> list[FileRef]:
        if any(self.store.size(ref.path) != ref.size_bytes for ref in refs):
            raise NotKnownYet
        return list(refs)


@dataclass
class _Attempts:
    """What went wrong with one job so far."""

    crashes: int = 0
    careful: bool = False
    repairs: Counter[str] = field(default_factory=Counter)
    not_before: float = 0.0
    lost: int = 0


class _Wave:
    """One call of `Driver.run`: which jobs wait, which are in flight."""

    def __init__(
        self, driver: Driver, steps: Sequence[Step], tokens: Sequence[tuple[str, int]] = ()
    ) -> None:
        self.driver = driver
        self.pending = chain(tokens, self._undone(steps))
        self.again: deque[tuple[str, int]] = deque()
        self.blocked: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self.repairing: set[tuple[str, int]] = set()
        self.attempts: dict[tuple[str, int], _Attempts] = {}
        self.in_flight: set[tuple[str, int]] = set()
        self.exhausted = False

    def _undone(self, steps: Sequence[Step]) -> Iterator[tuple[str, int]]:
        for step in steps:
            for index in range(step.jobs):
                if not step.records.done[index]:
                    yield step.name, index

    def run(self) -> None:
        while True:
            self._feed()
            if not self.in_flight:
                if self.exhausted and not self.again and not self.blocked:
                    return
                time.sleep(POLL_SECONDS / 10)
                continue
            completion = self.driver.executor.next(POLL_SECONDS)
            if completion is not None:
                self.in_flight.discard(completion.token)
                self._handle(completion)

    def _feed(self) -> None:
        """Fill the executor; jobs to try again come first."""
        waiting = len(self.again)
        while len(self.in_flight) < self.driver.executor.capacity():
            if waiting:
                waiting -= 1
                token = self.again.popleft()
                if self.attempts[token].not_before > time.monotonic():
                    self.again.append(token)
                    continue
            else:
                token = next(self.pending, ("", -1))
                if token[1] < 0:
                    self.exhausted = True
                    return
            self._submit(token)

    def _submit(self, token: tuple[str, int]) -> None:
        step = self.driver.steps[token[0]]
        job = step.make(token[1])
        step.records.set_key(token[1], job.key)
        attempts = self.attempts.get(token)
        self.driver.executor.submit(token, job, careful=attempts is not None and attempts.careful)
        self.in_flight.add(token)

    def _handle(self, completion: Completion) -> None:
        token, outcome = completion.token, completion.outcome
        attempts = self.attempts.get(token, _Attempts())
        if isinstance(outcome, Done):
            self._commit(token, outcome.result)
            return
        self.attempts[token] = attempts
        if isinstance(outcome, Damaged):
            self._repair(token, outcome, attempts)
            return
        step = self.driver.steps[token[0]].label
        if isinstance(outcome, Crashed):
            attempts.crashes += 1
            if attempts.careful:
                raise StageError(
                    f"{step}: {outcome.reason}; not tied to one document, so nothing was given up"
                )
            attempts.careful = attempts.crashes >= 2
            self.driver.events.emit(
                "worker_crashed", step=step, reason=outcome.reason, careful=attempts.careful
            )
        elif isinstance(outcome, GaveUp):
            self._give_up(step, Decision(outcome.document, outcome.stage, outcome.reason))
        elif isinstance(outcome, Lost):
            attempts.lost += 1
            attempts.not_before = time.monotonic() + min(60.0, LOST_BACKOFF_SECONDS * attempts.lost)
            self.driver.events.emit("worker_lost", step=step, reason=outcome.reason)
        else:
            raise _failure(step, outcome)
        self.again.append(token)

    def _give_up(self, step: str, decision: Decision) -> None:
        """Decide once: a job that dies of a document which it should leave out would never end."""
        known = ((each.id, each.stage) for each in self.driver.decisions)
        if (decision.id, decision.stage) in known:
            raise StageError(
                f"{step}: '{decision.id}' {decision.reason}, although it was given up before"
            )
        self.driver.decide(decision)

    def _commit(self, token: tuple[str, int], result: JobResult) -> None:
        driver = self.driver
        step = driver.steps[token[0]]
        driver.failpoint("before_record")
        driver.ledger.commit(step.name, step.records.key(token[1]), result)
        driver.failpoint("after_record")
        files = [
            (f.kind, f.part, f.ref.size_bytes, f.ref.checksum, f.ref.rows, f.text_bytes)
            for f in result.files
        ]
        step.records.add(token[1], files, result.counts)
        driver.executed[step.label] += 1
        for file in result.files:  # of a repair: its consumers may know it by its final name
            if (final := driver.promoted.get(file.ref.path)) is not None:
                driver.store.move(file.ref.path, final)
        for waiting in self.blocked.pop(token, []):
            self.again.append(waiting)
        self.repairing.discard(token)
        driver.events.emit(
            "shard_done",
            step=step.label,
            done=int(step.records.done.sum())
            if step.jobs <= 10_000
            else driver.executed[step.label],
            total=step.jobs,
            rows=result.counts.get("segment|in", result.counts.get("read|documents", 0)),
            kept=result.counts.get("segment|out", result.counts.get("read|documents", 0)),
            bytes=result.counts.get(
                "segment|text_bytes_in", result.counts.get("read|text_bytes", 0)
            ),
            removed={
                k.split("|")[1]: n
                for k, n in result.counts.items()
                if k.startswith("stage|") and k.endswith("|removed")
            },
        )

    def _repair(self, token: tuple[str, int], damaged: Damaged, attempts: _Attempts) -> None:
        """Run the producer of a damaged input again, then this job."""
        attempts.repairs[damaged.path] += 1
        if attempts.repairs[damaged.path] > MAX_REPAIRS:
            raise CurateError(
                f"{damaged.path}: {damaged.reason}; it was made again {MAX_REPAIRS} times and is "
                "still damaged"
            )
        step, index = self.driver.producer(damaged.path)
        producer = (step.name, index)
        self.driver.events.emit("repair", path=damaged.path, reason=damaged.reason, step=step.label)
        self.blocked.setdefault(producer, []).append(token)
        if producer not in self.repairing:
            self.repairing.add(producer)
            self.attempts.setdefault(producer, _Attempts())
            self.again.append(producer)


def _failure(step: str, failed: Failed) -> CurateError:
    """The error that stops the run, with the worker's own class of error where it is ours."""
    text = (
        f"{step}: {failed.message}"
        if failed.kind.endswith("Error") and failed.message
        else f"{step}: {failed.kind}"
    )
    known = ("StageError", "DataError", "SpecError", "BudgetError")
    error = StageError(text) if failed.kind in known else CurateError(f"{text} ({failed.kind})")
    if failed.kind == "SpecError":  # a wish that the documents cannot fulfil
        error = SpecError(text)
    error.add_note(failed.traceback)
    return error


def load_decisions(store: Store) -> list[Decision]:
    """Decisions of this run folder."""
    if not store.exists("decisions.jsonl"):
        return []
    return parse_decisions(store.read("decisions.jsonl"))


def parse_decisions(data: bytes) -> list[Decision]:
    """Decisions, one JSON per line; a torn or damaged line is ignored."""
    decisions = []
    for line in data.splitlines():
        try:
            entry = orjson.loads(line)
            values = [entry[name] for name in ("id", "stage", "reason")]
        except (ValueError, KeyError, TypeError):
            continue
        if all(isinstance(value, str) for value in values):
            decisions.append(Decision(*values))
    return decisions
