"""Which document of a component stays: the last two phases of `minhash_dedup`.

*choose*: the rows of a component arrive in keeping order. Verified, a document is removed if it
reached the threshold with an earlier one that stays, and the most similar of those represents it
(the earliest of equals); it stays otherwise, and is `chained` if it resembles only documents that
do not stay. Unverified, the first document represents the whole component. *sizes*: the size of a
cluster is known only at the end of its component, so the representative's row carries it to a
second pass, where it is the first row of its key.

State: about 80 bytes for every document of one component that stays, so 80 MB for a million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels import _native
from curate.stages.base import Emitted, Phase
from curate.stages.dedup.copies import KeyRuns
from curate.stages.dedup.edges import CONTENT, EDGE, pair_keys

_CHOICES = pa.schema(
    [
        pa.field("address", pa.uint64(), nullable=False),
        pa.field("representative", pa.uint64(), nullable=False),
        pa.field("copy", pa.int64(), nullable=False),
        pa.field("members", pa.int64(), nullable=False),
        pa.field("content", pa.int64(), nullable=False),
        pa.field("similarity", pa.float64()),
        pa.field("chained", pa.bool_(), nullable=False),
    ]
)
"""members, content: of a cluster, in the row of its representative."""


def cluster_phases(
    order: tuple[pa.Field, ...], verdicts: pa.Schema, *, verified: bool
) -> tuple[Phase, Phase]:
    """verdicts: `address, copy, cluster, cluster_size, chained, representative, similarity`."""
    ends = (pa.field("document", pa.uint64()), pa.field("other", pa.uint64()))
    choose = Phase(
        name="choose",
        emit=_nodes_and_edges(order),
        settle=lambda batches: _chosen(batches, verified),
        settled=_CHOICES,
        order=(*order, *(field.with_nullable(False) for field in ends)),
        payload=(CONTENT, pa.field("similarity", pa.float64())),
        combine=_without_repetitions,
        rows_per_document=2,
    )
    sizes = Phase(
        name="sizes",
        emit=_clusters,
        settle=lambda batches: _verdicts(batches, verdicts),
        settled=verdicts,
        order=(_CHOICES.field("copy"),),
        payload=tuple(field for field in _CHOICES if field.name not in ("address", "copy")),
    )
    return choose, sizes


def _nodes_and_edges(order: tuple[pa.Field, ...]) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Two rows per edge: its member with its keeper, and the keeper alone (`other` is itself)."""

    def emit(links: pa.RecordBatch) -> pa.RecordBatch:
        edges = links.filter(pc.equal(links.column("kind"), EDGE))
        component = edges.column("component").to_numpy(zero_copy_only=False)
        key = pair_keys(component, component)
        columns = []
        for side in ("member", "keeper"):
            document = edges.column(side)
            ordered = [edges.column(f"{side}_{field.name}") for field in order]
            content = edges.column(f"{side}_content")
            alike = edges.column("similarity")
            if side == "keeper":
                alike = pa.nulls(len(document), pa.float64())
            ends = [document, edges.column("keeper")]
            columns.append([key, *ordered, *ends, document, content, alike])
        both = [pa.concat_arrays(list(pair)) for pair in zip(*columns, strict=True)]
        names = [field.name for field in order]
        names = ["key", *names, "document", "other", "address", "content", "similarity"]
        return pa.RecordBatch.from_arrays(both, names=names)

    return emit


def _without_repetitions(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Sorted rows: a keeper of many members once."""
    document, other = _values(rows, "document"), _values(rows, "other")
    fresh = np.ones(rows.num_rows, np.bool_)
    fresh[1:] = (document[1:] != document[:-1]) | (other[1:] != other[:-1])
    return rows.filter(pa.array(fresh))


def _chosen(batches: Iterator[pa.RecordBatch], verified: bool) -> Iterator[pa.RecordBatch]:
    runs, chooser = KeyRuns(), _native.ClusterChooser(verified)
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        names = ("document", "other", "similarity", "content")
        columns = [np.ascontiguousarray(_values(batch, name)) for name in names]
        yield _choices(chooser.take(runs.starts.view(np.uint8), *columns))
    yield _choices(chooser.finish())


def _choices(columns: tuple[np.ndarray, ...]) -> pa.RecordBatch:
    *others, similarity, chained = columns
    arrays = [*others, pa.array(similarity, mask=np.isnan(similarity)), chained.view(np.bool_)]
    typed = [pa.array(each, field.type) for each, field in zip(arrays, _CHOICES, strict=True)]
    return pa.RecordBatch.from_arrays(typed, schema=_CHOICES)


def _clusters(choices: pa.RecordBatch) -> Emitted:
    number = _values(choices, "representative")
    rest = [choices.column(field.name) for field in _CHOICES if field.name != "copy"]
    columns = [pair_keys(number, number), choices.column("copy"), *rest]
    names = ["key", "copy", *(field.name for field in _CHOICES if field.name != "copy")]
    chained = pc.sum(choices.column("chained")).as_py() or 0
    return Emitted(pa.RecordBatch.from_arrays(columns, names=names), {"chained": chained})


def _verdicts(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The first row of a key is the representative's. A chained document alone has no cluster."""
    runs = KeyRuns()
    open_key = [np.zeros(1, np.int64), np.zeros(1, np.int64)]
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        firsts = [
            np.concatenate([before, _values(batch, name)[runs.starts]])
            for before, name in zip(open_key, ("members", "content"), strict=True)
        ]
        size, content = (first[runs.index] for first in firsts)
        copy, alone = _values(batch, "copy"), size < 2
        columns = [
            batch.column("address"),
            pa.array(copy, mask=alone),
            pa.array(content, mask=alone),
            pa.array(size, mask=alone),
            batch.column("chained"),
            pa.array(_values(batch, "representative"), mask=copy == 0),
            batch.column("similarity"),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        open_key = [first[-1:] for first in firsts]


def _values(rows: pa.RecordBatch, name: str) -> np.ndarray:
    values: np.ndarray = rows.column(name).to_numpy(zero_copy_only=False)
    return values
