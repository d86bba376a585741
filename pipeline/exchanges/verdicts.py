"""Verdicts as the next segment reads them: by row number, with the names of representatives."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.stages.base import VERDICT_LINKS, Exchange
from curate.storage.parquet import read_batches
from curate.storage.sliced import read_slice
from curate.storage.store import FileRef, Store

LINK_NAMES = ("duplicate_of", "duplicate_source", "similarity")
"""Columns of a document while the rules of an exchange judge it."""

LOOKUP_SCHEMA = pa.schema(
    [
        pa.field("row", pa.uint32()),
        pa.field("duplicate_of", pa.string()),
        pa.field("duplicate_source", pa.string()),
    ]
)
FAILED_SCHEMA = pa.schema(
    [
        pa.field("row", pa.uint32()),
        pa.field("error", pa.string()),
        pa.field("message", pa.string()),
    ]
)


@dataclass(frozen=True)
class VerdictInput:
    """Where the verdicts of one shard lie: its slice in every verdict and lookup file. failed:
    documents of the shard on which a visit failed.
    """

    ordinal: int
    verdicts: tuple[FileRef, ...]
    lookups: tuple[FileRef, ...]
    failed: tuple[FileRef, ...] = ()


@dataclass(frozen=True)
class Verdicts:
    """joined: `row`, the verdict's columns, `LINK_NAMES`. failed: of `FAILED_SCHEMA`."""

    joined: pa.Table
    failed: pa.Table


def settled_schema(stage: Exchange) -> pa.Schema:
    """Rows that the last phase settles."""
    return pa.schema([pa.field("address", pa.uint64()), *stage.verdicts(), *VERDICT_LINKS])


def verdict_schema(stage: Exchange) -> pa.Schema:
    """Rows of a verdict slice."""
    return pa.schema([pa.field("row", pa.uint32()), *stage.verdicts(), *VERDICT_LINKS])


def read_verdicts(store: Store, source: VerdictInput, stage: Exchange) -> Verdicts:
    """The verdicts of one shard. Raises StageError for two of one document."""
    schema = verdict_schema(stage)
    found = [b for ref in source.verdicts for b in read_slice(store, ref, source.ordinal)]
    names = [b for ref in source.lookups for b in read_slice(store, ref, source.ordinal)]
    verdicts = pa.Table.from_batches(found, schema).combine_chunks()
    lookups = pa.Table.from_batches(names, LOOKUP_SCHEMA).combine_chunks()
    if pc.count_distinct(verdicts.column("row")).as_py() != verdicts.num_rows:
        raise StageError(f"{stage.name} settled two verdicts of one document")
    position = pc.index_in(column(verdicts, "row"), value_set=column(lookups, "row"))
    own = [field.name for field in stage.verdicts()]
    columns = [column(verdicts, "row"), *(column(verdicts, name) for name in own)]
    columns += [column(lookups, name).take(position) for name in LINK_NAMES[:2]]
    columns.append(column(verdicts, "similarity"))
    joined = pa.Table.from_arrays(columns, names=["row", *own, *LINK_NAMES])
    failed = [b for ref in source.failed for b in read_batches(store, ref)]
    return Verdicts(joined, pa.Table.from_batches(failed, FAILED_SCHEMA).combine_chunks())


def column(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    found = table.column(name)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
