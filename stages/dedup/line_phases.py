"""The passes of `line_dedup`: which units of which documents go.

*units*: rows (unit, keeping order, document) meet. The first `max_copies` documents of a unit keep
it; the others are its members once `min_count` documents have it, and at its end a row tells how
many do. Rows of a domain count its documents.
*domains*: the numbers of short units meet the number of documents of their domain and go on where
the share is high enough. *members*: the number of documents of a unit meets its members.
*documents*: what goes from one document comes together.

Units of an index (`INDEX_BIT`) are counted with the others and go no further themselves.

Every pass after the first sees repeated units of documents of the run only. State per key: at most
`min_count` rows; of a document the units that it loses. Keys of short units end with 64 bits of
their domain, so those are told apart by 64 + 64 bits, other units by 128.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curate.kernels.hashes import as_keys, key_bytes
from curate.kernels.row_order import group_starts
from curate.stages.base import INDEX_BIT, VERDICT_LINKS, Phase
from curate.stages.dedup.copies import KeyRuns

OF_DOMAIN, OF_SHORT_UNIT, OF_UNIT, MEMBER = 0, 1, 2, 3
"""`kind` of a row: number of documents of a domain, of a short unit, of a unit; a document that has
the unit. In the first pass the rows are documents: of a domain, with a short unit, with a unit.
"""

KEY = pa.field("key", pa.binary(16), nullable=False)
ADDRESS = pa.field("address", pa.uint64(), nullable=False)
UNIT = pa.field("unit", pa.int64(), nullable=False)
KIND = pa.field("kind", pa.int64(), nullable=False)
DOCUMENTS = pa.field("documents", pa.int64(), nullable=False)
COUNTED = pa.schema([KEY, KIND, ADDRESS, UNIT, DOCUMENTS])
REMOVALS = pa.schema([ADDRESS, UNIT, DOCUMENTS])
VERDICTS: tuple[pa.Field, ...] = (
    pa.field("removed_units", pa.list_(pa.int64())),
    pa.field("removed_documents", pa.list_(pa.int64())),
)
"""Ascending short hashes of the units that go, and how many documents have each."""
SETTLED = pa.schema([pa.field("address", pa.uint64()), *VERDICTS, *VERDICT_LINKS])


def later_phases(max_domain_share: float | None) -> tuple[Phase, ...]:
    """The passes after *units*; *domains* only where short units can go."""
    domains = Phase(
        name="domains",
        emit=_to_domains,
        settle=lambda batches: _of_high_share(batches, max_domain_share or 0.0),
        settled=COUNTED,
        order=(KIND,),
        payload=(UNIT, DOCUMENTS),
    )
    members = Phase(
        name="members",
        emit=lambda rows: rows,
        settle=_removals,
        settled=REMOVALS,
        order=(KIND,),
        payload=(UNIT, DOCUMENTS),
    )
    documents = Phase(
        name="documents",
        emit=_to_documents,
        settle=_lists,
        settled=SETTLED,
        order=(UNIT,),
        payload=(DOCUMENTS,),
    )
    return (*((domains,) if max_domain_share is not None else ()), members, documents)


class UnitCounter:
    """Settles *units*. State: the open key, how many rows it had, whether one was of this run,
    those that may still go.
    """

    def __init__(self, min_count: int, max_copies: int) -> None:
        self.min_count, self.max_copies = min_count, max_copies
        self.runs = KeyRuns()
        self.count, self.own = 0, np.zeros(1, np.bool_)
        self.unit, self.kind = np.zeros(1, np.int64), np.full(1, OF_UNIT)
        self.waiting: list[pa.RecordBatch] = []

    def settle(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield from self.take(batch)
        last = np.zeros(1, np.int64) + self.count
        yield self.numbers(self.runs.keys[-1:], self.kind, self.unit, last, self.own)

    def take(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        runs = self.runs
        runs.take(batch.column("key"))
        index, starts = runs.index, runs.starts
        kinds = np.concatenate([self.kind, _values(batch, "kind")[starts]])
        units = np.concatenate([self.unit, _values(batch, "unit")[starts]])
        counts = np.bincount(index, minlength=len(kinds))
        counts[0] += self.count
        first = np.concatenate([[-self.count], np.flatnonzero(starts)])
        rank = np.arange(len(index)) - first[index]
        of_run = _values(batch, "address").astype(np.uint64) < np.uint64(INDEX_BIT)
        own = np.bincount(index, weights=of_run, minlength=len(kinds)) > 0
        own[0] |= self.own[0]
        may_go = of_run & (rank >= self.max_copies) & (kinds[index] != OF_DOMAIN)
        reached = counts >= self.min_count
        if self.waiting and reached[0]:
            yield from self.waiting
        if reached[0] or len(counts) > 1:
            self.waiting = []
        members = pa.RecordBatch.from_arrays(
            [
                batch.column("key"),
                pa.array(np.full(batch.num_rows, MEMBER)),
                batch.column("address"),
                batch.column("unit"),
                pa.array(np.zeros(batch.num_rows, np.int64)),
            ],
            schema=COUNTED,
        )
        yield members.filter(pa.array(may_go & reached[index]))
        if not reached[-1]:
            still = may_go & (index == len(counts) - 1)
            self.waiting.append(members.filter(pa.array(still)))
        yield self.numbers(runs.keys[:-1], kinds[:-1], units[:-1], counts[:-1], own[:-1])
        self.kind, self.unit, self.own = kinds[-1:], units[-1:], own[-1:]
        self.count = int(counts[-1])

    def numbers(
        self,
        keys: np.ndarray,
        kinds: np.ndarray,
        units: np.ndarray,
        counts: np.ndarray,
        own: np.ndarray,
    ) -> pa.RecordBatch:
        """Rows that tell how many documents had each key that a document of this run has too."""
        told = own & np.where(kinds == OF_DOMAIN, counts > 0, counts >= self.min_count)
        columns = [
            as_keys(keys[told]),
            pa.array(kinds[told]),
            pa.array(np.zeros(int(told.sum()), np.uint64)),
            pa.array(units[told]),
            pa.array(counts[told]),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=COUNTED)


def domain_keys(domains: np.ndarray) -> np.ndarray:
    """uint8[n, 16] from the digests of n domains."""
    return np.hstack([domains[:, :8], domains[:, :8]])


def _to_domains(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Numbers of short units go to their domain; their address holds the rest of their key."""
    keys = key_bytes(rows.column("key"))
    moving = _values(rows, "kind") == OF_SHORT_UNIT
    heads = np.ascontiguousarray(keys[:, :8]).reshape(-1).view("<u8")
    moved = np.where(moving[:, None], domain_keys(keys[:, 8:]), keys)
    address = np.where(moving, heads, _values(rows, "address").astype(np.uint64))
    columns = [as_keys(moved), rows.column("kind"), pa.array(address, pa.uint64())]
    columns += [rows.column("unit"), rows.column("documents")]
    return pa.RecordBatch.from_arrays(columns, schema=COUNTED)


def _of_high_share(
    batches: Iterator[pa.RecordBatch], max_domain_share: float
) -> Iterator[pa.RecordBatch]:
    """Numbers of short units that more than this share of their domain's documents have; all other
    rows as they are, but those of domains.
    """
    runs, of_domain = KeyRuns(), np.zeros(1, np.int64)
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        kind, documents = _values(batch, "kind"), _values(batch, "documents")
        found = np.where(kind == OF_DOMAIN, documents, 0)[runs.starts]
        of_domain = np.concatenate([of_domain, found])
        short = kind == OF_SHORT_UNIT
        high = documents > max_domain_share * of_domain[runs.index]
        heads = _values(batch, "address").astype("<u8").view(np.uint8).reshape(-1, 8)
        keys = key_bytes(batch.column("key"))
        columns = [
            as_keys(np.where(short[:, None], np.hstack([heads, keys[:, 8:]]), keys)),
            pa.array(np.where(short, OF_UNIT, kind)),
            batch.column("address"),
            batch.column("unit"),
            batch.column("documents"),
        ]
        passed = (short & high) | (kind >= OF_UNIT)
        yield pa.RecordBatch.from_arrays(columns, schema=COUNTED).filter(pa.array(passed))
        of_domain = of_domain[-1:]


def _removals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Members of units whose number came in front of them."""
    runs, of_unit = KeyRuns(), np.zeros(1, np.int64)
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        kind = _values(batch, "kind")
        found = np.where(kind == OF_UNIT, _values(batch, "documents"), 0)[runs.starts]
        of_unit = np.concatenate([of_unit, found])
        documents = of_unit[runs.index]
        columns = [batch.column("address"), batch.column("unit"), pa.array(documents)]
        gone = (kind == MEMBER) & (documents > 0)
        yield pa.RecordBatch.from_arrays(columns, schema=REMOVALS).filter(pa.array(gone))
        of_unit = of_unit[-1:]


def _to_documents(rows: pa.RecordBatch) -> pa.RecordBatch:
    keys = np.zeros((rows.num_rows, 2), "<u8")
    keys[:, 0] = _values(rows, "address")
    fields = [KEY, UNIT, ADDRESS, DOCUMENTS]
    columns = [as_keys(keys.view(np.uint8).reshape(-1, 16))]
    columns += [rows.column(field.name) for field in fields[1:]]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _lists(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One row per document; the rows of the last document wait for the next batch."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows == 0:
            continue
        before = waiting[-1].column("key")[-1].as_py() if waiting else None
        first = np.flatnonzero(group_starts(batch.column("key"), before))
        if len(first) == 0:
            waiting.append(batch)
            continue
        yield _listed([*waiting, batch.slice(0, int(first[-1]))])
        waiting = [batch.slice(int(first[-1]))]
    if waiting:
        yield _listed(waiting)


def _listed(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Whole documents."""
    rows = pa.Table.from_batches(batches).combine_chunks()
    if rows.num_rows == 0:
        return _no_verdicts()
    (batch,) = rows.to_batches()
    first = np.flatnonzero(group_starts(batch.column("key")))
    offsets = pa.array(np.append(first, batch.num_rows), pa.int32())
    none = pa.nulls(len(first), pa.uint64()), pa.nulls(len(first), pa.float64())
    columns = [
        batch.column("address").take(pa.array(first)),
        pa.ListArray.from_arrays(offsets, batch.column("unit")),
        pa.ListArray.from_arrays(offsets, batch.column("documents")),
        *none,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SETTLED)


def _no_verdicts() -> pa.RecordBatch:
    columns = [pa.array([], field.type) for field in SETTLED]
    return pa.RecordBatch.from_arrays(columns, schema=SETTLED)


def _values(batch: pa.RecordBatch, name: str) -> np.ndarray:
    values: np.ndarray = batch.column(name).to_numpy(zero_copy_only=False)
    return values
