"""Exact deduplication against a plain reading: one copy of every text stays, the best source's
first.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.pipeline.merge import sort_rows
from curate.stages.dedup.exact import ExactDedup

SOURCES = ("web", "books", "wiki")
TEXTS = st.sampled_from(
    ["", " ", "a", "A", "a ", "Straße", "STRASSE", "ß\u0000", "x" * 300, "\ud7ff\U0010ffff"]
)


def documents(rows: list[tuple[str, str]]) -> pa.RecordBatch:
    """(text, source) in document order."""
    columns = {
        "text": pa.array([text for text, _ in rows], pa.large_string()),
        "source": pa.array([source for _, source in rows], pa.string()),
        "address": pa.array([7 << 32 | n for n in range(len(rows))], pa.uint64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def verdicts(
    stage: ExactDedup, batches: list[pa.RecordBatch], cut: int
) -> dict[int, tuple[int, int, float]]:
    """row -> (copy, row of the kept one, similarity), through emit, sort and settle in batches of
    `cut` rows.
    """
    (phase,) = stage.phases()
    emitted = pa.Table.from_batches([phase.emit(batch) for batch in batches], phase.schema())
    ordered = sort_rows(emitted, phase.order).combine_chunks()

    def stream() -> Iterator[pa.RecordBatch]:
        for start in range(0, ordered.num_rows, cut):
            yield from ordered.slice(start, cut).to_batches()

    found = {}
    for batch in phase.settle(stream()):
        assert batch.schema.equals(phase.settled)
        for row in batch.to_pylist():
            found[row["address"] & 0xFFFFFFFF] = (
                row["copy"],
                row["representative"] & 0xFFFFFFFF,
                row["similarity"],
            )
    return found


def expected(
    rows: list[tuple[str, str]], normalize: str, prefer: tuple[str, ...]
) -> dict[int, tuple[int, int, float]]:
    """The same by a dictionary of lists."""
    groups: dict[str, list[int]] = {}
    for number, (text, _) in enumerate(rows):
        key = text if normalize == "none" else " ".join("".join(c.lower() for c in text).split())
        groups.setdefault(key, []).append(number)
    found = {}
    for members in groups.values():
        order = sorted(
            members,
            key=lambda n: (prefer.index(rows[n][1]) if rows[n][1] in prefer else len(prefer), n),
        )
        for copy, number in enumerate(order[1:], start=1):
            found[number] = (copy, order[0], 1.0)
    return found


@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(SOURCES)), max_size=40),
    normalize=st.sampled_from(["none", "case_and_space"]),
    prefer=st.lists(st.sampled_from(SOURCES), unique=True, max_size=3),
    cut=st.integers(1, 50),
    batches=st.integers(1, 5),
)
def test_one_copy_of_every_text_stays(
    rows: list[tuple[str, str]], normalize: str, prefer: list[str], cut: int, batches: int
) -> None:
    stage = ExactDedup.model_validate({"normalize": normalize, "prefer": prefer})
    whole = documents(rows)
    size = max(1, -(-len(rows) // batches))
    pieces = [whole.slice(start, size) for start in range(0, max(1, len(rows)), size)]
    assert verdicts(stage, pieces, cut) == expected(rows, normalize, tuple(prefer))


def test_a_kept_document_has_no_verdict_and_its_rule_keeps_it() -> None:
    (rule,) = ExactDedup().rules()
    assert rule.missing == "keep"
    assert rule.high == 0
    assert verdicts(ExactDedup(), [documents([("a", "web"), ("b", "web")])], 10) == {}


def test_the_preferred_source_is_kept_even_when_it_comes_last() -> None:
    rows = [("a", "web"), ("a", "books"), ("a", "wiki"), ("a", "wiki")]
    assert verdicts(ExactDedup(prefer=("wiki",)), [documents(rows)], 2) == {
        3: (1, 2, 1.0),
        0: (2, 2, 1.0),
        1: (3, 2, 1.0),
    }


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
(phase,) = stage.phases()
key = pa.array([xxhash.xxh3_128(b"one text").digest()] * rows, pa.binary(16))
columns = [key, pa.array(np.zeros(rows, np.int64)), pa.array(np.arange(rows, dtype=np.uint64))]
batch = pa.RecordBatch.from_arrays(columns, schema=phase.schema())
files = [write_sliced(store, f"in/{n}", phase.schema(), [(0, [batch])]) for n in range(shards)]
inputs = tuple(ExchangeInput(ref, n) for n, ref in enumerate(files))
before = peak_kibibytes()
started = time.monotonic()
entry = StageEntry("exact_dedup", stage, ())
job = SettleJob("settle", "00" * 16, entry, (0, 0), 0, inputs, Target("verdicts"))
result = job.run(JobContext(store, EngineConfig(), 1))
after = peak_kibibytes()
counted = result.counts["exchange|verdicts"]
assert counted == shards * rows - 1, counted
last = list(read_slice(store, result.files[0].ref, shards - 1))[-1]
assert last.column("copy")[-1].as_py() == shards * rows - 1
assert last.column("representative")[-1].as_py() == 0
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
