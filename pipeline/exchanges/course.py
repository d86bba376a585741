"""The course of an exchange, as the driver sees it: phase after phase, which jobs run on which
files.

Sizes that depend on data (partitions of a later phase, shards to visit, the short way through a
repetition) follow from what the jobs before reported, never from the machine, so that a second
start plans the same jobs and finds their commits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.errors import StageError
from curate.pipeline.accounts import ExchangeAccount
from curate.pipeline.driver import Step
from curate.pipeline.exchanges.index import IndexSteps, index_ordinal
from curate.pipeline.exchanges.lookup import LookupJob
from curate.pipeline.exchanges.rows import Place, phase_at
from curate.pipeline.exchanges.settle import (
    LOOKUP_GROUP,
    SETTLED_ROWS,
    ConsolidateJob,
    ExchangeInput,
    SettleJob,
    SmallRepeatJob,
    Target,
)
from curate.pipeline.exchanges.visit import IndexVisitJob, VisitJob, visit_guard
from curate.pipeline.fingerprint import digest
from curate.pipeline.records import StepRecords
from curate.pipeline.spec.model import StageEntry
from curate.pipeline.steps import ExchangeState, StepFactory, planned_partitions
from curate.stages.base import Exchange, Phase, Repeat
from curate.storage.store import FileRef

RunSteps = Callable[[Sequence[Step]], None]

FILE_KINDS = ("exchange", "settled", "visits", "shards", "verdicts", "links", "lookup")
"""Kinds of file that an exchange writes, for its cost."""


@dataclass(frozen=True)
class Settled:
    """A settled phase: its step, what became of its rows, the files it read."""

    step: Step
    target: Target
    read: list[ExchangeInput]


class Course:
    """Settles one exchange whose documents have all been emitted."""

    def __init__(
        self, entry: StageEntry, factory: StepFactory, run_steps: RunSteps, account: ExchangeAccount
    ) -> None:
        assert isinstance(entry.stage, Exchange)
        self.entry, self.factory, self.account = entry, factory, account
        self._run_steps = run_steps
        self.phases = entry.stage.phases()
        self.fingerprint = factory.planned(f"{entry.name}.settle").fingerprint
        self.failed: dict[int, list[FileRef]] = {}
        self.live = {
            source: factory.live_shards(source) for source in factory.plan.passing(entry.name)
        }
        self.imported: Step | None = None

    def run(self) -> ExchangeState:
        """All phases, then the names of the representatives."""
        partitions = self.factory.partitions(self.entry)
        inputs = [*self.of_indexes(partitions), *self.emitted_by_segments()]
        done: Settled | None = None
        for place, phase in enumerate(self.phases):
            if done is not None:
                inputs, partitions = self.entering(done)
            if isinstance(phase, Repeat):
                assert done is not None
                done = self.repeat(place, phase, done)
            else:
                target = self.target_after(place, inputs)
                done = self.settle((place, 0), inputs, partitions, target)
        assert done is not None
        lookup = self.lookup(done.step.records)
        self.run_step(lookup)
        verdicts = _files(done.step.records, "verdicts")
        lookups = _files(lookup.records, "lookup")
        failed = {ordinal: tuple(refs) for ordinal, refs in self.failed.items()}
        return ExchangeState(verdicts, lookups, failed, self.live)

    def run_step(self, step: Step) -> None:
        self._run_steps([step])
        self.account.add(step.records.counts, step.records.size_bytes(FILE_KINDS))

    def of_indexes(self, partitions: int) -> list[ExchangeInput]:
        """Files that documents of former runs take part with."""
        if not self.factory.indexes.shards.get(self.entry.name):
            return []
        step = IndexSteps(self.factory.plan, self.factory).importing(self.entry, partitions)
        self.run_step(step)
        self.imported = step
        return _emitted(step)

    def emitted_by_segments(self) -> list[ExchangeInput]:
        """Files that the segments before this exchange emitted, in document order."""
        inputs = []
        for source in self.factory.plan.passing(self.entry.name):
            records = self.factory.emitting(source, self.entry).records
            first = self.factory.shards(source).first_ordinal
            inputs += [
                ExchangeInput(records.ref(i, "exchange"), first + i) for i in range(records.jobs)
            ]
            self.account.documents += records.counts["segment|out"]
            self.account.rows += records.sums("exchange")[0]
            self.account.add({}, records.size_bytes(FILE_KINDS))
        return inputs

    def target_after(self, place: int, inputs: Sequence[ExchangeInput]) -> Target:
        """What becomes of the rows that the phase at `place` settles of `inputs`."""
        if place + 1 == len(self.phases):
            return Target("verdicts")
        following = self.phases[place + 1]
        if isinstance(following, Phase) and following.visit is not None:
            return Target("visit", (place + 1, 0))
        keep_rows = 0
        if isinstance(following, Repeat):
            keep_rows = following.small_rows if following.small is not None else 0
        return self.emitting_for((place + 1, 0), inputs, keep_rows)

    def emitting_for(self, place: Place, inputs: Sequence[ExchangeInput], keep_rows: int) -> Target:
        """As many partitions as the rows that come in may make it."""
        rows = sum(item.ref.rows for item in inputs)
        partitions = self.planned(phase_at(self.entry, place), rows)
        return Target("emit", place, partitions, keep_rows)

    def planned(self, phase: Phase, rows: int) -> int:
        size = self.factory.plan.spec.engine.exchange_partition_bytes
        return planned_partitions(phase, rows, size)

    def entering(self, done: Settled) -> tuple[list[ExchangeInput], int]:
        """Files for the next phase and their partitions."""
        if done.target.kind == "visit":
            return self.visit(done.target.place, done.step)
        return _emitted(done.step), done.target.partitions

    def settle(
        self,
        place: Place,
        inputs: Sequence[ExchangeInput],
        partitions: int,
        target: Target,
        iteration: str = "",
    ) -> Settled:
        """Settle one phase, a job per partition."""
        number = f"{place[0]}.{place[1]}{iteration}"
        files = self.consolidated(place, inputs, partitions, number)
        read = tuple(files)
        shared = digest(
            [self.fingerprint, list(place), partitions, target.ingredients(), _keys(read)]
        )
        name = f"{self.entry.name}.settle.{number}-{self.fingerprint[:12]}"

        def make(index: int) -> SettleJob:
            key = digest([shared, index])
            return SettleJob(name, key, self.entry, place, index, read, target)

        step = Step(name, f"{self.entry.name}.settle", partitions, make)
        self.run_step(step)
        return Settled(step, target, files)

    def consolidated(
        self, place: Place, inputs: Sequence[ExchangeInput], partitions: int, number: str
    ) -> list[ExchangeInput]:
        """Merge files in groups of `exchange_fan_in` until a job can open all of them."""
        size, level = self.factory.plan.spec.engine.exchange_fan_in, 0
        files = list(inputs)
        while len(files) > size:
            groups = [tuple(files[start : start + size]) for start in range(0, len(files), size)]
            step = self.consolidate(place, groups, partitions, f"{number}.{level}")
            self.run_step(step)
            files = _emitted(step)
            level += 1
        return files

    def consolidate(
        self, place: Place, groups: list[tuple[ExchangeInput, ...]], partitions: int, number: str
    ) -> Step:
        name = f"{self.entry.name}.consolidate.{number}-{self.fingerprint[:12]}"
        shared = [self.fingerprint, "consolidate", list(place), partitions]

        def make(index: int) -> ConsolidateJob:
            key = digest([shared, _keys(groups[index])])
            return ConsolidateJob(name, key, self.entry, place, groups[index], partitions)

        return Step(name, f"{self.entry.name}.consolidate", len(groups), make)

    def visit(self, place: Place, settled: Step) -> tuple[list[ExchangeInput], int]:
        """Visit the documents of every shard that has rows."""
        visits = _files(settled.records, "visits")
        before = self.phases[place[0] - 1]
        schema = (before.phases[-1] if isinstance(before, Repeat) else before).settled
        partitions = self.planned(phase_at(self.entry, place), sum(ref.rows for ref in visits))
        ordinals = self.listed(settled)
        step = self.visiting(place, visits, ordinals, partitions, schema)
        self.run_step(step)
        for index, ordinal in enumerate(ordinals.tolist()):
            if (failed := step.records.file(index, "failed")) is not None:
                self.failed.setdefault(ordinal, []).append(failed.ref)
        return _emitted(step), partitions

    def listed(self, settled: Step) -> np.ndarray:
        """Ordinals of the shards that have rows, ascending."""
        found = np.empty(0, "<u4")
        for index in range(settled.jobs):
            data = self.factory.driver.read(settled.records.ref(index, "shards"))
            found = np.union1d(found, np.frombuffer(data, "<u4"))
        return found

    def visiting(
        self,
        place: Place,
        visits: tuple[FileRef, ...],
        ordinals: np.ndarray,
        partitions: int,
        schema: pa.Schema,
    ) -> Step:
        name = f"{self.entry.name}.visit.{place[0]}-{self.fingerprint[:12]}"
        shared = [self.fingerprint, "visit", list(place), partitions]
        shared.append(digest([ref.checksum for ref in visits]))
        sources = self.factory.plan.passing(self.entry.name)
        firsts = [self.factory.shards(source).first_ordinal for source in sources]
        imported, first_of_index = self.imported, index_ordinal(0)
        guard = (visit_guard(self.entry.name),)

        def make(index: int) -> VisitJob | IndexVisitJob:
            ordinal = int(ordinals[index])
            if ordinal >= first_of_index:
                assert imported is not None
                stored = imported.records.ref(ordinal - first_of_index, "index_stored")
                key = digest([shared, ordinal, stored.checksum])
                return IndexVisitJob(
                    name, key, self.entry, place, partitions, ordinal, stored, visits, schema
                )
            at = bisect_right(firsts, ordinal) - 1
            source = sources[at]
            shard = self.live[source](ordinal - firsts[at])
            decisions = self.factory.shard_decisions(source, ordinal - firsts[at], guard)
            given_up = [[d.id, d.stage, d.reason] for d in decisions]
            key = digest([shared, ordinal, shard.ingredients(), given_up])
            return VisitJob(
                name,
                key,
                self.entry,
                place,
                partitions,
                ordinal,
                shard,
                visits,
                schema,
                decisions,
            )

        return Step(name, f"{self.entry.name}.visit", len(ordinals), make)

    def repeat(self, place: int, repeat: Repeat, done: Settled) -> Settled:
        """Run the circle until it comes to rest; the last phase then passes on what it settles."""
        entered = done.step.records.counts[SETTLED_ROWS]
        if repeat.small is not None and entered <= repeat.small_rows:
            self.account.iterations = 0
            return self.small(place, done)
        partitions, last = done.target.partitions, len(repeat.phases) - 1
        for iteration in range(repeat.at_most):
            before = _checksums(done)
            for inner in range(last + 1):
                target = Target("emit", (place, 0 if inner == last else inner + 1), partitions)
                inputs = _emitted(done.step)
                done = self.settle((place, inner), inputs, partitions, target, f".{iteration}")
            self.account.iterations = iteration + 1
            if _checksums(done) == before:
                target = self.target_after(place, done.read)
                return self.settle((place, last), done.read, partitions, target, ".last")
        raise StageError(
            f"stage '{self.entry.name}': its phases "
            f"{', '.join(phase.name for phase in repeat.phases)} came to no rest in "
            f"{repeat.at_most} iterations"
        )

    def small(self, place: int, done: Settled) -> Settled:
        """The short way: one job, in memory."""
        refs = _files(done.step.records, "settled")
        target = self.target_after(place, done.read)
        name = f"{self.entry.name}.settle.{place}.small-{self.fingerprint[:12]}"
        key = digest(
            [self.fingerprint, place, target.ingredients(), [ref.checksum for ref in refs]]
        )
        job = SmallRepeatJob(name, key, self.entry, place, refs, target)
        step = Step(name, f"{self.entry.name}.settle", 1, lambda index: job)
        self.run_step(step)
        return Settled(step, target, done.read)

    def lookup(self, settled: StepRecords) -> Step:
        """Ids of representatives, a job per group of base shards."""
        planned = self.factory.planned(f"{self.entry.name}.lookup")
        links = _files(settled, "links")
        groups: dict[int, list[tuple[int, FileRef]]] = {}
        for source in self.factory.plan.passing(self.entry.name) if links else ():
            first = self.factory.shards(source).first_ordinal
            for index in range(len(self.factory.shards(source))):
                place = (first + index, self.live[source](index).base)
                groups.setdefault((first + index) // LOOKUP_GROUP, []).append(place)
        for number in range(self.imported.jobs) if links and self.imported is not None else ():
            assert self.imported is not None
            ordinal = index_ordinal(number)
            place = (ordinal, self.imported.records.ref(number, "index_ids"))
            groups.setdefault(ordinal // LOOKUP_GROUP, []).append(place)
        numbers = sorted(groups)

        def make(index: int) -> LookupJob:
            members = tuple(groups[numbers[index]])
            read = [
                [ref.checksum for ref in links],
                [[ordinal, ref.checksum] for ordinal, ref in members],
            ]
            key = digest([planned.fingerprint, numbers[index], read])
            return LookupJob(planned.name, key, numbers[index], links, members)

        return Step(planned.name, planned.label, len(numbers), make)


def _emitted(step: Step) -> list[ExchangeInput]:
    return [ExchangeInput(step.records.ref(i, "exchange"), None) for i in range(step.jobs)]


def _files(records: StepRecords, kind: str) -> tuple[FileRef, ...]:
    """Files of a kind that hold rows, in order of jobs."""
    found = (records.file(index, kind) for index in range(records.jobs))
    return tuple(file.ref for file in found if file is not None and file.ref.rows)


def _checksums(done: Settled) -> list[int]:
    return [item.ref.checksum for item in _emitted(done.step)]


def _keys(inputs: Sequence[ExchangeInput]) -> list[list[int | None]]:
    return [[item.ref.checksum, item.ordinal] for item in inputs]
