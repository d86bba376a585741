"""Fits on files: partial -> merge over a fixed tree -> finish -> artefact -> stages that use it.

The segment before a stage that learns ends in a `partial`: one small state per shard and fit. Merge
jobs join `MERGE_FAN_IN` states of neighbouring shards until one job can finish; what it learned is
published as `artefact-<sha256>` and stays in the run folder. The next segment reads it once per
worker process and works with `Stage.fitted`. The sha256 is part of every later job's key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import pyarrow as pa

from curate.errors import StageError
from curate.pipeline.batch import Batch
from curate.pipeline.chain import (
    AnnotateOperation,
    EditOperation,
    LearnPlan,
    Operation,
    SegmentPlan,
)
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.operations import Runner
from curate.stages.base import Fit, Stage
from curate.storage.store import FileRef, Store

AnyStage = TypeVar("AnyStage", bound=Stage)

MERGE_FAN_IN = 16
"""States that one job joins. A constant: the tree must not depend on the machine."""
WAITING_PARTIALS = 16
"""Batches whose partial states wait before they are merged inside a shard."""
ARTEFACT = "artefact-"
"""Kind of the file that holds an artefact, before its sha256."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """What one fit of one entry learned."""

    entry: str
    fit: str
    sha256: str
    ref: FileRef


def merged(fit: Fit, states: Sequence[pa.Table]) -> pa.Table:
    """One state of several, checked against what the fit declares. Raises StageError."""
    state = fit.merge(states)
    if state.schema.names != fit.state().names or state.schema.types != fit.state().types:
        raise StageError(f"fit '{fit.name}' merged to {state.schema}, declared is {fit.state()}")
    if state.nbytes > fit.max_state_bytes():
        raise StageError(
            f"fit '{fit.name}': a state of {state.nbytes:,} bytes, declared are at most "
            f"{fit.max_state_bytes():,}"
        )
    return state


class Learning:
    """The states of one shard, while its segment runs."""

    def __init__(self, learns: LearnPlan) -> None:
        self.learns = learns
        self._waiting: list[list[pa.Table]] = [[] for _ in learns.fits]

    def add(self, batch: Batch, runner: Runner) -> pa.RecordBatch | None:
        """Measure a batch of live documents; fates of those on which a fit failed."""

        def measure(part: pa.RecordBatch) -> list[pa.Table]:
            return [fit.partial(part.select(list(fit.reads))) for fit in self.learns.fits]

        made, dead = runner.guarded(self.learns.entry, batch, measure)
        for states in made:
            for waiting, state in zip(self._waiting, states, strict=True):
                waiting.append(state)
        if len(self._waiting[0]) >= WAITING_PARTIALS:
            self._waiting = [[state] for state in self.states()]
        if dead is not None:
            runner.counts[f"stage|{self.learns.entry}|read"] += dead.num_rows
        return dead

    def states(self) -> list[pa.Table]:
        """One state per fit."""
        pairs = zip(self.learns.fits, self._waiting, strict=True)
        return [merged(fit, waiting) for fit, waiting in pairs]

    def publish(self, store: Store, step: str, key: str) -> list[OutputFile]:
        """A file per fit."""
        return [
            OutputFile("state", part, _publish_state(store, step, key, part, state))
            for part, state in enumerate(self.states())
        ]


@dataclass(frozen=True)
class MergeStatesJob:
    """Join the states of some shards, in document order."""

    step: str
    key: str
    fit: Fit
    inputs: tuple[FileRef, ...]

    def run(self, context: JobContext) -> JobResult:
        context.watch.begin(f"{len(self.inputs)} states", self.fit.name)
        state = read_merged(context.store, self.fit, self.inputs)
        return JobResult(
            (OutputFile("state", 0, _publish_state(context.store, self.step, self.key, 0, state)),)
        )


@dataclass(frozen=True)
class FinishJob:
    """Join the last states and learn. It may take long, so no watchdog is armed."""

    step: str
    key: str
    fit: Fit
    inputs: tuple[FileRef, ...]

    def run(self, context: JobContext) -> JobResult:
        learned = self.fit.finish(read_merged(context.store, self.fit, self.inputs))
        kind = ARTEFACT + hashlib.sha256(learned).hexdigest()
        ref = context.store.publish(output_path(self.step, self.key, kind), learned)
        return JobResult((OutputFile(kind, 0, ref),))


def read_merged(store: Store, fit: Fit, inputs: Sequence[FileRef]) -> pa.Table:
    """The states of these files as one; two are in memory at a time."""
    state = merged(fit, ())
    for ref in inputs:
        store.verify(ref)
        with pa.ipc.open_stream(store.read(ref.path)) as stream:
            state = merged(fit, (state, stream.read_all()))
    return state


def _publish_state(store: Store, step: str, key: str, part: int, state: pa.Table) -> FileRef:
    with (
        store.create(output_path(step, key, "state", part)) as file,
        pa.ipc.new_stream(file, state.schema) as writer,
    ):
        writer.write_table(state.combine_chunks())
    return file.ref()


def fitted_segment(plan: SegmentPlan, artefacts: Sequence[Artefact], store: Store) -> SegmentPlan:
    """The segment with stages that have learned."""
    by_entry: dict[str, dict[str, Artefact]] = {}
    for artefact in artefacts:
        by_entry.setdefault(artefact.entry, {})[artefact.fit] = artefact

    def learned(entry: str, stage: AnyStage) -> AnyStage:
        return fitted_stage(
            store, stage, {fit.name: by_entry[entry][fit.name] for fit in stage.fits()}
        )

    exchange = plan.exchange
    if exchange is not None and exchange.stage.fits():
        exchange = replace(exchange, stage=learned(exchange.name, exchange.stage))
    return replace(_with_learned(plan, learned), exchange=exchange)


class _Learned(Protocol):
    """Gives a stage of an entry what it learned."""

    def __call__(self, entry: str, stage: AnyStage) -> AnyStage: ...


def _with_learned(plan: SegmentPlan, learned: _Learned) -> SegmentPlan:
    """The segment with other annotators and editors where they learn."""
    operations: list[Operation] = []
    for operation in plan.operations:
        if isinstance(operation, AnnotateOperation) and operation.annotator.fits():
            operation = replace(operation, annotator=learned(operation.entry, operation.annotator))
        elif isinstance(operation, EditOperation) and operation.editor.fits():
            operation = replace(operation, editor=learned(operation.entry, operation.editor))
        operations.append(operation)
    return replace(plan, operations=tuple(operations))


_FITTED: dict[tuple[object, ...], Stage] = {}
"""The stages this worker process uses now; emptied when a stage with other artefacts comes."""
_FITTED_AT_MOST = 4


def fitted_stage(store: Store, stage: AnyStage, artefacts: Mapping[str, Artefact]) -> AnyStage:
    """The stage with its artefacts, read and made once per process. Raises DamagedFile."""
    names = tuple(sorted((name, artefact.sha256) for name, artefact in artefacts.items()))
    identity = (type(stage), stage.model_dump_json(), names)
    if identity not in _FITTED:
        for artefact in artefacts.values():
            store.verify(artefact.ref)
        learned = {name: store.read(artefact.ref.path) for name, artefact in artefacts.items()}
        if len(_FITTED) >= _FITTED_AT_MOST:
            _FITTED.clear()
        _FITTED[identity] = stage.fitted(learned)
    found = _FITTED[identity]
    assert isinstance(found, type(stage))
    return found


def learned_here(plan: SegmentPlan, batch: Batch) -> SegmentPlan:
    """The segment with stages that learned from `batch` alone: for a glance at the first records,
    which has no run behind it. It emits nothing, so an exchange need not learn.
    """

    def learned(entry: str, stage: AnyStage) -> AnyStage:
        artefacts = {}
        for fit in (fit.sized(batch.num_rows) for fit in stage.fits()):
            state = fit.partial(batch.record_batch(fit.reads))
            artefacts[fit.name] = fit.finish(merged(fit, (state,)))
        return stage.fitted(artefacts)

    return _with_learned(plan, learned)
