"""Jobs that write an index, and that bring one into a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import DataError
from curate.pipeline.exchanges.rows import (
    ORDINAL_SHIFT,
    by_partition,
    first_phase,
    row_numbers,
)
from curate.pipeline.exchanges.visit import visited_columns
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.live_shard import LiveShard
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import INDEX_BIT, Exchange
from curate.storage.parquet import PUBLISHED, read_batches, write_parquet
from curate.storage.schema import DOCUMENT_FIELDS, ROW_FIELD
from curate.storage.sliced import read_slice, write_sliced
from curate.storage.store import DamagedFile, FileRef, Store

SIDE_COLUMN = ("side", pa.int64())
"""First order column of a phase that takes rows of an index: -1 for those, 0 for this run's."""
IDS_SCHEMA = pa.schema([ROW_FIELD, pa.field("id", pa.string()), pa.field("source", pa.string())])


@dataclass(frozen=True)
class IndexedShard:
    """Files of one shard of an index. url: of the store that they lie in; number: among all shards
    of all indexes of the stage.
    """

    url: str
    number: int
    rows: FileRef
    ids: FileRef
    stored: FileRef | None = None


@dataclass(frozen=True)
class IndexedArtefact:
    """What a fit of the stage learned in the run that an index is of."""

    url: str
    fit: str
    sha256: str
    ref: FileRef


def stored_schema(stage: Exchange) -> pa.Schema | None:
    """Columns of a file of stored documents."""
    stored = stage.stored()
    return None if stored is None else pa.schema([ROW_FIELD, *stored])


@dataclass(frozen=True)
class IndexJob:
    """The documents of one base shard that a stage keeps in its index."""

    step: str
    key: str
    entry: StageEntry
    rows: FileRef
    """What the shard emitted for the first phase."""
    partitions: int
    shard: LiveShard
    """As it was when it emitted."""
    fates: FileRef | None
    """Of the segment that judged: documents that it ended are left out."""

    def run(self, context: JobContext) -> JobResult:
        assert isinstance(self.entry.stage, Exchange)
        stage, store = self.entry.stage, context.store
        ended = self.ended(store)
        ids = list(self.live(context, [*IDS_SCHEMA.names[1:]], ended))
        kept = [batch.select(IDS_SCHEMA.names).cast(IDS_SCHEMA) for batch in ids]
        rows = pa.chunked_array([batch.column("row") for batch in kept], ROW_FIELD.type)
        size = context.engine.row_group_bytes
        files = [
            OutputFile("index_rows", 0, self.write_rows(context, rows.combine_chunks())),
            OutputFile(
                "index_ids",
                0,
                write_parquet(store, self.path("ids"), IDS_SCHEMA, kept, size, PUBLISHED),
            ),
        ]
        if (schema := stored_schema(stage)) is not None:
            batches = self.stored(context, stage, schema, ended)
            ref = write_sliced(store, self.path("stored"), schema, [(0, batches)])
            files.append(OutputFile("index_stored", 0, ref))
        return JobResult(tuple(files))

    def path(self, kind: str) -> str:
        ending = "parquet" if kind == "ids" else "sliced"
        return output_path(self.step, self.key, f"index_{kind}", extension=ending)

    def ended(self, store: Store) -> pa.Array:
        """Rows of documents that this stage removed or quarantined."""
        found = [pa.array([], pa.uint64())]
        if self.fates is not None:
            for batch in read_batches(store, self.fates, ["address", "stage"]):
                own = pc.equal(batch.column("stage"), self.entry.name)
                found.append(batch.column("address").filter(own).cast(pa.uint64()))
        return pa.concat_arrays(found)

    def live(
        self, context: JobContext, columns: list[str], ended: pa.Array
    ) -> Iterator[pa.RecordBatch]:
        """Documents of the index, with `row`."""
        fields = [field for field in DOCUMENT_FIELDS if field.name in columns]
        schema = pa.schema([*fields, ROW_FIELD])
        for batch, alive in self.shard.batches(context.store, schema):
            gone = pc.is_in(batch.column("row").cast(pa.uint64()), value_set=ended)
            yield batch.filter(pc.and_(alive, pc.invert(gone)))

    def write_rows(self, context: JobContext, kept: pa.Array) -> FileRef:
        """Sorted as they were: partitions are ranges of keys."""
        wanted = kept.cast(pa.uint64())

        def rows() -> Iterator[pa.RecordBatch]:
            for partition in range(self.partitions):
                for batch in read_slice(context.store, self.rows, partition):
                    yield batch.filter(pc.is_in(batch.column("address"), value_set=wanted))

        schema = first_phase(self.entry).schema()
        return write_sliced(context.store, self.path("rows"), schema, [(0, rows())])

    def stored(
        self, context: JobContext, stage: Exchange, schema: pa.Schema, ended: pa.Array
    ) -> Iterator[pa.RecordBatch]:
        columns = visited_columns(stage)
        for batch in self.live(context, columns, ended):
            if not batch.num_rows:
                continue
            context.watch.begin(f"row {batch.column('row')[0]}", self.entry.name)
            arrays = [batch.column(name) for name in columns]
            arrays.append(batch.column("row").cast(pa.uint64()))
            documents = pa.RecordBatch.from_arrays(arrays, names=[*columns, "address"])
            made = stage.store(documents)
            yield pa.RecordBatch.from_arrays([batch.column("row"), *made.columns], schema=schema)
        context.watch.end()


@dataclass(frozen=True)
class ImportJob:
    """Bring one shard of an index into the partitions of a run, and its ids beside it."""

    step: str
    key: str
    entry: StageEntry
    shard: IndexedShard
    partitions: int

    def run(self, context: JobContext) -> JobResult:
        assert isinstance(self.entry.stage, Exchange)
        store, outside = context.store, Store(self.shard.url)
        phase = first_phase(self.entry)
        context.watch.begin(f"index shard {self.shard.number}", self.entry.name)
        with readable(self.entry, self.shard.url):
            path = output_path(self.step, self.key, "exchange")
            parts = by_partition(self.rows(outside), self.partitions)
            rows = write_sliced(store, path, phase.schema(), parts)
            path = output_path(self.step, self.key, "index_ids", extension="parquet")
            size = context.engine.row_group_bytes
            named = read_batches(outside, self.shard.ids)
            ids = write_parquet(store, path, IDS_SCHEMA, named, size)
            files = [OutputFile("exchange", 0, rows), OutputFile("index_ids", 0, ids)]
            schema = stored_schema(self.entry.stage)
            if self.shard.stored is not None and schema is not None:
                path = output_path(self.step, self.key, "index_stored")
                kept = read_slice(outside, self.shard.stored, 0)
                files.append(
                    OutputFile("index_stored", 0, write_sliced(store, path, schema, [(0, kept)]))
                )
        return JobResult(tuple(files))

    def rows(self, outside: Store) -> Iterator[pa.RecordBatch]:
        """With complete addresses, before all rows of this run."""
        base = np.uint64(INDEX_BIT) | (np.uint64(self.shard.number) << ORDINAL_SHIFT)
        for batch in read_slice(outside, self.shard.rows, 0):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            numbers = row_numbers(batch).to_numpy(zero_copy_only=False).astype(np.uint64)
            columns["address"] = pa.array(base | numbers, pa.uint64())
            if SIDE_COLUMN[0] in columns:
                columns[SIDE_COLUMN[0]] = pa.array(np.full(batch.num_rows, -1), pa.int64())
            yield pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)


@dataclass(frozen=True)
class CopyLearnedJob:
    """Bring what a fit learned out of an index into the run (`kind` as the job that learns would
    name it), or out of the run into its index.
    """

    step: str
    key: str
    entry: StageEntry
    kind: str
    ref: FileRef
    url: str | None = None
    """Of the store that the index lies in; None for this run."""

    def run(self, context: JobContext) -> JobResult:
        context.watch.begin("what was learned", self.entry.name)
        with nullcontext() if self.url is None else readable(self.entry, self.url):
            store = context.store if self.url is None else Store(self.url)
            store.verify(self.ref)
            data = store.read(self.ref.path)
        ref = context.store.publish(output_path(self.step, self.key, self.kind), data)
        return JobResult((OutputFile(self.kind, 0, ref),))


@contextmanager
def readable(entry: StageEntry, url: str) -> Iterator[None]:
    """No step of this run makes a file of an index again."""
    try:
        yield
    except (DamagedFile, FileNotFoundError) as error:
        raise DataError(
            f"stage '{entry.name}': the index in {url} cannot be read: {error}; `curate run` of "
            "the pipeline that wrote it mends it"
        ) from error
