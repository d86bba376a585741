"""Settling: merge the slices of one partition, settle them, pass on what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.pipeline.exchanges.rows import (
    ORDINAL_SHIFT,
    ExchangeRows,
    Place,
    RoutedRows,
    add_counts,
    addresses,
    emitted,
    ordinals,
    phase_at,
    row_numbers,
    slices,
)
from curate.pipeline.exchanges.verdicts import settled_schema, verdict_schema
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.merge import combined_rows, merge_sorted
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import INDEX_BIT, Exchange, Phase, Repeat
from curate.storage.sliced import read_slice, write_sliced
from curate.storage.store import FileRef, Store

LOOKUP_GROUP = 64
"""Base shards whose ids one lookup job reads."""
LINK_SCHEMA = pa.schema([pa.field("representative", pa.uint64()), pa.field("address", pa.uint64())])

SETTLED_ROWS = "exchange|settled"
"""Count of the rows that a settling job passed on."""


@dataclass(frozen=True, slots=True)
class ExchangeInput:
    """One file of emitted rows. ordinal: of the shard whose rows it holds, None when addresses are
    complete already.
    """

    ref: FileRef
    ordinal: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of settled rows: emitted for the phase at `place` (into `partitions`), sent to
    the shards that it visits, or written as verdicts.

    keep_rows: at most so many settled rows of a job are also written as they are, for the short
    way through a `Repeat`.
    """

    kind: Literal["emit", "visit", "verdicts"]
    place: Place = (0, 0)
    partitions: int = 0
    keep_rows: int = 0

    def ingredients(self) -> list[object]:
        """What a job key says of it."""
        return [self.kind, list(self.place), self.partitions, self.keep_rows]


def merged_rows(
    store: Store, phase: Phase, inputs: Sequence[ExchangeInput], partition: int
) -> Iterator[pa.RecordBatch]:
    """Rows of one partition of many files in (key, order, address) order, combined where the phase
    can.
    """
    merged = merge_sorted([_addressed(store, item, partition) for item in inputs], phase.order)
    return merged if phase.combine is None else combined_rows(merged, phase.combine)


@dataclass(frozen=True)
class ConsolidateJob:
    """Merge the exchange files of a group of shards into one, slice by slice, so that a settling
    job opens few files.
    """

    step: str
    key: str
    entry: StageEntry
    place: Place
    inputs: tuple[ExchangeInput, ...]
    partitions: int

    def run(self, context: JobContext) -> JobResult:
        phase = phase_at(self.entry, self.place)
        parts = ((number, self.merged(context, phase, number)) for number in range(self.partitions))
        path = output_path(self.step, self.key, "exchange")
        ref = write_sliced(context.store, path, phase.schema(), parts)
        return JobResult((OutputFile("exchange", 0, ref),))

    def merged(self, context: JobContext, phase: Phase, number: int) -> Iterator[pa.RecordBatch]:
        context.watch.begin(f"partition {number}", self.step)
        return merged_rows(context.store, phase, self.inputs, number)


@dataclass(frozen=True)
class SettleJob:
    """Settle one partition of one phase."""

    step: str
    key: str
    entry: StageEntry
    place: Place
    partition: int
    inputs: tuple[ExchangeInput, ...]
    target: Target

    def run(self, context: JobContext) -> JobResult:
        phase = phase_at(self.entry, self.place)
        context.watch.begin(f"partition {self.partition}", self.entry.name)
        rows = merged_rows(context.store, phase, self.inputs, self.partition)
        settled = declared(phase.name, phase.settled, phase.settle(rows))
        return Passing(self.entry, self.target, phase.settled, self.step, self.key).run(
            context, settled
        )


@dataclass(frozen=True)
class SmallRepeatJob:
    """The short way through a `Repeat`: all entering rows in memory."""

    step: str
    key: str
    entry: StageEntry
    place: int
    inputs: tuple[FileRef, ...]
    target: Target

    def run(self, context: JobContext) -> JobResult:
        stage = self.entry.stage
        assert isinstance(stage, Exchange)
        repeat = stage.phases()[self.place]
        assert isinstance(repeat, Repeat)
        assert repeat.small is not None
        schema = repeat.phases[-1].settled
        context.watch.begin("all rows", self.entry.name)
        batches = [b for ref in self.inputs for b in read_slice(context.store, ref, 0)]
        table = repeat.small(pa.Table.from_batches(batches, schema).combine_chunks())
        settled = declared(repeat.phases[-1].name, schema, iter(table.to_batches()))
        return Passing(self.entry, self.target, schema, self.step, self.key).run(context, settled)


@dataclass(frozen=True)
class Passing:
    """Passes on what a job settled."""

    entry: StageEntry
    target: Target
    schema: pa.Schema
    step: str
    key: str

    def run(self, context: JobContext, settled: Iterator[pa.RecordBatch]) -> JobResult:
        if self.target.kind == "emit":
            return self.emit(context, settled)
        if self.target.kind == "visit":
            return self.send(context, settled)
        return self.judge(context, settled)

    def path(self, kind: str) -> str:
        return output_path(self.step, self.key, kind)

    def emit(self, context: JobContext, settled: Iterator[pa.RecordBatch]) -> JobResult:
        phase = phase_at(self.entry, self.target.place)
        assert phase.emit is not None
        rows = ExchangeRows(phase, self.target.partitions)
        counts: Counter[str] = Counter()
        kept = _Kept(self.target.keep_rows)
        for batch in settled:
            counts[SETTLED_ROWS] += batch.num_rows
            kept.add(batch)
            made = emitted(phase.emit(batch))
            rows.add(made.rows)
            if not self.repeats():
                add_counts(counts, self.entry.name, made)
        counts[SETTLED_ROWS] += 0
        files = [OutputFile("exchange", 0, rows.publish(context.store, self.path("exchange")))]
        if kept.batches:
            ref = write_sliced(
                context.store, self.path("settled"), self.schema, [(0, kept.batches)]
            )
            files.append(OutputFile("settled", 0, ref))
        return JobResult(tuple(files), counts)

    def repeats(self) -> bool:
        """Whether the next phase is part of a `Repeat`."""
        stage = self.entry.stage
        assert isinstance(stage, Exchange)
        return isinstance(stage.phases()[self.target.place[0]], Repeat)

    def send(self, context: JobContext, settled: Iterator[pa.RecordBatch]) -> JobResult:
        """Rows by shard, and a list of those shards for the driver."""
        rows = RoutedRows.to_visit(self.schema)
        for batch in settled:
            rows.add(batch)
        shards: list[int] = []

        def noted() -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
            for ordinal, batches in slices(rows.sorted(), ordinals):
                shards.append(ordinal)
                yield ordinal, batches

        ref = write_sliced(context.store, self.path("visits"), self.schema, noted())
        data = np.array(shards, "<u4").tobytes()
        listed = context.store.publish(self.path("shards"), data)
        return JobResult(
            (OutputFile("visits", 0, ref), OutputFile("shards", 0, listed)),
            Counter({SETTLED_ROWS: ref.rows}),
        )

    def judge(self, context: JobContext, settled: Iterator[pa.RecordBatch]) -> JobResult:
        """Verdicts by shard, links by group of shards; documents of an index are not judged."""
        stage = self.entry.stage
        assert isinstance(stage, Exchange)
        schema = settled_schema(stage)
        verdicts = RoutedRows(schema, "address")
        links = RoutedRows(LINK_SCHEMA, "representative")
        for batch in settled:
            own = _of_this_run(batch.cast(schema))
            verdicts.add(own)
            linked = own.filter(pc.is_valid(own.column("representative")))
            links.add(linked.select(["representative", "address"]))
        numbered = verdict_schema(stage)
        by_row = (
            (ordinal, (_numbered(batch, numbered) for batch in batches))
            for ordinal, batches in slices(verdicts.sorted(), ordinals)
        )
        written = write_sliced(context.store, self.path("verdicts"), numbered, by_row)
        groups = slices(links.sorted(), link_groups)
        linked_to = write_sliced(context.store, self.path("links"), LINK_SCHEMA, groups)
        return JobResult(
            (OutputFile("verdicts", 0, written), OutputFile("links", 0, linked_to)),
            Counter({"exchange|verdicts": written.rows, "exchange|links": linked_to.rows}),
        )


class _Kept:
    """Settled rows while they are few."""

    def __init__(self, most: int) -> None:
        self.most, self.rows = most, 0
        self.batches: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        if self.rows <= self.most:
            self.batches.append(batch)
        else:
            self.batches = []


def link_groups(batch: pa.RecordBatch) -> np.ndarray:
    """int64[n]: the group of base shards that each representative lies in."""
    return ordinals(batch, "representative") // LOOKUP_GROUP


def _of_this_run(batch: pa.RecordBatch) -> pa.RecordBatch:
    of_index = addresses(batch) >= np.uint64(INDEX_BIT)
    return batch.filter(pa.array(~of_index)) if of_index.any() else batch


def _numbered(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`address` becomes `row`."""
    columns = [row_numbers(batch), *batch.columns[1:]]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def declared(
    name: str, schema: pa.Schema, settled: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Settled batches of the schema that the phase declares. Raises StageError for others."""
    for batch in settled:
        if batch.schema.names != schema.names or batch.schema.types != schema.types:
            raise StageError(f"phase '{name}' settled {batch.schema}, declared is {schema}")
        yield batch if batch.schema == schema else batch.cast(schema)


def _addressed(store: Store, item: ExchangeInput, partition: int) -> Iterator[pa.RecordBatch]:
    """A slice with complete addresses."""
    for batch in read_slice(store, item.ref, partition):
        if item.ordinal is None:
            yield batch
            continue
        index = batch.schema.get_field_index("address")
        full = addresses(batch) + (np.uint64(item.ordinal) << ORDINAL_SHIFT)
        yield batch.set_column(index, batch.schema.field(index), pa.array(full, pa.uint64()))
