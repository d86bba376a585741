"""Connected components of a graph whose edges lie in many files.

Large-star and small-star in turn (Kiveris et al. 2014, "Connected Components in MapReduce and
Beyond"): every document is joined to the smallest address among its neighbours, until each
component is a star around its smallest address. About log² n turns; a chain of n edges needs about
log n. Both keep one address per key in memory, whatever the size of a component. Few edges are
solved in memory instead, by hooking and pointer jumping, with the same result.

WORK rows are the graph. EDGE rows are carried along by their member and hold its component in the
end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.stages.base import Phase, Repeat
from curate.stages.dedup.copies import KeyRuns
from curate.stages.dedup.edges import EDGE, WORK, pair_keys, work_rows

IN_MEMORY_ROWS = 2_000_000
"""Rows (two per edge) up to which one process finds the components: about 300 MB."""


def component_phase(links: pa.Schema, in_memory_rows: int) -> Repeat:
    """Fills `component` of EDGE rows. links: `EdgePhases.link_schema()`."""
    columns = [field for field in links if field.name != "kind"]
    order = (
        pa.field("kind", pa.int64(), nullable=False),
        pa.field("other", pa.uint64(), nullable=False),
    )

    def rows(kind: int, node: pa.Array, other: pa.Array, part: pa.RecordBatch) -> pa.RecordBatch:
        number = node.to_numpy(zero_copy_only=False)
        kinds = pa.array(np.full(len(number), kind, np.int64))
        found = [pair_keys(number, number), kinds, other, node]
        carried = [part.column(field.name) for field in columns]
        return pa.RecordBatch.from_arrays([*found, *carried], schema=large.schema())

    def both_ways(part: pa.RecordBatch) -> pa.RecordBatch:
        work, edges = _kinds(part)
        back = work_rows(_values(work, "keeper"), _values(work, "member"), links)
        return _joined(
            rows(WORK, work.column("member"), work.column("keeper"), work),
            rows(WORK, back.column("member"), back.column("keeper"), back),
            rows(EDGE, edges.column("member"), edges.column("keeper"), edges),
        )

    def to_smaller(part: pa.RecordBatch) -> pa.RecordBatch:
        work, edges = _kinds(part)
        return _joined(
            rows(WORK, work.column("member"), work.column("keeper"), work),
            rows(EDGE, edges.column("member"), edges.column("keeper"), edges),
        )

    large = Phase(
        name="large_star",
        emit=both_ways,
        settle=lambda batches: _stars(batches, links, large=True),
        settled=links,
        order=order,
        payload=tuple(columns),
        combine=_without_repetitions,
    )
    small = Phase(
        name="small_star",
        emit=to_smaller,
        settle=lambda batches: _stars(batches, links, large=False),
        settled=links,
        order=order,
        payload=tuple(columns),
        combine=_without_repetitions,
    )
    return Repeat((large, small), small=_in_memory, small_rows=in_memory_rows)


def _stars(
    batches: Iterator[pa.RecordBatch], links: pa.Schema, *, large: bool
) -> Iterator[pa.RecordBatch]:
    """State per key: its smallest neighbour."""
    runs = KeyRuns()
    nearest = np.zeros(1, np.uint64)
    latest: tuple[np.uint64, np.uint64] | None = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        node, other = _values(batch, "address"), _values(batch, "other")
        is_work = _values(batch, "kind") == WORK
        # Work comes first, its smallest neighbour first; without work a node stands alone.
        first = np.where(is_work, np.minimum(node, other), node)[runs.starts]
        roots = np.concatenate([nearest, first])
        root = roots[runs.index]
        fresh = np.ones(batch.num_rows, np.bool_)
        fresh[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1])
        fresh[0] = latest != (node[0], other[0])
        work = is_work & fresh
        if large:
            chosen = work & (other > node)
            yield work_rows(other[chosen], root[chosen], links)
        else:
            chosen = work & (other != root)
            yield work_rows(other[chosen], root[chosen], links)
            own = is_work & runs.starts
            yield work_rows(node[own], root[own], links)
        edges = batch.filter(pa.array(~is_work))
        yield _with_component(edges, edges.column("component") if large else root[~is_work], links)
        nearest = roots[-1:]
        latest = (node[-1], other[-1]) if is_work[-1] else None


def _with_component(
    edges: pa.RecordBatch, component: pa.Array | np.ndarray, links: pa.Schema
) -> pa.RecordBatch:
    columns = [
        pa.array(component, pa.uint64()) if name == "component" else edges.column(name)
        for name in links.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=links)


def _in_memory(table: pa.Table) -> pa.Table:
    """The fixed point of the two phases."""
    links = table.schema
    work, edges = _kinds(table)
    member, keeper = _values(work, "member"), _values(work, "keeper")
    nodes = np.unique(np.concatenate([member, keeper, _values(edges, "member")]))
    root = _roots(np.searchsorted(nodes, member), np.searchsorted(nodes, keeper), len(nodes))
    leaves = np.flatnonzero(root != np.arange(len(nodes)))
    star = work_rows(nodes[leaves], nodes[root[leaves]], links)
    component = nodes[root[np.searchsorted(nodes, _values(edges, "member"))]]
    carried = edges.set_column(links.get_field_index("component"), "component", [component])
    return pa.concat_tables([pa.Table.from_batches([star], links), carried.cast(links)])


def _roots(left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    """int64[nodes]: the smallest node of each one's component."""
    root = np.arange(nodes)
    while True:
        a, b = root[left], root[right]
        if (a == b).all():
            return root
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while (root[root] != root).any():
            root = root[root]


def _without_repetitions(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Sorted rows: an edge of the graph once."""
    if rows.num_rows == 0:
        return rows
    node, other, kind = (_values(rows, name) for name in ("address", "other", "kind"))
    fresh = np.ones(rows.num_rows, np.bool_)
    fresh[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1]) | (kind[1:] != WORK)
    return rows.filter(pa.array(fresh))


def _kinds(rows: pa.RecordBatch | pa.Table) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    kind = rows.column("kind")
    return rows.filter(pc.equal(kind, WORK)), rows.filter(pc.equal(kind, EDGE))


def _joined(*parts: pa.RecordBatch) -> pa.RecordBatch:
    schema = parts[0].schema
    arrays = [
        pa.concat_arrays([part.column(index) for part in parts]) for index in range(len(schema))
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _values(rows: pa.RecordBatch | pa.Table, name: str) -> np.ndarray:
    column = rows.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values
