"""Exchanges on files: emit -> partition -> sort -> settle -> verdicts, never rewriting a shard.

A segment writes one sliced file of emitted rows, sorted, a slice per partition. One settling job
per partition merges its slices and writes verdicts sliced by shard ordinal, and links sliced by
groups of shards; lookup jobs turn the address of a representative into its id and source for the
rows that have one. The next segment joins both by row number. Inside a segment's file the address
is the row number; the reader adds the ordinal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.merge import merge_sorted, partition_of, sort_rows
from curate.pipeline.operations import Batch, Runner
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import VERDICT_LINKS, Emitted, Exchange, Phase
from curate.storage.parquet import read_batches
from curate.storage.sliced import read_slice, write_sliced
from curate.storage.store import FileRef, Store

LOOKUP_GROUP = 64
"""Base shards whose ids one lookup job reads."""

LINK_SCHEMA = pa.schema([pa.field("representative", pa.uint64()), pa.field("address", pa.uint64())])
LOOKUP_SCHEMA = pa.schema(
    [
        pa.field("row", pa.uint32()),
        pa.field("duplicate_of", pa.string()),
        pa.field("duplicate_source", pa.string()),
    ]
)


class ExchangeRows:
    """Rows that one job emits for one phase, in memory until the shard is done (tens of bytes per
    document).
    """

    def __init__(self, phase: Phase, partitions: int) -> None:
        self.phase, self.partitions = phase, partitions
        self._batches: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the phase's schema. Raises StageError for others."""
        expected = self.phase.schema()
        if batch.schema.names != expected.names or batch.schema.types != expected.types:
            raise StageError(
                f"phase '{self.phase.name}' emitted {batch.schema}, declared is {expected}"
            )
        self._batches.append(batch.cast(expected) if batch.schema != expected else batch)

    def publish(self, store: Store, path: str) -> FileRef:
        """Sort, combine, and write a slice per partition."""
        schema = self.phase.schema()
        table = pa.Table.from_batches(self._batches, schema).combine_chunks()
        rows = sort_rows(table, self.phase.order)
        batches = (
            rows.to_batches()
            if self.phase.combine is None
            else [self.phase.combine(b) for b in rows.to_batches()]
        )
        rows = pa.Table.from_batches(batches, schema).combine_chunks()
        numbers = (
            partition_of(rows.column("key").combine_chunks(), self.partitions)
            if rows.num_rows
            else np.empty(0, np.int64)
        )
        bounds = np.searchsorted(numbers, np.arange(self.partitions + 1))
        slices = (
            (
                number,
                rows.slice(
                    int(bounds[number]), int(bounds[number + 1] - bounds[number])
                ).to_batches(),
            )
            for number in range(self.partitions)
            if bounds[number + 1] > bounds[number]
        )
        return write_sliced(store, path, schema, slices)


def emit_first(
    entry: StageEntry, batch: Batch, rows: ExchangeRows, runner: Runner
) -> pa.RecordBatch | None:
    """Emit a batch of live documents into the first phase; fates of those on which it failed."""
    stage = entry.stage
    assert isinstance(stage, Exchange)
    names = [name for name in stage.reads if name != "address"]

    def emit(part: pa.RecordBatch) -> pa.RecordBatch:
        columns = [*(part.column(name) for name in names), part.column("row").cast(pa.uint64())]
        batch = pa.RecordBatch.from_arrays(columns, names=[*names, "address"])
        return emitted(rows.phase, batch).rows

    made, dead = runner.guarded(entry.name, batch, emit)
    for each in made:
        rows.add(each)
    if dead is not None:
        runner.counts[f"stage|{entry.name}|read"] += dead.num_rows
    return dead


@dataclass(frozen=True, slots=True)
class ExchangeInput:
    """One file of emitted rows. ordinal: of the shard whose rows it holds, None when addresses are
    complete already.
    """

    ref: FileRef
    ordinal: int | None


@dataclass(frozen=True)
class VerdictInput:
    """Where the verdicts of one shard lie: its slice in every verdict and lookup file."""

    ordinal: int
    verdicts: tuple[FileRef, ...]
    lookups: tuple[FileRef, ...]


def verdict_schema(stage: Exchange) -> pa.Schema:
    """Rows of a verdict slice."""
    return pa.schema([pa.field("row", pa.uint32()), *stage.verdicts(), *VERDICT_LINKS])


def read_verdicts(store: Store, source: VerdictInput, schema: pa.Schema) -> pa.Table:
    """row, the verdict's signals, duplicate_of, duplicate_source, similarity: one row per document
    that has a verdict.
    """
    found = [b for ref in source.verdicts for b in read_slice(store, ref, source.ordinal)]
    names = [b for ref in source.lookups for b in read_slice(store, ref, source.ordinal)]
    verdicts = pa.Table.from_batches(found, schema).combine_chunks()
    lookups = pa.Table.from_batches(names, LOOKUP_SCHEMA).combine_chunks()
    position = pc.index_in(_column(verdicts, "row"), value_set=_column(lookups, "row"))
    signals = [name for name in schema.names if name not in ("row", "representative", "similarity")]
    columns = [_column(verdicts, "row"), *(_column(verdicts, name) for name in signals)]
    columns += [
        _column(lookups, "duplicate_of").take(position),
        _column(lookups, "duplicate_source").take(position),
    ]
    columns.append(_column(verdicts, "similarity"))
    return pa.Table.from_arrays(
        columns, names=["row", *signals, "duplicate_of", "duplicate_source", "similarity"]
    )


def phase_of(entry: StageEntry, index: int) -> Phase:
    """One phase of an exchange entry."""
    stage = entry.stage
    assert isinstance(stage, Exchange)
    phase = stage.phases()[index]
    assert isinstance(phase, Phase)
    return phase


def emitted(phase: Phase, batch: pa.RecordBatch) -> Emitted:
    """What `emit` makes of a batch, with counts."""
    assert phase.emit is not None
    made = phase.emit(batch)
    return made if isinstance(made, Emitted) else Emitted(made, {})


def merged_rows(
    store: Store, phase: Phase, inputs: Sequence[ExchangeInput], partition: int
) -> Iterator[pa.RecordBatch]:
    """Rows of one partition of many files in (key, order, address) order, combined where the phase
    can.
    """
    merged = merge_sorted([_addressed(store, item, partition) for item in inputs], phase.order)
    return merged if phase.combine is None else (phase.combine(batch) for batch in merged)


@dataclass(frozen=True)
class ConsolidateJob:
    """Merge the exchange files of a group of shards into one, slice by slice, so that a settling
    job opens few files.
    """

    step: str
    key: str
    entry: StageEntry
    phase: int
    inputs: tuple[ExchangeInput, ...]
    partitions: int

    def run(self, context: JobContext) -> JobResult:
        phase = phase_of(self.entry, self.phase)
        slices = (
            (number, self.merged(context, phase, number)) for number in range(self.partitions)
        )
        path = output_path(self.step, self.key, "exchange")
        ref = write_sliced(context.store, path, phase.schema(), slices)
        return JobResult((OutputFile("exchange", 0, ref),))

    def merged(self, context: JobContext, phase: Phase, number: int) -> Iterator[pa.RecordBatch]:
        context.watch.begin(f"partition {number}", self.step)
        return merged_rows(context.store, phase, self.inputs, number)


@dataclass(frozen=True)
class SettleJob:
    """Settle one partition of one phase; the last phase writes verdicts and links, an earlier one
    the next phase's rows.
    """

    step: str
    key: str
    entry: StageEntry
    phase: int
    partition: int
    partitions: int
    inputs: tuple[ExchangeInput, ...]

    def run(self, context: JobContext) -> JobResult:
        stage = self.entry.stage
        assert isinstance(stage, Exchange)
        phases = stage.phases()
        phase = phase_of(self.entry, self.phase)
        context.watch.begin(f"partition {self.partition}", self.entry.name)
        rows = merged_rows(context.store, phase, self.inputs, self.partition)
        settled = _declared(phase, phase.settle(rows))
        if self.phase + 1 < len(phases):
            return self.pass_on(context, settled, phase_of(self.entry, self.phase + 1))
        return self.publish_verdicts(context, settled, stage)

    def pass_on(
        self, context: JobContext, settled: Iterator[pa.RecordBatch], phase: Phase
    ) -> JobResult:
        rows = ExchangeRows(phase, self.partitions)
        for batch in settled:
            rows.add(emitted(phase, batch).rows)
        ref = rows.publish(context.store, output_path(self.step, self.key, "exchange"))
        return JobResult((OutputFile("exchange", 0, ref),), Counter({"exchange|rows": ref.rows}))

    def publish_verdicts(
        self, context: JobContext, settled: Iterator[pa.RecordBatch], stage: Exchange
    ) -> JobResult:
        address = pa.field("address", pa.uint64())
        schema = pa.schema([address, *stage.verdicts(), *VERDICT_LINKS])
        table = pa.Table.from_batches([batch.cast(schema) for batch in settled], schema)
        order = pc.sort_indices(table, [("address", "ascending")])
        table = table.take(order).combine_chunks()
        addresses = _column(table, "address").to_numpy(zero_copy_only=False)
        rows = pa.array((addresses & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        verdicts = (
            table.drop_columns(["address"]).add_column(0, "row", rows).cast(verdict_schema(stage))
        )
        path = output_path(self.step, self.key, "verdicts")
        written = write_sliced(
            context.store, path, verdicts.schema, _by_group(verdicts, addresses >> np.uint64(32))
        )
        linked = table.filter(pc.is_valid(table.column("representative"))).select(
            ["representative", "address"]
        )
        linked = linked.take(
            pc.sort_indices(linked, [("representative", "ascending"), ("address", "ascending")])
        )
        groups = (
            _column(linked, "representative").to_numpy(zero_copy_only=False) >> np.uint64(32)
        ) // np.uint64(LOOKUP_GROUP)
        path = output_path(self.step, self.key, "links")
        links = write_sliced(
            context.store, path, LINK_SCHEMA, _by_group(linked.cast(LINK_SCHEMA), groups)
        )
        return JobResult(
            (OutputFile("verdicts", 0, written), OutputFile("links", 0, links)),
            Counter({"exchange|verdicts": written.rows, "exchange|links": links.rows}),
        )


@dataclass(frozen=True)
class LookupJob:
    """Ids and sources of the representatives that lie in one group of base shards."""

    step: str
    key: str
    group: int
    links: tuple[FileRef, ...]
    shards: tuple[tuple[int, FileRef], ...]
    """(ordinal, base shard) of the group."""

    def run(self, context: JobContext) -> JobResult:
        found = [b for ref in self.links for b in read_slice(context.store, ref, self.group)]
        links = pa.Table.from_batches(
            found, LINK_SCHEMA
        )  # every partition's run is sorted, together they are not
        by_place = [("representative", "ascending"), ("address", "ascending")]
        links = links.take(pc.sort_indices(links, by_place)).combine_chunks()
        wanted = _column(links, "representative").to_numpy(zero_copy_only=False)
        pieces = [
            piece
            for ordinal, ref in self.shards
            for piece in self.shard(context.store, ordinal, ref, links, wanted)
        ]
        schema = pa.schema([pa.field("address", pa.uint64()), *list(LOOKUP_SCHEMA)[1:]])
        table = pa.Table.from_batches(pieces, schema)
        table = table.take(pc.sort_indices(table, [("address", "ascending")])).combine_chunks()
        if table.num_rows != links.num_rows:
            raise StageError(
                f"{self.step}: {links.num_rows - table.num_rows} representatives are not in their "
                "shards"
            )
        addresses = _column(table, "address").to_numpy(zero_copy_only=False)
        rows = pa.array((addresses & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        named = table.drop_columns(["address"]).add_column(0, "row", rows).cast(LOOKUP_SCHEMA)
        path = output_path(self.step, self.key, "lookup")
        ref = write_sliced(
            context.store, path, LOOKUP_SCHEMA, _by_group(named, addresses >> np.uint64(32))
        )
        return JobResult((OutputFile("lookup", 0, ref),))

    def shard(
        self, store: Store, ordinal: int, ref: FileRef, links: pa.Table, wanted: np.ndarray
    ) -> Iterator[pa.RecordBatch]:
        start, end = np.searchsorted(
            wanted, np.array([ordinal, ordinal + 1], np.uint64) << np.uint64(32)
        )
        if start == end:
            return
        part = links.slice(int(start), int(end - start))
        rows = pa.array((wanted[start:end] & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        for batch in read_batches(store, ref, ["id", "source", "row"]):
            position = pc.index_in(rows, value_set=batch.column("row"))
            here = pc.is_valid(position)
            position = position.filter(here)
            yield pa.RecordBatch.from_arrays(
                [
                    _column(part, "address").filter(here),
                    batch.column("id").take(position),
                    batch.column("source").take(position),
                ],
                names=["address", "duplicate_of", "duplicate_source"],
            )


def _declared(phase: Phase, settled: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Settled batches of the schema that the phase declares. Raises StageError for others."""
    for batch in settled:
        if batch.schema.names != phase.settled.names or batch.schema.types != phase.settled.types:
            raise StageError(
                f"phase '{phase.name}' settled {batch.schema}, declared is {phase.settled}"
            )
        yield batch


def _addressed(store: Store, item: ExchangeInput, partition: int) -> Iterator[pa.RecordBatch]:
    """A slice with complete addresses."""
    for batch in read_slice(store, item.ref, partition):
        if item.ordinal is None:
            yield batch
            continue
        index = batch.schema.get_field_index("address")
        rows = batch.column(index).to_numpy(zero_copy_only=False)
        full = pa.array(rows + np.uint64(item.ordinal << 32), pa.uint64())
        yield batch.set_column(index, batch.schema.field(index), full)


def _by_group(
    table: pa.Table, groups: np.ndarray
) -> Iterator[tuple[int, Sequence[pa.RecordBatch]]]:
    """Runs of equal, ascending group numbers."""
    numbers, starts = np.unique(groups, return_index=True)
    ends = [*starts[1:], len(groups)][: len(numbers)]
    for number, start, end in zip(numbers, starts, ends, strict=True):
        yield int(number), table.slice(int(start), int(end) - int(start)).to_batches()


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
