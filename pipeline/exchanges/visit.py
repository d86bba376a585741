"""Visiting: a phase reads the documents again that have rows, shard by shard.

The rows of one shard are sorted by address (`RoutedRows`, bounded in memory) and walk along with
the shard's documents. A document on which the stage fails yields no rows; the next segment
quarantines it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.errors import StageError
from curate.pipeline.batch import Batch
from curate.pipeline.exchanges.rows import (
    ORDINAL_SHIFT,
    ROW_MASK,
    ExchangeRows,
    Place,
    RoutedRows,
    add_counts,
    addresses,
    emitted,
    phase_at,
)
from curate.pipeline.exchanges.verdicts import FAILED_SCHEMA
from curate.pipeline.job import Decision, JobContext, JobResult, OutputFile, output_path
from curate.pipeline.live_shard import LiveShard
from curate.pipeline.operations import Runner
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import Emitted, Exchange, Visit
from curate.storage.parquet import cut_by_bytes, write_parquet
from curate.storage.schema import DOCUMENT_FIELDS, ROW_FIELD
from curate.storage.sliced import read_slice
from curate.storage.store import FileRef


def visit_guard(entry: str) -> str:
    """How decisions name the visits of an exchange: a document given up there was emitted."""
    return f"{entry}: visit"


def visited_columns(stage: Exchange) -> list[str]:
    """Document columns that a visit gets."""
    known = {field.name for field in DOCUMENT_FIELDS}
    return [name for name in stage.columns() if name in known]


@dataclass(frozen=True)
class VisitJob:
    """Visit the documents of one base shard."""

    step: str
    key: str
    entry: StageEntry
    place: Place
    partitions: int
    ordinal: int
    shard: LiveShard
    visits: tuple[FileRef, ...]
    """Files with a slice of rows per shard."""
    settled: pa.Schema
    """Their schema."""
    decisions: tuple[Decision, ...] = ()

    def run(self, context: JobContext) -> JobResult:
        stage = _exchange(self.entry)
        phase = phase_at(self.entry, self.place)
        assert phase.visit is not None
        columns = visited_columns(stage)
        fields = [field for field in DOCUMENT_FIELDS if field.name in {*columns, "id"}]
        schema = pa.schema([*fields, ROW_FIELD])

        def documents() -> Iterator[pa.RecordBatch]:
            """Live documents in batches bounded by bytes of text."""
            weight = "text" if "text" in schema.names else "id"
            for batch, alive in self.shard.batches(context.store, schema):
                yield from cut_by_bytes(batch.filter(alive), context.engine.batch_bytes, weight)

        runner = Runner((), context.watch, decisions=self.decisions)
        return _Visit(self, context, runner, columns, phase.visit).run(documents())


@dataclass(frozen=True)
class IndexVisitJob:
    """Visit what an index stored of the documents of one of its shards."""

    step: str
    key: str
    entry: StageEntry
    place: Place
    partitions: int
    ordinal: int
    stored: FileRef
    visits: tuple[FileRef, ...]
    settled: pa.Schema

    def run(self, context: JobContext) -> JobResult:
        phase = phase_at(self.entry, self.place)
        stored = _exchange(self.entry).stored()
        if phase.visit_stored is None or stored is None:
            raise StageError(
                f"phase '{phase.name}' of '{self.entry.name}' cannot visit documents of an index"
            )
        runner = Runner((), context.watch)
        return _Visit(self, context, runner, stored.names, phase.visit_stored).run(
            self.documents(context)
        )

    def documents(self, context: JobContext) -> Iterator[pa.RecordBatch]:
        for batch in read_slice(context.store, self.stored, 0):
            ids = [f"row {row} of the index" for row in batch.column("row").to_pylist()]
            yield batch.append_column("id", pa.array(ids, pa.string()))


def _exchange(entry: StageEntry) -> Exchange:
    assert isinstance(entry.stage, Exchange)
    return entry.stage


class _Visit:
    """State of one job. columns: what `visit` gets of a document before its address."""

    def __init__(
        self,
        job: VisitJob | IndexVisitJob,
        context: JobContext,
        runner: Runner,
        columns: Sequence[str],
        visit: Visit,
    ) -> None:
        self.job, self.context, self.runner = job, context, runner
        self.columns, self.visit = columns, visit
        self.base = np.uint64(job.ordinal) << ORDINAL_SHIFT
        self.out = ExchangeRows(phase_at(job.entry, job.place), job.partitions)
        self.failed: dict[int, tuple[str, str]] = {}

    def run(self, documents: Iterator[pa.RecordBatch]) -> JobResult:
        rows = _Walk(self.rows())
        for batch in documents:
            if not batch.num_rows:
                continue
            address = self.address(batch)
            if (own := rows.until(int(address[-1]))) is None:
                continue
            self.check(own, address)
            found = np.isin(address, addresses(own))
            for made in self.visited(Batch.of(batch.filter(pa.array(found))), own):
                self.out.add(made.rows)
                add_counts(self.runner.counts, self.job.entry.name, made)
        if (rest := rows.until(2**64 - 1)) is not None:
            self.check(rest, np.empty(0, np.uint64))
        self.context.watch.end()
        return self.result()

    def result(self) -> JobResult:
        job = self.job
        path = output_path(job.step, job.key, "exchange")
        files = [OutputFile("exchange", 0, self.out.publish(self.context.store, path))]
        if self.failed and isinstance(job, IndexVisitJob):
            row, (_, message) = min(self.failed.items())
            raise StageError(f"stage '{job.entry.name}', row {row} of an index: {message}")
        if self.failed:
            files.append(OutputFile("failed", 0, self.publish_failed()))
        return JobResult(tuple(files), self.runner.counts)

    def address(self, batch: pa.RecordBatch) -> np.ndarray:
        made: np.ndarray = self.base + batch.column("row").to_numpy().astype(np.uint64)
        return made

    def rows(self) -> Iterator[pa.RecordBatch]:
        routed = RoutedRows.to_visit(self.job.settled)
        for ref in self.job.visits:
            for batch in read_slice(self.context.store, ref, self.job.ordinal):
                routed.add(batch)
        return routed.sorted()

    def visited(self, documents: Batch, own: pa.RecordBatch) -> list[Emitted]:
        of_rows = addresses(own)

        def work(part: pa.RecordBatch) -> Emitted:
            address = self.address(part)
            start = int(np.searchsorted(of_rows, address[0], side="left"))
            end = int(np.searchsorted(of_rows, address[-1], side="right"))
            rows = own.slice(start, end - start)
            if part.num_rows < len(np.unique(of_rows[start:end])):
                rows = rows.filter(pa.array(np.isin(of_rows[start:end], address)))
            columns = [*(part.column(name) for name in self.columns), pa.array(address)]
            names = [*self.columns, "address"]
            return emitted(self.visit(pa.RecordBatch.from_arrays(columns, names=names), rows))

        guard = visit_guard(self.job.entry.name)
        made, errors, dead = self.runner.attempted(guard, documents, work)
        if dead is not None:
            gone = (int(row) for row in dead.column("row").to_pylist())
            self.failed |= dict(zip(gone, errors, strict=True))
        return made

    def check(self, rows: pa.RecordBatch, known: np.ndarray) -> None:
        """Raises StageError for rows of documents that are not there."""
        strangers = ~np.isin(addresses(rows), known)
        if strangers.any():
            row = int(addresses(rows)[strangers][0] & ROW_MASK)
            raise StageError(
                f"'{self.job.entry.name}' visits row {row} of shard {self.job.ordinal}, which "
                "emitted nothing"
            )

    def publish_failed(self) -> FileRef:
        rows = sorted(self.failed)
        columns = [
            pa.array(rows, pa.uint32()),
            pa.array([self.failed[row][0] for row in rows], pa.string()),
            pa.array([self.failed[row][1] for row in rows], pa.string()),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=FAILED_SCHEMA)
        path = output_path(self.job.step, self.job.key, "failed")
        size = self.context.engine.row_group_bytes
        return write_parquet(self.context.store, path, FAILED_SCHEMA, [batch], size)


class _Walk:
    """Sorted rows, taken up to an address."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def until(self, address: int) -> pa.RecordBatch | None:
        """The next rows with at most this address, None when there are none."""
        taken: list[pa.RecordBatch] = []
        while True:
            if self._rest is None:
                self._rest = next(self._batches, None)
            if self._rest is None:
                break
            bound = np.uint64(address)
            end = int(np.searchsorted(addresses(self._rest), bound, side="right"))
            if end:
                taken.append(self._rest.slice(0, end))
            if end < self._rest.num_rows:
                self._rest = self._rest.slice(end)
                break
            self._rest = None
        if not taken:
            return None
        (rows,) = pa.Table.from_batches(taken).combine_chunks().to_batches()
        return rows
