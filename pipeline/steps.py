"""From planned steps to jobs: which files go into which job, and the shard key that names its
results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import xxhash

from curate.kernels.draw import Purpose, draw_many, selected
from curate.pipeline.chain import LearnPlan, SegmentPlan
from curate.pipeline.collect import CollectDocumentsJob, CollectFatesJob
from curate.pipeline.driver import Driver, Step
from curate.pipeline.exchanges.index_jobs import IndexedArtefact, IndexedShard
from curate.pipeline.exchanges.rows import first_phase
from curate.pipeline.exchanges.verdicts import VerdictInput
from curate.pipeline.fingerprint import configuration, digest
from curate.pipeline.fit import ARTEFACT, MERGE_FAN_IN, Artefact, FinishJob, MergeStatesJob
from curate.pipeline.job import Decision
from curate.pipeline.live_shard import LiveShard
from curate.pipeline.plan import Plan, PlannedStep, fit_label
from curate.pipeline.read import READ_STAGE, ReadJob
from curate.pipeline.records import StepRecords
from curate.pipeline.segment import RemovedText, SegmentJob
from curate.pipeline.shards import SourceShards
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import Fit, Phase
from curate.stages.sources.base import InputFile, InputSplit, Source
from curate.storage.sliced import fixed_width
from curate.storage.store import FileRef

SMALL_FILE_SHARE = 16
"""A file below 1/16 of `shard_input_bytes` may end a group of small files when its path says so."""
FATES_PART_BYTES = 64 * 2**20
"""Compressed fates that one part of removed/ and quarantine/ collects."""

VARIABLE_BYTES = 32
"""Planned bytes of a value whose length varies, where the phase does not say more."""

Splits = tuple[InputSplit, ...]


@dataclass(frozen=True)
class Indexes:
    """By exchange: shards of the indexes that it reads, and what its fits learned in those runs."""

    shards: Mapping[str, tuple[IndexedShard, ...]] = field(default_factory=dict)
    learned: Mapping[str, tuple[IndexedArtefact, ...]] = field(default_factory=dict)


def group_splits(
    source: Source, files: Sequence[InputFile], shard_input_bytes: int
) -> list[Splits]:
    """Splits of a source as reading jobs: large files alone, small ones grouped in path order.

    A group ends when it is full, or (above 1/4) after a file whose path hash says so: cuts depend
    on content, not on position, so one new file does not move all later groups.
    """
    groups: list[Splits] = []
    group: list[InputSplit] = []
    size = 0
    for file in files:
        splits = source.splits(file, shard_input_bytes)
        if len(splits) > 1 or file.size_bytes * SMALL_FILE_SHARE >= shard_input_bytes:
            groups += [tuple(group)] if group else []
            groups += [(split,) for split in splits]
            group, size = [], 0
            continue
        group += splits
        size += file.size_bytes
        ends_here = (
            size * 4 >= shard_input_bytes and xxhash.xxh3_64_intdigest(file.path.encode()) % 8 == 0
        )
        if size >= shard_input_bytes or ends_here:
            groups.append(tuple(group))
            group, size = [], 0
    return [*groups, tuple(group)] if group else groups


def drawn_groups(groups: list[Splits], seed: int, source: str, rate: float) -> list[Splits]:
    """A drawn share of the reading jobs, at least one; the draw is on the first split's path and
    offset.
    """
    keys = pa.array(
        [f"{source}/{group[0].file.path}#{group[0].start}" for group in groups], pa.string()
    )
    chosen = selected(draw_many(seed, Purpose.SAMPLE, keys), rate)
    return [group for group, taken in zip(groups, chosen, strict=True) if taken] or groups[:1]


@dataclass
class SourceState:
    """Where a source's documents are between two segments."""

    name: str
    read: Step
    groups: list[Splits]
    shards: SourceShards | None = None
    base: StepRecords | None = None
    base_signals: tuple[pa.Field, ...] = ()
    sidecars: list[tuple[StepRecords, tuple[pa.Field, ...]]] = field(default_factory=list)
    segments: list[Step] = field(default_factory=list)


@dataclass
class ExchangeState:
    """Results of a settled exchange. failed: by shard, documents on which its visits failed. live:
    by source, its shards as they were when they emitted.
    """

    verdicts: tuple[FileRef, ...]
    lookups: tuple[FileRef, ...]
    failed: Mapping[int, tuple[FileRef, ...]]
    live: Mapping[str, Callable[[int], LiveShard]]


class StepFactory:
    """Builds steps of one run; knows the plan, the driver's decisions and where every source
    stands.
    """

    def __init__(
        self,
        plan: Plan,
        driver: Driver,
        keep_text: RemovedText,
        sample_rate: float | None = None,
        indexes: Indexes | None = None,
    ) -> None:
        self.plan, self.driver, self.keep_text, self.sample_rate = (
            plan,
            driver,
            keep_text,
            sample_rate,
        )
        self.sources: dict[str, SourceState] = {}
        self.exchanges: dict[str, ExchangeState] = {}
        self.indexes = indexes or Indexes()
        self.artefacts: dict[str, tuple[Artefact, ...]] = {}
        self.document_steps: dict[str, Step] = {}

    def planned(self, label: str) -> PlannedStep:
        return self.plan.steps[label]

    def decisions(
        self, source: str, splits: Splits, stages: Collection[str]
    ) -> tuple[Decision, ...]:
        """Decisions of these stages about documents of these files."""
        if not self.driver.decisions:
            return ()
        prefixes = tuple(f"{source}/{split.file.path}#" for split in splits)
        return tuple(
            d for d in self.driver.decisions if d.stage in stages and d.id.startswith(prefixes)
        )

    def read(self, name: str, source: Source, files: Sequence[InputFile]) -> Step:
        """The reading step of a source."""
        groups = group_splits(source, files, self.plan.spec.engine.shard_input_bytes)
        if self.sample_rate is not None:
            groups = drawn_groups(groups, self.plan.spec.seed, name, self.sample_rate)
        planned = self.planned(f"{name}.read")

        def make(index: int) -> ReadJob:
            splits = groups[index]
            decisions = self.decisions(name, splits, (READ_STAGE,))
            inputs = [
                [s.file.path, s.file.size_bytes, s.file.stamp, s.start, s.end] for s in splits
            ]
            key = digest(
                [planned.fingerprint, inputs, [[d.id, d.stage, d.reason] for d in decisions]]
            )
            return ReadJob(planned.name, key, name, source, splits, decisions)

        step = Step(planned.name, planned.label, len(groups), make)
        self.sources[name] = SourceState(name, step, groups)
        return step

    def finish_reading(self) -> None:
        """All sources are read: number the shards."""
        ordinal = 0
        for name, state in self.sources.items():
            state.shards = SourceShards(
                name, state.read.records, self.plan.spec.sources[name].limit
            )
            state.shards.first_ordinal = ordinal
            ordinal += len(state.shards)

    def segment(self, segment: SegmentPlan) -> Step:
        """One segment of one source, a job per base shard."""
        state = self.sources[segment.source]
        shards, planned = state.shards, self.planned(f"{segment.source}.{segment.index}")
        assert shards is not None
        live = self.live_shards(segment.source)
        partitions = self.partitions(segment.exchange) if segment.exchange is not None else 0
        exchange = self.exchanges[segment.applies.name] if segment.applies is not None else None
        shared: list[object] = [planned.fingerprint, self.keep_text, partitions]
        verdicts = (
            []
            if exchange is None
            else [f.checksum for f in (*exchange.verdicts, *exchange.lookups)]
        )
        shared.append(digest(verdicts))
        shared.append(self.plan.spec.seed if self.keep_text == "sample" else None)
        learns, artefacts = self.sized(segment.learns), self.used(segment)
        if learns is not None or artefacts:
            fits = () if learns is None else learns.fits
            shared.append([configuration(fit) for fit in fits])
            shared.append([artefact.sha256 for artefact in artefacts])
        segment = replace(segment, learns=learns)
        guards = segment.guards()

        def make(index: int) -> SegmentJob:
            shard = live(index)
            decisions = self.shard_decisions(segment.source, index, guards)
            joined, place = None, []
            if exchange is not None:
                ordinal = shards.first_ordinal + index
                failed = exchange.failed.get(ordinal, ())
                joined = VerdictInput(ordinal, exchange.verdicts, exchange.lookups, failed)
                place = [ordinal, *(ref.checksum for ref in failed)]
            given_up = [[d.id, d.stage, d.reason] for d in decisions]
            key = digest([shared, shard.ingredients(), place, given_up])
            return SegmentJob(
                planned.name,
                key,
                segment,
                shard,
                joined,
                partitions,
                self.keep_text,
                decisions,
                artefacts,
            )

        step = Step(planned.name, planned.label, len(shards), make)
        state.segments.append(step)
        return step

    def finish_segment(self, segment: SegmentPlan, step: Step) -> None:
        """Move the source behind this segment."""
        state = self.sources[segment.source]
        if segment.materialise:
            state.base, state.sidecars = step.records, []
            state.base_signals = (*segment.signals_before, *segment.signals)
        else:
            state.sidecars.append((step.records, segment.beside()))

    def sized(self, learns: LearnPlan | None) -> LearnPlan | None:
        """The fits of a segment, told how many documents their sources have read."""
        if learns is None:
            return None
        sources = [segment.source for segment in self.plan.learned_from(learns.entry)]
        documents = sum(self.shards(source).documents for source in sources)
        return replace(learns, fits=tuple(fit.sized(documents) for fit in learns.fits))

    def used(self, segment: SegmentPlan) -> tuple[Artefact, ...]:
        """What the stages of a segment have learned."""
        return () if segment.uses is None else self.artefacts[segment.uses.entry]

    def states(self, learns: LearnPlan, part: int) -> list[FileRef]:
        """States of one fit, a file per shard, in document order."""
        found = []
        for segment in self.plan.learned_from(learns.entry):
            records = self.sources[segment.source].segments[segment.index - 1].records
            found += [records.ref(index, "state", part) for index in range(records.jobs)]
        return found

    def merge_states(self, learns: LearnPlan, fit: Fit, inputs: list[FileRef], level: int) -> Step:
        """Join neighbouring states."""
        planned = self.planned(fit_label(learns.entry, fit.name))
        groups = [
            tuple(inputs[start : start + MERGE_FAN_IN])
            for start in range(0, len(inputs), MERGE_FAN_IN)
        ]
        name = f"{planned.label}.merge.{level}-{planned.fingerprint[:12]}"

        def make(index: int) -> MergeStatesJob:
            sums = [ref.checksum for ref in groups[index]]
            key = digest([planned.fingerprint, configuration(fit), "merge", level, sums])
            return MergeStatesJob(name, key, fit, groups[index])

        return Step(name, f"{planned.label}.merge", len(groups), make)

    def finish_fit(self, learns: LearnPlan, fit: Fit, inputs: list[FileRef]) -> Step:
        """Learn one artefact from the last states."""
        planned = self.planned(fit_label(learns.entry, fit.name))

        def make(index: int) -> FinishJob:
            sums = [ref.checksum for ref in inputs]
            key = digest([planned.fingerprint, configuration(fit), "finish", sums])
            return FinishJob(planned.name, key, fit, tuple(inputs))

        return Step(planned.name, planned.label, 1, make)

    def finish_learning(self, learns: LearnPlan, steps: Sequence[Step]) -> None:
        """All fits of an entry are done; steps: one per fit, in order."""
        found = []
        for fit, step in zip(learns.fits, steps, strict=True):
            file = next(file for file in step.records.files(0) if file.kind.startswith(ARTEFACT))
            sha256 = file.kind.removeprefix(ARTEFACT)
            found.append(Artefact(learns.entry, fit.name, sha256, file.ref))
        self.artefacts[learns.entry] = tuple(found)

    def inherit(self, entry: StageEntry, step: Step) -> None:
        """The fits of an entry learned in the run that an index is of; step: a job per fit."""
        self.artefacts[entry.name] = tuple(
            Artefact(entry.name, each.fit, each.sha256, step.records.ref(n, ARTEFACT + each.sha256))
            for n, each in enumerate(self.indexes.learned[entry.name])
        )

    def partitions(self, entry: StageEntry) -> int:
        """Partitions of an exchange, from the documents that were read; never from this machine."""
        documents = sum(self.shards(source).documents for source in self.plan.passing(entry.name))
        documents += sum(shard.ids.rows for shard in self.indexes.shards.get(entry.name, ()))
        size = self.plan.spec.engine.exchange_partition_bytes
        return planned_partitions(first_phase(entry), documents, size)

    def shards(self, source: str) -> SourceShards:
        shards = self.sources[source].shards
        assert shards is not None
        return shards

    def emitting(self, source: str, entry: StageEntry) -> Step:
        """The step of this source that emits for an exchange."""
        chain = self.plan.chains[source]
        index = next(s.index for s in chain if s.exchange is not None and s.exchange == entry)
        return self.sources[source].segments[index - 1]

    def applying(self, source: str, entry: StageEntry) -> Step:
        """The step of this source that joins the verdicts of an exchange."""
        chain = self.plan.chains[source]
        index = next(s.index for s in chain if s.applies is not None and s.applies == entry)
        return self.sources[source].segments[index - 1]

    def evidence(self, entry: StageEntry) -> list[FileRef]:
        """Lists that the shards wrote of an exchange's edits, in document order."""
        found = []
        for source, chain in self.plan.chains.items():
            for segment in chain:
                if segment.applies == entry:
                    records = self.sources[source].segments[segment.index - 1].records
                    files = (records.file(i, "evidence") for i in range(records.jobs))
                    found += [file.ref for file in files if file is not None]
        return found

    def live_shards(self, source: str) -> Callable[[int], LiveShard]:
        """The shards of a source as they stand now, also when they are asked for later."""
        state, shards = self.sources[source], self.shards(source)
        base, signals, sidecars = state.base, state.base_signals, tuple(state.sidecars)

        def shard(index: int) -> LiveShard:
            own = shards[index]
            beside = tuple((records.ref(index, "sidecar"), fields) for records, fields in sidecars)
            if base is None:
                return LiveShard(own.rows, signals, beside, own.take)
            return LiveShard(base.ref(index, "rows"), signals, beside, None)

        return shard

    def shard_decisions(
        self, source: str, index: int, guards: Collection[str]
    ) -> tuple[Decision, ...]:
        """Decisions about documents of one shard."""
        if not self.driver.decisions:
            return ()
        state = self.sources[source]
        return self.decisions(source, state.groups[self.shards(source)[index].job], guards)

    def documents(self, source: str) -> Step:
        """Parts of `documents/<source>/`."""
        planned, state, shards = (
            self.planned(f"{source}.documents"),
            self.sources[source],
            self.shards(source),
        )
        assert state.base is not None
        parts: list[tuple[list[FileRef], int]] = []
        for index in range(len(shards)):
            file = state.base.file(index, "rows")
            assert file is not None
            if not file.ref.rows:
                continue
            if not parts or parts[-1][1] + file.text_bytes > self.plan.spec.engine.part_bytes:
                parts.append(([], 0))
            refs, size = parts[-1]
            refs.append(file.ref)
            parts[-1] = (refs, size + file.text_bytes)
        schema = [[column.name, str(column.type)] for column in self.plan.signals]

        def make(index: int) -> CollectDocumentsJob:
            refs, size = parts[index]
            key = digest([planned.fingerprint, schema, [ref.checksum for ref in refs]])
            return CollectDocumentsJob(
                planned.name, key, tuple(refs), state.base_signals, self.plan.signals, size
            )

        return Step(planned.name, planned.label, len(parts), make)

    def fates(self) -> Step:
        """Parts of `removed/` and `quarantine/`."""
        planned = self.planned("fates")
        groups: list[list[tuple[int, tuple[FileRef, ...]]]] = []
        size = FATES_PART_BYTES
        for ordinal, refs in self.fates_by_shard():
            if size >= FATES_PART_BYTES:
                groups.append([])
                size = 0
            groups[-1].append((ordinal, refs))
            size += sum(ref.size_bytes for ref in refs)
        schema = [[column.name, str(column.type)] for column in self.plan.signals]

        def make(index: int) -> CollectFatesJob:
            inputs = tuple(groups[index])
            key = digest(
                [
                    planned.fingerprint,
                    schema,
                    [[o, [ref.checksum for ref in refs]] for o, refs in inputs],
                ]
            )
            return CollectFatesJob(planned.name, key, inputs, self.plan.signals)

        extensions: Mapping[str, str] = {"removed": "parquet", "quarantined": "parquet"}
        return Step(planned.name, planned.label, len(groups), make, extensions)

    def fates_by_shard(self) -> list[tuple[int, tuple[FileRef, ...]]]:
        """(ordinal, fates files of all its segments) for shards that have any."""
        found = []
        for state in self.sources.values():
            shards = self.shards(state.name)
            for index in range(len(shards)):
                read = shards.fates(index)
                later = [segment.records.file(index, "fates") for segment in state.segments]
                refs = tuple(
                    ref
                    for ref in (read, *(file.ref for file in later if file is not None))
                    if ref is not None
                )
                if refs:
                    found.append((shards.first_ordinal + index, refs))
        return found


def planned_partitions(phase: Phase, rows: int, partition_bytes: int) -> int:
    """Partitions of a phase that may get `rows_per_document` rows for each of `rows`."""
    width = phase.row_bytes or sum(
        fixed_width(column.type) or VARIABLE_BYTES for column in phase.schema()
    )
    return max(1, math.ceil(rows * phase.rows_per_document * width / partition_bytes))
