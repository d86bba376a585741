"""Edges between near-duplicates, in three phases of `minhash_dedup`.

*bands*: documents that share the key of a band form a bucket; each is joined to the bucket's first
document in keeping order (a star: n - 1 edges, never n²). *edges*: an edge that many buckets found
becomes one, with the number of its buckets. *verify*: both documents of every edge are visited
again; the sets of their shingle hashes meet at the keeper, whose set comes first, and their exact
Jaccard similarity decides. Documents of equal normalised text (64-bit hash) are similar to 1.0
without a set.

State of a settling pass per key: the bucket's first row, the open edge, one set (at most 4 bytes ×
`max_shingles`). Cost: 32 bytes of exchange and the order columns per bucket and document; 8 bytes
per column and edge; verifying, the sets of documents that have an edge, about two thirds of their
text.

Similarities are of sets of 32-bit hashes: two documents of m shingles share one by chance with
probability m² / 2^32, which adds about m / 2^32 to a similarity. That two documents with a bucket
in common and different texts pass for equal has probability 2^-64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.kernels.hashes import as_keys
from curate.kernels.minhash import Bands, ShingleSpec, jaccard, shingle_sets
from curate.stages.base import INDEX_BIT, Emit, Phase
from curate.stages.dedup.copies import KeyRuns

CONTENT = pa.field("content", pa.int64(), nullable=False)
"""Hash of the normalised text, scope included."""

STORED = pa.field("shingles", pa.large_binary(), nullable=False)
"""What an index keeps of a document to verify edges: its set."""

WORK, EDGE = 0, 1
"""Kinds of rows that `components` gets: one to work on, one to carry along."""

_ROLE = pa.field("role", pa.int64(), nullable=False)
_KEEPER, _MEMBER = 0, 1


@dataclass(frozen=True)
class EdgePhases:
    """The phases for one configuration. jaccard: from which an edge is verified; None: all are."""

    order: tuple[pa.Field, ...]
    spec: ShingleSpec
    bands: Bands
    jaccard: float | None

    def edge_fields(self) -> tuple[pa.Field, ...]:
        """An edge: its later document, its earlier one, and what is known of both."""
        sides = [
            pa.field(f"{side}_{field.name}", field.type, nullable=False)
            for side in ("member", "keeper")
            for field in (*self.order, CONTENT)
        ]
        ends = [pa.field(side, pa.uint64(), nullable=False) for side in ("member", "keeper")]
        return (*ends, *sides)

    def link_schema(self) -> pa.Schema:
        """What `components` gets: every edge twice, as WORK and as EDGE."""
        return pa.schema(
            [
                pa.field("kind", pa.int64(), nullable=False),
                pa.field("component", pa.uint64(), nullable=False),
                *self.edge_fields(),
                pa.field("similarity", pa.float64()),
            ]
        )

    def bucket_schema(self) -> pa.Schema:
        """What `emit` of the first phase makes."""
        key, address = pa.binary(16), pa.field("address", pa.uint64(), nullable=False)
        return pa.schema([pa.field("key", key, nullable=False), *self.order, address, CONTENT])

    def phases(self, emit: Emit) -> tuple[Phase, ...]:
        """emit: a row per document and bucket, with its content."""
        bands = Phase(
            name="bands",
            emit=emit,
            settle=self._stars,
            settled=pa.schema(self.edge_fields()),
            order=self.order,
            payload=(CONTENT,),
            rows_per_document=self.bands.keys,
        )
        visited = pa.schema([pa.field("address", pa.uint64()), *self.edge_fields()])
        edges = Phase(
            name="edges",
            emit=self._edge_rows,
            settle=self._edges,
            settled=self.link_schema() if self.jaccard is None else visited,
            payload=(*self.edge_fields(), pa.field("buckets", pa.int64(), nullable=False)),
            combine=_combined,
        )
        if self.jaccard is None:
            return bands, edges
        verify = Phase(
            name="verify",
            emit=None,
            visit=self._visit,
            visit_stored=self._visit_stored,
            settle=self._verified,
            settled=self.link_schema(),
            order=(_ROLE,),
            payload=(*self.edge_fields(), pa.field("set", pa.large_binary(), nullable=False)),
            row_bytes=4_000,
        )
        return bands, edges, verify

    def _stars(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        names = ["address", *(field.name for field in self.order), CONTENT.name]
        runs = KeyRuns()
        first: list[np.ndarray] | None = None
        for batch in batches:
            if batch.num_rows == 0:
                continue
            runs.take(batch.column("key"))
            columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
            before = first or [np.zeros(1, column.dtype) for column in columns]
            firsts = [
                np.concatenate([open_one, column[runs.starts]])
                for open_one, column in zip(before, columns, strict=True)
            ]
            # Documents of an index come first, and stay whatever they resemble.
            later = np.flatnonzero(~runs.starts & (columns[0] < np.uint64(INDEX_BIT)))
            members = [column[later] for column in columns]
            keepers = [column[runs.index[later]] for column in firsts]
            ends = [members[0], keepers[0]]
            yield _batch([*ends, *members[1:], *keepers[1:]], pa.schema(self.edge_fields()))
            first = [column[-1:] for column in firsts]

    def _edge_rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        keeper, member = _numbers(rows, "keeper"), _numbers(rows, "member")
        once = pa.array(np.ones(rows.num_rows, np.int64))
        columns = [pair_keys(keeper, member), rows.column("member"), *rows.columns, once]
        names = ["key", "address", *rows.schema.names, "buckets"]
        return pa.RecordBatch.from_arrays(columns, names=names)

    def _edges(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        visits = _Visits()
        for edges in _distinct(batches):
            rows = edges.select([field.name for field in self.edge_fields()])
            if self.jaccard is None:
                yield from self._links(rows, self._estimates(edges))
            else:
                yield from visits.of(rows)

    def _estimates(self, edges: pa.RecordBatch) -> np.ndarray:
        """Similarity at which the expected number of common buckets is the one found; a lower
        bound, because a bucket may have an earlier first document.
        """
        bands, rows = self.bands.bands, self.bands.rows
        # Rounded, so that no processor's pow() can be told from another's.
        curve = np.array([round((count / bands) ** (1 / rows), 4) for count in range(bands + 1)])
        return np.where(_same_content(edges), 1.0, curve[_numbers(edges, "buckets")])

    def _visit(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
        text = documents.column("text")
        return self._meet(
            documents, rows, lambda needed: shingle_sets(text.take(needed), self.spec)
        )

    def _visit_stored(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
        return self._meet(documents, rows, documents.column(STORED.name).take)

    def _meet(
        self,
        documents: pa.RecordBatch,
        rows: pa.RecordBatch,
        sets_of: Callable[[pa.Array], pa.LargeBinaryArray],
    ) -> pa.RecordBatch:
        """The keeper's row brings its set, a member's row its own."""
        address, keeper = _numbers(rows, "address"), _numbers(rows, "keeper")
        is_keeper = address == keeper
        place = np.searchsorted(_numbers(documents, "address"), address)
        wanted = is_keeper | ~_same_content(rows)
        needed = np.unique(place[wanted])
        sets = sets_of(pa.array(needed))
        sets = pa.concat_arrays([sets, pa.array([b""], pa.large_binary())])
        number = np.where(wanted, np.searchsorted(needed, place), len(needed))
        role = np.where(is_keeper, _KEEPER, _MEMBER).astype(np.int64)
        edge = [rows.column(field.name) for field in self.edge_fields()]
        columns = [pair_keys(keeper, keeper), pa.array(role), rows.column("address"), *edge]
        names = ["key", "role", "address", *(field.name for field in self.edge_fields()), "set"]
        return pa.RecordBatch.from_arrays([*columns, sets.take(pa.array(number))], names=names)

    def _verified(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        runs = KeyRuns()
        open_set = pa.array([b""], pa.large_binary())
        for batch in batches:
            if batch.num_rows == 0:
                continue
            runs.take(batch.column("key"))
            sets = pa.concat_arrays([open_set, batch.column("set")])
            is_keeper = _numbers(batch, "role") == _KEEPER
            begins = np.flatnonzero(runs.starts)
            # Row 0 of `sets` is the open one; a key without a keeper's row compares nothing.
            reference = np.concatenate([[0], np.where(is_keeper[begins], begins + 1, 0)])
            members = np.flatnonzero(~is_keeper)
            same = _same_content(batch)[members]
            measured = np.ones(len(members))
            left, right = members[~same] + 1, reference[runs.index[members[~same]]]
            measured[~same] = jaccard(sets, left, right)
            passed = measured >= (self.jaccard or 0.0)
            rows = batch.select([field.name for field in self.edge_fields()])
            yield from self._links(rows.take(pa.array(members[passed])), measured[passed])
            open_set = pa.array([sets[int(reference[-1])].as_py()], pa.large_binary())

    def _links(self, edges: pa.RecordBatch, similarity: np.ndarray) -> Iterator[pa.RecordBatch]:
        schema = self.link_schema()
        kind = pa.array(np.full(edges.num_rows, EDGE, np.int64))
        none = pa.array(np.zeros(edges.num_rows, np.uint64))
        yield pa.RecordBatch.from_arrays(
            [kind, none, *edges.columns, pa.array(similarity)], schema=schema
        )
        ends = _numbers(edges, "member"), _numbers(edges, "keeper")
        yield work_rows(np.maximum(*ends), np.minimum(*ends), schema)


class _Visits:
    """Which documents to visit for distinct edges in the order of their keepers: the member of
    every edge, and the keeper once, if any of its members has another text.
    """

    def __init__(self) -> None:
        self._keeper: int | None = None
        self._named = False

    def of(self, edges: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if edges.num_rows == 0:
            return
        schema = pa.schema([pa.field("address", pa.uint64()), *edges.schema])
        member = edges.column("member")
        yield pa.RecordBatch.from_arrays([member, *edges.columns], schema=schema)
        keeper = _numbers(edges, "keeper")
        run = np.cumsum(np.concatenate([[keeper[0] != self._keeper], keeper[1:] != keeper[:-1]]))
        other = np.flatnonzero(~_same_content(edges))
        named, where = np.unique(run[other], return_index=True)
        if self._named:
            named, where = named[named != 0], where[named != 0]
        rows = edges.take(pa.array(other[where]))
        yield pa.RecordBatch.from_arrays([rows.column("keeper"), *rows.columns], schema=schema)
        last = bool(len(named)) and bool(named[-1] == run[-1])
        self._named = last or (self._named and run[-1] == 0)
        self._keeper = int(keeper[-1])


def work_rows(node: np.ndarray, other: np.ndarray, schema: pa.Schema) -> pa.RecordBatch:
    """WORK rows of the link schema: two addresses, everything else empty."""
    given = {"member": node, "keeper": other}
    columns = [
        pa.array(given[field.name])
        if field.name in given
        else pa.nulls(len(node), field.type)
        if field.nullable
        else pa.array(np.zeros(len(node)), pa.float64()).cast(field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def pair_keys(first: np.ndarray, second: np.ndarray) -> pa.FixedSizeBinaryArray:
    """16-byte keys of pairs of addresses: the first one mixed (a bijection: fmix64 of MurmurHash3),
    so that partitions are even and all keys of one address lie in one, then the second.
    """
    mixed = first.astype(np.uint64)
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    keys = np.empty((len(mixed), 2), ">u8")
    keys[:, 0], keys[:, 1] = mixed, second
    return as_keys(keys.view(np.uint8).reshape(-1, 16))


def _distinct(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of equal keys as one; the last key of a batch waits for the next batch."""
    waiting: pa.RecordBatch | None = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        whole = batch if waiting is None else _joined([waiting, batch])
        whole = _combined(whole)
        waiting = whole.slice(whole.num_rows - 1)
        yield whole.slice(0, whole.num_rows - 1)
    if waiting is not None:
        yield waiting


def _combined(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows sorted by key: equal edges as one, with all their buckets."""
    if rows.num_rows == 0:
        return rows
    runs = KeyRuns()
    runs.take(rows.column("key"))
    begins = np.flatnonzero(runs.starts)
    buckets = np.add.reduceat(_numbers(rows, "buckets"), begins)
    first = rows.take(pa.array(begins))
    return pa.RecordBatch.from_arrays([*first.columns[:-1], pa.array(buckets)], schema=rows.schema)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return batch


def _same_content(edges: pa.RecordBatch) -> np.ndarray:
    same: np.ndarray = _numbers(edges, "member_content") == _numbers(edges, "keeper_content")
    return same


def _numbers(rows: pa.RecordBatch, name: str) -> np.ndarray:
    values: np.ndarray = rows.column(name).to_numpy(zero_copy_only=False)
    return values


def _batch(columns: Sequence[np.ndarray], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
