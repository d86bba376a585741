"""Ids and sources of representatives, for the rows that have one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.pipeline.exchanges.rows import ORDINAL_SHIFT, addresses, ordinals, row_numbers, slices
from curate.pipeline.exchanges.settle import LINK_SCHEMA
from curate.pipeline.exchanges.verdicts import LOOKUP_SCHEMA, column
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.merge import sort_by
from curate.storage.parquet import read_batches
from curate.storage.sliced import read_slice, write_sliced
from curate.storage.store import FileRef, Store

_NAMED = pa.schema([pa.field("address", pa.uint64()), *list(LOOKUP_SCHEMA)[1:]])


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
        links = sort_by(links, ["representative", "address"])
        wanted = addresses(links, "representative")
        pieces = [
            piece
            for ordinal, ref in self.shards
            for piece in self.shard(context.store, ordinal, ref, links, wanted)
        ]
        table = pa.Table.from_batches(pieces, _NAMED)
        table = sort_by(table, ["address"])
        if table.num_rows != links.num_rows:
            raise StageError(
                f"{self.step}: {links.num_rows - table.num_rows} representatives are not in their "
                "shards"
            )
        by_row = (
            (ordinal, (_numbered(batch) for batch in batches))
            for ordinal, batches in slices(table.to_batches(), ordinals)
        )
        path = output_path(self.step, self.key, "lookup")
        ref = write_sliced(context.store, path, LOOKUP_SCHEMA, by_row)
        return JobResult((OutputFile("lookup", 0, ref),))

    def shard(
        self, store: Store, ordinal: int, ref: FileRef, links: pa.Table, wanted: np.ndarray
    ) -> Iterator[pa.RecordBatch]:
        edges = np.array([ordinal, ordinal + 1], np.uint64) << ORDINAL_SHIFT
        start, end = (int(place) for place in np.searchsorted(wanted, edges))
        if start == end:
            return
        part = links.slice(start, end - start)
        rows = row_numbers(part, "representative")
        for batch in read_batches(store, ref, ["id", "source", "row"]):
            position = pc.index_in(rows, value_set=batch.column("row"))
            here = pc.is_valid(position)
            position = position.filter(here)
            yield pa.RecordBatch.from_arrays(
                [
                    column(part, "address").filter(here),
                    batch.column("id").take(position),
                    batch.column("source").take(position),
                ],
                schema=_NAMED,
            )


def _numbered(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([row_numbers(batch), *batch.columns[1:]], LOOKUP_SCHEMA.names)
