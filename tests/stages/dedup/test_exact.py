"""Exact deduplication against a plain reading: who is compared, which copy stays, what is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from curate_test_phases import settled, verdicts
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.kernels.hashes import text_hash_128
from curate.stages.base import Emitted
from curate.stages.dedup.exact import ExactDedup
from curate.stages.extract.dates import moment

SOURCES = ("web", "books", "wiki")
TEXTS = st.sampled_from(
    ["", " ", "a", "A", "a ", "Straße", "STRASSE", "ß\u0000", "x" * 300, "\ud7ff\U0010ffff"]
)
DATES = st.sampled_from(
    [
        None,
        "",
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00+01:00",
        "soon",
        "2021-02-30",
    ]
)
VALUES = st.sampled_from([None, float("nan"), 0.0, -0.0, 1.5, float("inf"), -float("inf")])
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {"text": TEXTS, "source": st.sampled_from(SOURCES), "date": DATES, "quality.score": VALUES}
    ),
    max_size=40,
)
COLUMNS = {
    "text": pa.large_string(),
    "source": pa.string(),
    "date": pa.string(),
    "url": pa.string(),
    "quality.score": pa.float64(),
}


def documents(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """In document order."""
    columns = {
        name: pa.array([row.get(name) for row in rows], kind) for name, kind in COLUMNS.items()
    }
    columns["address"] = pa.array([7 << 32 | n for n in range(len(rows))], pa.uint64())
    return pa.RecordBatch.from_pydict(columns)


def texts(*found: str) -> pa.RecordBatch:
    return documents([{"text": text, "source": "web"} for text in found])


def expected(rows: list[dict[str, Any]], stage: ExactDedup) -> dict[int, dict[str, Any]]:
    """The same by a dictionary of lists."""
    groups: dict[Any, list[int]] = {}
    for number, row in enumerate(rows):
        text = row["text"]
        plain = text if stage.by == "text" else " ".join("".join(c.lower() for c in text).split())
        scope = None if stage.scope == "all" else row[stage.scope] or ""
        if len(text) >= stage.min_characters:
            groups.setdefault((scope, plain), []).append(number)

    def place(number: int) -> tuple[Any, ...]:
        row = rows[number]
        prefer = [stage.prefer.index(row["source"]) if row["source"] in stage.prefer else 99]
        if stage.keep == "longest":
            return (*prefer, -len(row["text"]), number)
        if stage.keep == "newest":
            when = moment(row["date"]) if row["date"] is not None else None
            return (*prefer, when is None, 0 if when is None else -when.timestamp(), number)
        if stage.keep != "first":
            value = row["quality.score"]
            missing = value is None or value != value
            return (*prefer, missing, 0 if missing else -value, number)
        return (*prefer, number)

    found = {}
    for members in groups.values():
        order = sorted(members, key=place)
        for copy, number in enumerate(order if len(order) > 1 else []):
            found[number] = {
                "copy": copy,
                "cluster_size": len(order),
                "representative": order[0] if copy else None,
                "similarity": 1.0 if copy else None,
            }
    return found


@settings(max_examples=60)
@given(
    rows=DOCUMENTS,
    by=st.sampled_from(["text", "normalized_text"]),
    scope=st.sampled_from(["all", "source", "date"]),
    keep=st.sampled_from(["first", "longest", "newest", {"best": "quality.score"}]),
    prefer=st.lists(st.sampled_from(SOURCES), unique=True, max_size=3),
    min_characters=st.sampled_from([0, 1, 2]),
    cut=st.integers(1, 50),
    batches=st.integers(1, 5),
)
def test_the_copies_of_every_text_are_numbered(
    rows: list[dict[str, Any]],
    by: str,
    scope: str,
    keep: Any,
    prefer: list[str],
    min_characters: int,
    cut: int,
    batches: int,
) -> None:
    fields = {"by": by, "scope": scope, "keep": keep, "prefer": prefer}
    stage = ExactDedup.model_validate(fields | {"min_characters": min_characters})
    whole = documents(rows)
    size = max(1, -(-len(rows) // batches))
    pieces = [whole.slice(start, size) for start in range(0, max(1, len(rows)), size)]
    found = verdicts(stage, [piece.select([*stage.columns(), "address"]) for piece in pieces], cut)
    clusters: dict[Any, set[int]] = {}
    for row in found.values():
        clusters.setdefault(row.pop("cluster"), set()).add(row["cluster_size"])
    assert found == expected(rows, stage)
    assert all(len(sizes) == 1 for sizes in clusters.values())
    assert len(clusters) == sum(row["copy"] == 0 for row in found.values())


def test_a_unique_document_has_no_verdict_and_its_rule_keeps_it() -> None:
    (rule,) = ExactDedup().rules()
    assert (rule.missing, rule.high) == ("keep", 0)
    assert verdicts(ExactDedup(), [texts("a", "b")], 10) == {}


def test_so_many_copies_stay_as_the_pipeline_says() -> None:
    (rule,) = ExactDedup(max_copies=3).rules()
    found = verdicts(ExactDedup(max_copies=3), [texts(*"aaaaa")], 2)
    kept = [row for row, verdict in found.items() if verdict["copy"] <= rule.high]
    assert kept == [0, 1, 2]


def test_a_cluster_s_number_is_that_of_its_content() -> None:
    """So it is the same whatever else the corpus holds, and in whatever order."""
    key = text_hash_128(pa.array(["a"], pa.large_string()))[0].as_py()
    number = int.from_bytes(key[:8], "big", signed=True)
    for batch in (texts("a", "a"), texts("b", "a", "b", "a", "a"), texts(*"cabac")):
        found = verdicts(ExactDedup(), [batch], 2)
        assert number in {row["cluster"] for row in found.values()}
        assert {row["cluster"] for row in found.values() if row["copy"] == 0} >= {number}


def test_documents_of_different_scopes_are_no_copies() -> None:
    rows = [
        {"text": "a", "source": source, "date": date}
        for source in ("web", "wiki")
        for date in ("2020", None)
    ]
    batch = documents(rows)
    assert len(verdicts(ExactDedup(), [batch], 9)) == 4
    by_source = verdicts(ExactDedup(scope="source"), [batch], 9)
    assert {row: verdict["representative"] for row, verdict in by_source.items()} == {
        0: None,
        1: 0,
        2: None,
        3: 2,
    }
    assert {
        row: v["representative"]
        for row, v in verdicts(ExactDedup(scope="date"), [batch], 9).items()
    } == {
        0: None,
        2: 0,
        1: None,
        3: 1,
    }


def test_addresses_are_compared_in_canonical_form_and_documents_without_one_stay() -> None:
    urls = [
        "http://www.Example.org/a/?utm_source=x",
        None,
        "https://example.org/a#top",
        "",
        "not an address",
        "https://example.org/b",
        "HTTPS://user@example.org:443/a/index.html",
        None,
    ]
    rows = [{"text": str(n), "source": "web", "url": url} for n, url in enumerate(urls)]
    found = verdicts(ExactDedup(by="url"), [documents(rows)], 3)
    assert {row: verdict["representative"] for row, verdict in found.items()} == {
        0: None,
        2: 0,
        6: 0,
    }
    assert {verdict["similarity"] for verdict in found.values()} == {None}


def test_documents_that_are_not_compared_are_counted() -> None:
    rows = [
        {"text": text, "source": "web", "date": date}
        for text, date in (("ab", None), ("a", "x"), ("ab", "x"))
    ]
    copies, _ = ExactDedup(by="date", min_characters=2).phases()
    assert copies.emit is not None
    emitted = copies.emit(documents(rows))
    assert isinstance(emitted, Emitted)
    assert (emitted.rows.num_rows, dict(emitted.counts)) == (
        1,
        {"too_short": 1, "without_value": 1},
    )


@pytest.mark.parametrize("by", ["date", "quality.score"])
def test_values_of_any_column_are_compared_and_missing_ones_are_not(by: str) -> None:
    column: list[Any] = ["x", None, "x", "y", None]
    if by == "quality.score":
        column = [0.5, None, 0.5, 0.25, None]
    rows = [{"text": str(n), "source": "web", by: value} for n, value in enumerate(column)]
    stage = ExactDedup(by=by)
    assert by in stage.columns()
    assert set(verdicts(stage, [documents(rows)], 2)) == {0, 2}


def test_documents_of_every_script_are_compared() -> None:
    """A normal form that empties Thai or Chinese texts makes all of them copies of each other."""
    batch = texts("ภาษาไทย", "ภาษาลาว", "汉语", "日本語", "!!!", "???", "😀", "😁")
    assert verdicts(ExactDedup(by="normalized_text"), [batch], 3) == {}


@pytest.mark.parametrize("key", [b"\0" * 16, b"\xff" * 16])
@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_document_whose_key_is_the_lowest_or_highest_is_a_document(key: bytes, cut: int) -> None:
    """Sentinels inside a merge have swallowed the first or last document of other tools."""
    copies, sizes = ExactDedup().phases()
    keys = pa.array([key, bytes([7] * 16), key], pa.binary(16))
    address = pa.array([0, 1, 2], pa.uint64())
    rows = pa.RecordBatch.from_arrays([keys, address], schema=copies.schema())
    passed = [sizes.emit(batch) for batch in settled(copies, [rows], cut)]
    found = pa.Table.from_batches(settled(sizes, passed, cut)).to_pylist()
    assert sorted((row["address"], row["copy"], row["cluster_size"]) for row in found) == [
        (0, 0, 2),
        (2, 1, 2),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"by": ""},
        {"scope": ""},
        {"keep": "last"},
        {"keep": {"best": ""}},
        {"keep": {"worst": "x"}},
        {"max_copies": 0},
        {"min_characters": -1},
        {"normalize": "none"},
    ],
)
def test_a_bad_configuration_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExactDedup.model_validate(bad)


ONE_KEY = """
import sys, time
from pathlib import Path
import numpy as np, pyarrow as pa, xxhash
from curate.pipeline.exchanges.settle import ExchangeInput, SettleJob, Target
from curate.pipeline.job import JobContext
from curate.pipeline.spec.model import EngineConfig, StageEntry
from curate.stages.dedup.exact import ExactDedup
from curate.storage.sliced import read_slice, write_sliced
from curate.storage.store import Store

def peak_kibibytes() -> int:
    # getrusage would count the parent's memory before exec
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

folder, shards, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = Store(folder)
stage = ExactDedup()
phase, last_phase = stage.phases()
key = pa.array([xxhash.xxh3_128(b"one text").digest()] * rows, pa.binary(16))
columns = [key, pa.array(np.arange(rows, dtype=np.uint64))]
batch = pa.RecordBatch.from_arrays(columns, schema=phase.schema())
files = [write_sliced(store, f"in/{n}", phase.schema(), [(0, [batch])]) for n in range(shards)]
inputs = tuple(ExchangeInput(ref, n) for n, ref in enumerate(files))
before = peak_kibibytes()
started = time.monotonic()
entry = StageEntry("exact_dedup", stage, ())
context = JobContext(store, EngineConfig(), 1)
first = SettleJob("settle", "00" * 16, entry, (0, 0), 0, inputs, Target("emit", (1, 0), 1))
inputs = (ExchangeInput(first.run(context).files[0].ref, None),)
second = SettleJob("settle", "01" * 16, entry, (1, 0), 0, inputs, Target("verdicts"))
result = second.run(context)
after = peak_kibibytes()
counted = result.counts["exchange|verdicts"]
assert counted == shards * rows, counted
last = list(read_slice(store, result.files[0].ref, shards - 1))[-1]
assert last.column("copy")[-1].as_py() == shards * rows - 1
assert last.column("representative")[-1].as_py() == 0
assert last.column("cluster_size")[-1].as_py() == shards * rows
print((after - before) // 1024, round(time.monotonic() - started, 1))
"""


def settle_one_key(tmp_path: Path, shards: int, rows: int) -> tuple[int, float]:
    command = [sys.executable, "-c", ONE_KEY, str(tmp_path), str(shards), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown_mib, seconds = done.stdout.split()
    return int(grown_mib), float(seconds)


def test_one_text_five_hundred_thousand_times(tmp_path: Path) -> None:
    grown_mib, _ = settle_one_key(tmp_path, 50, 10_000)
    assert grown_mib < 300


@pytest.mark.slow
def test_one_text_five_million_times_under_a_worker_s_memory(tmp_path: Path) -> None:
    """Verdicts of a partition are sorted in memory (`exchange_partition_bytes` bounds them); the
    key's group is not held.
    """
    grown_mib, seconds = settle_one_key(tmp_path, 500, 10_000)
    print(f"5 M rows of one key: {grown_mib} MiB, {seconds} s")
    assert grown_mib < 1_500
