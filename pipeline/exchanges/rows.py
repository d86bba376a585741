"""Rows on their way through an exchange: sorted, bounded in memory, cut into slices.

Whoever collects rows holds at most `SPILL_BYTES` of them; more go to sorted runs in temporary
files, merged when the rows are asked for. Files hold the same bytes either way: order is total but
for rows that a phase declares interchangeable, and batches are cut by the rows alone.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import IO

import numpy as np
import pyarrow as pa

from curate.errors import StageError
from curate.pipeline.accounts import STAGE_COUNT
from curate.pipeline.batch import Batch
from curate.pipeline.merge import combined_rows, merge_sorted, partition_of, sorted_batches
from curate.pipeline.operations import Runner
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import Emitted, Exchange, Phase, Repeat
from curate.storage.sliced import even_batches, write_sliced
from curate.storage.store import FileRef, Store

SPILL_BYTES = 128 * 2**20
"""Rows that a job holds before they go to a temporary file; and as much again to sort them."""

BATCH_OVERHEAD_BYTES = 1024
"""Held for a batch beside its values: stages may yield many small ones."""

ROW_MASK = np.uint64(0xFFFFFFFF)
ORDINAL_SHIFT = np.uint64(32)

Place = tuple[int, int]
"""A phase of an exchange: place in `phases()`, place inside a `Repeat` (0 otherwise)."""


def phase_at(entry: StageEntry, place: Place) -> Phase:
    """One phase of an exchange entry."""
    stage = entry.stage
    assert isinstance(stage, Exchange)
    found = stage.phases()[place[0]]
    return found.phases[place[1]] if isinstance(found, Repeat) else found


def first_phase(entry: StageEntry) -> Phase:
    """The phase that documents are emitted for."""
    return phase_at(entry, (0, 0))


def describe_phases(entry: StageEntry) -> list[str]:
    """The passes of an exchange, for people."""
    assert isinstance(entry.stage, Exchange)
    found = []
    for phase in entry.stage.phases():
        if isinstance(phase, Repeat):
            found.append(f"repeat ({', '.join(inner.name for inner in phase.phases)})")
        else:
            found.append(phase.name if phase.visit is None else f"visit for {phase.name}")
    return found


def emitted(made: pa.RecordBatch | Emitted) -> Emitted:
    """What a phase made of a batch, with counts."""
    return made if isinstance(made, Emitted) else Emitted(made, {})


def add_counts(counts: Counter[str], entry: str, made: Emitted) -> None:
    """Add what a stage counted, under its name."""
    for name, number in made.counts.items():
        counts[f"{STAGE_COUNT}|{entry}|{name}"] += number


class SortedRows:
    """Collects rows with the columns `key` and `address`; gives them in (key, order, address)
    order.
    """

    def __init__(self, schema: pa.Schema, order: Sequence[pa.Field]) -> None:
        self.schema, self.order = schema, tuple(order)
        self.rows = 0
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._runs: list[IO[bytes]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the schema."""
        if not batch.num_rows:
            return
        self._batches.append(batch)
        self._bytes += batch.nbytes + BATCH_OVERHEAD_BYTES
        self.rows += batch.num_rows
        if self._bytes >= SPILL_BYTES:
            self._spill()

    def _sorted(self) -> Iterator[pa.RecordBatch]:
        """What is in memory, sorted; forgets it."""
        batches, self._batches, self._bytes = self._batches, [], 0
        return sorted_batches(batches, self.schema, self.order)

    def _spill(self) -> None:
        """Write a sorted run. The file has no name and goes with the process."""
        # Open as long as the rows that lie in it.
        file = tempfile.TemporaryFile(prefix="curate-exchange-")  # noqa: SIM115
        with pa.ipc.new_stream(file, self.schema) as writer:
            for batch in even_batches(self._sorted(), self.schema):
                writer.write_batch(batch)
        self._runs.append(file)

    def sorted(self) -> Iterator[pa.RecordBatch]:
        """All rows in order; can be asked once."""
        if not self._runs:
            yield from self._sorted()
            return
        runs, self._runs = self._runs, []
        try:
            streams = [_run(file) for file in runs]
            yield from merge_sorted([*streams, self._sorted()], self.order)
        finally:
            for file in runs:
                file.close()


def _run(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    file.seek(0)
    with pa.ipc.open_stream(file) as reader:
        yield from reader


class ExchangeRows:
    """Rows that one job emits for one phase."""

    def __init__(self, phase: Phase, partitions: int) -> None:
        self.phase, self.partitions = phase, partitions
        self._schema = phase.schema()
        self._rows = SortedRows(self._schema, phase.order)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the phase's schema. Raises StageError for others."""
        expected = self._schema
        if batch.schema.names != expected.names or batch.schema.types != expected.types:
            raise StageError(
                f"phase '{self.phase.name}' emitted {batch.schema}, declared is {expected}"
            )
        self._rows.add(batch.cast(expected) if batch.schema != expected else batch)

    def publish(self, store: Store, path: str) -> FileRef:
        """Sort, combine, and write a slice per partition."""
        rows: Iterable[pa.RecordBatch] = self._rows.sorted()
        if (combine := self.phase.combine) is not None:
            rows = combined_rows(even_batches(rows, self._schema), combine)
        return write_sliced(store, path, self._schema, by_partition(rows, self.partitions))


def by_partition(
    rows: Iterable[pa.RecordBatch], partitions: int
) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Sorted rows as slices, to be consumed in order."""
    return slices(rows, lambda batch: partition_of(batch.column("key"), partitions))


def slices(
    rows: Iterable[pa.RecordBatch], number_of: Callable[[pa.RecordBatch], np.ndarray]
) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """(number, batches) for runs of rows of one number; numbers ascend. To be consumed in order."""
    for number, pieces in groupby(_numbered(rows, number_of), key=itemgetter(0)):
        yield number, (piece for _, piece in pieces)


def _numbered(
    rows: Iterable[pa.RecordBatch], number_of: Callable[[pa.RecordBatch], np.ndarray]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in rows:
        if not batch.num_rows:
            continue
        numbers = number_of(batch)
        starts = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        edges = [0, *starts, len(numbers)]
        for start, end in pairwise(edges):
            yield int(numbers[start]), batch.slice(start, end - start)


class RoutedRows:
    """Rows on their way to the shard that the address in `by` names, sorted by it and then by the
    other integer columns.
    """

    def __init__(self, schema: pa.Schema, by: str, order: Sequence[pa.Field] = ()) -> None:
        self.schema, self.by = schema, by
        self._sorted = SortedRows(_routed_schema(schema), order)

    @classmethod
    def to_visit(cls, settled: pa.Schema) -> RoutedRows:
        """Rows for a visiting phase. Raises StageError when they do not begin with `address`."""
        if settled.names[0] != "address" or settled.types[0] != pa.uint64():
            raise StageError(f"rows for a visit begin with `address` (uint64), not with {settled}")
        order = [field for field in list(settled)[1:] if pa.types.is_integer(field.type)]
        return cls(settled, "address", order)

    @property
    def rows(self) -> int:
        return self._sorted.rows

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the schema. Raises StageError for nulls where rows are ordered."""
        for field in self._sorted.order:
            if batch.column(field.name).null_count:
                raise StageError(f"column '{field.name}' orders rows and has nulls")
        if not batch.num_rows:
            return
        key = np.zeros((batch.num_rows, 2), ">u8")
        key[:, 0] = addresses(batch, self.by)
        keys = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), batch.num_rows, [None, pa.py_buffer(key.tobytes())]
        )
        columns = [keys, *batch.columns]
        self._sorted.add(pa.RecordBatch.from_arrays(columns, schema=self._sorted.schema))

    def sorted(self) -> Iterator[pa.RecordBatch]:
        for batch in self._sorted.sorted():
            yield pa.RecordBatch.from_arrays(batch.columns[1:], schema=self.schema)


def _routed_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field("key", pa.binary(16), nullable=False), *schema])


def addresses(batch: pa.RecordBatch | pa.Table, name: str = "address") -> np.ndarray:
    """uint64[n]."""
    found: np.ndarray = batch.column(name).to_numpy(zero_copy_only=False).astype(np.uint64)
    return found


def ordinals(batch: pa.RecordBatch, name: str = "address") -> np.ndarray:
    """int64[n]: the shard of each row."""
    found: np.ndarray = (addresses(batch, name) >> ORDINAL_SHIFT).astype(np.int64)
    return found


def row_numbers(batch: pa.RecordBatch | pa.Table, name: str = "address") -> pa.Array:
    """uint32[n]: the row of each address."""
    return pa.array((addresses(batch, name) & ROW_MASK).astype(np.uint32))


def emit_documents(
    entry: StageEntry,
    columns: Mapping[str, str],
    batch: Batch,
    rows: ExchangeRows,
    runner: Runner,
) -> pa.RecordBatch | None:
    """Emit a batch of live documents into the first phase; fates of those on which it failed.

    columns: what the stage reads -> the column of the batch.
    """
    emit = rows.phase.emit
    assert emit is not None

    def work(part: pa.RecordBatch) -> Emitted:
        arrays = [part.column(column) for column in columns.values()]
        address = part.column("row").cast(pa.uint64())
        names = [*columns, "address"]
        return emitted(emit(pa.RecordBatch.from_arrays([*arrays, address], names=names)))

    made, dead = runner.guarded(entry.name, batch, work)
    for each in made:
        rows.add(each.rows)
        add_counts(runner.counts, entry.name, each)
    if dead is not None:
        runner.counts[f"stage|{entry.name}|read"] += dead.num_rows
    return dead
