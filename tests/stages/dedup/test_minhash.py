"""MinHash deduplication against plain Python: what goes, what stays, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from curate_test_phases import settled
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.base import Emitted, Phase, Repeat
from curate.stages.dedup.components import component_phase
from curate.stages.dedup.edges import EDGE, EdgePhases
from curate.stages.dedup.minhash import MinHashDedup

Row = dict[str, object]
FIRST = 7 << 32
"""Address of the first document."""


def documents(texts: Sequence[str], sources: Sequence[str] | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "text": pa.array(texts, pa.large_string()),
            "source": pa.array(sources or ["web"] * len(texts), pa.string()),
            "address": pa.array([FIRST + n for n in range(len(texts))], pa.uint64()),
        }
    )


class Run:
    """The phases of a stage in memory. cut: rows of a batch, documents too."""

    def __init__(self, stage: MinHashDedup, batch: pa.RecordBatch, cut: int = 1000) -> None:
        self.batch, self.cut = batch, cut
        self.counts: dict[str, int] = {}
        self.visited = 0
        rows = [batch.slice(start, cut) for start in range(0, batch.num_rows, cut)]
        for phase in stage.phases():
            rows = (
                self.repeated(phase, rows) if isinstance(phase, Repeat) else self.one(phase, rows)
            )
        self.verdicts: dict[int, Row] = {}
        for verdict in pa.Table.from_batches(rows, stage.verdict_schema()).to_pylist():
            number = verdict.pop("address") - FIRST
            assert number not in self.verdicts
            if verdict["representative"] is not None:
                verdict["representative"] -= FIRST
            self.verdicts[number] = verdict

    def one(self, phase: Phase, rows: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        found = []
        if phase.visit is not None:
            made = self.visits(phase, rows)
        else:
            assert phase.emit is not None
            made = [phase.emit(batch) for batch in rows]
        for each in made:
            if isinstance(each, Emitted):
                for name, count in each.counts.items():
                    self.counts[name] = self.counts.get(name, 0) + count
                each = each.rows
            found.append(each.cast(phase.schema()))
        return settled(phase, found, self.cut)

    def visits(self, phase: Phase, rows: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        assert phase.visit is not None
        table = pa.Table.from_batches(rows).sort_by("address") if rows else None
        found = []
        for start in range(0, self.batch.num_rows, self.cut):
            part = self.batch.slice(start, self.cut)
            for address in part.column("address").to_pylist() if table is not None else []:
                named = table.filter(pa.compute.equal(table.column("address"), address))
                if named.num_rows:
                    self.visited += 1
                    one = part.filter(pa.compute.equal(part.column("address"), address))
                    (batch,) = named.combine_chunks().to_batches()
                    found.append(phase.visit(one, batch))
        return found

    def repeated(self, repeat: Repeat, rows: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        assert repeat.small is not None
        schema = repeat.phases[-1].settled
        shortcut = repeat.small(pa.Table.from_batches(rows, schema))
        for _ in range(repeat.at_most):
            before = content(rows, schema)
            for phase in repeat.phases:
                rows = self.one(phase, rows)
            if content(rows, schema) == before:
                assert content(shortcut.to_batches(), schema) == before
                return rows
        raise AssertionError("no fixed point")

    def removed(self) -> dict[int, tuple[int, float | None]]:
        return {
            row: (verdict["representative"], verdict["similarity"])
            for row, verdict in self.verdicts.items()
            if verdict["copy"]
        }


def content(rows: Sequence[pa.RecordBatch], schema: pa.Schema) -> list[tuple[object, ...]]:
    table = pa.Table.from_batches(rows, schema)
    return sorted(tuple(map(repr, row.values())) for row in table.to_pylist())


def words(*numbers: int) -> str:
    return " ".join(
        f"w{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in numbers
    )


def similarity(left: str, right: str, size: int = 1) -> float:
    sets = []
    for text in (left, right):
        parts = text.split()
        sets.append({tuple(parts[n : n + size]) for n in range(len(parts) - size + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


# Every band is one value, so that documents with something in common meet almost certainly.
EAGER = {"bands": 40, "rows": 1, "permutations": 40, "ngram": 1}


def test_a_document_goes_with_the_most_similar_kept_one() -> None:
    base = words(*range(40))
    texts = [
        base,
        words(*range(4, 44)),
        words(*range(100, 140)),
        base + " x",
        words(*range(98, 138)),
        "one two",
    ]
    run = Run(MinHashDedup(verify={"jaccard": 0.8}, ngram=3), documents(texts))
    assert run.removed() == {
        3: (0, pytest.approx(38 / 39)),
        1: (0, pytest.approx(34 / 42)),
        4: (2, pytest.approx(36 / 40)),
    }
    assert run.counts == {"too_short": 1, "capped": 0, "chained": 0}
    cluster = run.verdicts[0]
    assert (cluster["copy"], cluster["cluster_size"], cluster["representative"]) == (0, 3, None)
    assert {run.verdicts[row]["cluster"] for row in (0, 1, 3)} == {cluster["cluster"]}
    assert [run.verdicts[row]["copy"] for row in (0, 1, 3)] == [0, 1, 2]


def chain(links: int) -> list[str]:
    """Neighbours have 36 of 44 words in common, documents two apart 32 of 48."""
    return [words(*range(4 * n, 4 * n + 40)) for n in range(links + 1)]


@pytest.mark.parametrize("cut", [60, 10_000])
def test_a_chain_of_fifty_edits_keeps_what_does_not_resemble_a_kept_one(cut: int) -> None:
    texts = chain(50)
    stage = MinHashDedup(verify={"jaccard": 0.8}, **EAGER)
    run = Run(stage, documents(texts), cut)
    found = run.removed()
    assert found
    for row, (representative, alike) in found.items():
        assert representative not in found
        assert alike == pytest.approx(similarity(texts[row], texts[representative]))
        assert alike >= 0.8
    chained = [row for row, verdict in run.verdicts.items() if verdict["chained"]]
    assert run.counts["chained"] == len(chained)
    assert set(chained) & set(found) == set()
    assert len(chained) >= 20
    # Unverified, the chain is one cluster.
    loose = Run(MinHashDedup(verify=None, **EAGER), documents(texts), cut)
    assert len(loose.removed()) == 50
    assert {representative for representative, _ in loose.removed().values()} == {0}
    assert loose.counts["chained"] == 0


drawn = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=12).map(lambda n: words(*n)), max_size=12
)


@settings(deadline=None, max_examples=20)
@given(
    drawn,
    st.sampled_from([11, 50]),
    st.sampled_from([0.3, 0.6, 1.0]),
    st.sampled_from(["first", "longest"]),
)
def test_what_goes_reached_the_threshold_with_one_that_stays(
    texts: list[str], cut: int, threshold: float, keep: str
) -> None:
    stage = MinHashDedup(verify={"jaccard": threshold}, keep=keep, **EAGER)
    run = Run(stage, documents(texts), cut)
    removed = run.removed()
    for row, (representative, alike) in removed.items():
        assert alike == pytest.approx(similarity(texts[row], texts[representative]))
        assert alike >= threshold
        assert representative not in removed
        shorter = len(texts[row]), -row
        assert keep == "first" or shorter <= (len(texts[representative]), -representative)
    for cluster in {verdict["cluster"] for verdict in run.verdicts.values()} - {None}:
        members = [v for v in run.verdicts.values() if v["cluster"] == cluster]
        assert {v["cluster_size"] for v in members} == {len(members)}
        assert sorted(v["copy"] for v in members) == list(range(len(members)))
    whole = Run(stage, documents(texts), 1000)
    assert whole.verdicts == run.verdicts


def test_identical_documents_need_no_sets() -> None:
    run = Run(MinHashDedup(), documents([words(*range(30))] * 40 + [words(*range(50, 70))]), 9)
    assert run.removed() == dict.fromkeys(range(1, 40), (0, 1.0))
    assert run.verdicts[0]["cluster_size"] == 40
    # Members only: nobody asked for the keeper's set.
    assert run.visited == 39


def test_close_documents_meet_behind_a_looser_one_of_their_template() -> None:
    """The first document of the bucket is none of theirs; a wide band joins them."""
    template = list(range(200))
    first = words(*template, *range(1000, 1080))
    texts = [first]
    for site in range(12):
        page = [*template, *range(2000 + 100 * site, 2080 + 100 * site)]
        texts += [words(*page), words(*page[1:])]
    run = Run(MinHashDedup(threshold=0.75, ngram=1), documents(texts))
    assert {row: where for row, (where, _) in run.removed().items()} == {
        n: n - 1 for n in range(2, 25, 2)
    }


def test_scopes_do_not_see_each_other() -> None:
    text = words(*range(30))
    sources = ["a", "b", "a", "b", "c"]
    run = Run(MinHashDedup(scope="source"), documents([text] * 5, sources))
    assert run.removed() == {2: (0, 1.0), 3: (1, 1.0)}
    assert run.verdicts[0]["cluster"] != run.verdicts[1]["cluster"]


def test_preferred_sources_keep_theirs() -> None:
    text = words(*range(30))
    run = Run(MinHashDedup(prefer=("b",)), documents([text, text, text + " more"], ["a", "b", "a"]))
    assert {row: where for row, (where, _) in run.removed().items()} == {0: 1, 2: 1}


def test_clusters_have_their_numbers_in_any_order() -> None:
    texts = [words(*range(start, start + 30)) for start in (0, 0, 100, 100, 200)]
    batch = documents(texts)
    run = Run(MinHashDedup(), batch)
    turned = Run(MinHashDedup(), documents(texts[::-1]))
    assert {v["cluster"] for v in run.verdicts.values()} == {
        v["cluster"] for v in turned.verdicts.values()
    }


@pytest.mark.parametrize("texts", [[], [""], ["", " ", "a b"], ["x"] * 3])
def test_nothing_to_compare(texts: list[str]) -> None:
    for verify in (None, {}):
        run = Run(MinHashDedup(verify=verify), documents(texts))
        assert run.verdicts == {}
        assert run.counts.get("too_short", 0) == len(texts)


def test_capped_documents_are_counted() -> None:
    texts = [words(*range(30)), words(*range(30), 99)]
    run = Run(MinHashDedup(max_shingles=20), documents(texts))
    assert run.counts["capped"] == 2
    assert run.removed() == {1: (0, 1.0)}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"threshold": 0}, "greater than 0"),
        ({"threshold": 1}, "less than 1"),
        ({"threshold": float("nan")}, "less than 1"),
        ({"bands": 14}, "bands needs rows too"),
        ({"rows": 8}, "rows needs bands too"),
        ({"bands": 20, "rows": 13}, "set permutations: 260"),
        ({"threshold": 0.99, "permutations": 8}, "set more permutations, or bands and rows"),
        ({"verify": {"jaccard": 0}}, "greater than 0"),
        ({"ngram": 0}, "greater than or equal to 1"),
    ],
)
def test_bad_values_are_refused_with_a_remedy(fields: Row, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MinHashDedup.model_validate(fields)


def test_threshold_is_read_by_datasketchs_optimiser() -> None:
    shape = MinHashDedup(threshold=0.75).shape()
    assert (shape.bands, shape.rows, shape.wide) == (11, 11, True)
    fineweb = MinHashDedup(bands=14, rows=8, verify=None).shape()
    assert (fineweb.bands, fineweb.rows, fineweb.wide) == (14, 8, False)


graphs = st.integers(1, 25).flatmap(
    lambda nodes: st.lists(st.tuples(st.integers(0, nodes), st.integers(0, nodes)), max_size=40)
)


@settings(deadline=None, max_examples=30)
@given(graphs, st.sampled_from([1, 4, 1000]))
def test_components_by_stars_are_components(pairs: list[tuple[int, int]], cut: int) -> None:
    pairs = [(a, b) for a, b in pairs if a != b]
    check_components(pairs, cut)


@pytest.mark.parametrize(
    "pairs",
    [
        [(n + 1, n) for n in range(300)],
        [(n * 37 % 301, (n + 1) * 37 % 301) for n in range(300)],
        [(n + 1, 0) for n in range(300)],
    ],
)
def test_long_chains_and_stars_converge(pairs: list[tuple[int, int]]) -> None:
    check_components(pairs, 1000)


def check_components(pairs: list[tuple[int, int]], cut: int) -> None:
    edges = EdgePhases((), MinHashDedup().spec(), MinHashDedup().shape(), None)
    schema = pa.schema(edges.edge_fields())
    ends = [pa.array([pair[side] for pair in pairs], pa.uint64()) for side in (0, 1)]
    zeros = pa.array(np.zeros(len(pairs), np.int64))
    rows = pa.RecordBatch.from_arrays([*ends, zeros, zeros], schema=schema)
    links = list(edges._links(rows, np.zeros(len(pairs))))
    run = Run(MinHashDedup(), documents([]), cut)
    found = run.repeated(component_phase(edges.link_schema(), 10), links)
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    for row in pa.Table.from_batches(found, edges.link_schema()).to_pylist():
        if row["kind"] == EDGE:
            assert row["component"] == root(row["member"]) == root(row["keeper"])
