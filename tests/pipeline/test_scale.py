"""Promise 4 for the driver: a million shards are planned, looked up and held in a gigabyte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curate.pipeline.records import StepRecords
from curate.pipeline.shards import SourceShards

SCRIPT = Path(__file__).with_name("fake_shards.py")
STEP_BYTES = 100
"""The promise: bytes that the driver holds per shard and step."""
LISTING_BYTES = 450
"""Bytes per input file: its name, address, stamp and split as they were listed."""


def start(folder: Path, shards: int, *more: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(shards), *more],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def assert_small(figures: Any) -> None:
    held = figures["retained_bytes_per_shard"]
    print(json.dumps(figures))
    assert held["segment ledger"] <= STEP_BYTES
    assert held["read ledger"] + held["shards"] <= STEP_BYTES
    assert held["files"] + held["read step"] <= LISTING_BYTES


def test_the_driver_holds_a_hundred_bytes_per_shard_and_step(tmp_path: Path) -> None:
    start(tmp_path, 10_000)
    assert_small(start(tmp_path, 10_000, "trace"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_shards_load_in_a_gigabyte(tmp_path: Path) -> None:
    """How long it takes is in benchmarks/driver."""
    start(tmp_path, 1_000_000)
    figures = start(tmp_path, 1_000_000)
    print(json.dumps(figures))
    assert figures["peak_rss_mib"] < 1_000


def commit(records: StepRecords, index: int, parts: list[tuple[int, int]]) -> None:
    """parts: (rows, fates) per part."""
    files = [
        ("rows", part, 2**33 + rows, 2**64 - 1 - part, rows, 2**34 + rows)
        for part, (rows, _) in enumerate(parts)
    ]
    files += [("fates", part, 5, 7, fates, 0) for part, (_, fates) in enumerate(parts) if fates]
    records.add(index, files, {"n": 1})


@pytest.mark.parametrize("limit", [None, 1, 5, 6, 11, 15, 1000])
def test_records_and_shards_agree_with_what_was_committed(limit: int | None) -> None:
    jobs = [[(5, 0)], [(0, 2), (6, 1)], [], [(0, 0)], [(4, 3), (1, 0), (2, 9)]]
    records = StepRecords("web.read-0123", len(jobs))
    for index in (4, 0, 3, 1, 2):
        records.set_key(index, f"{index:032x}")
        commit(records, index, jobs[index])
        assert [f.part for f in records.files(index) if f.kind == "rows"] == list(
            range(len(jobs[index]))
        ), "sorted in between"
        commit(records, index, [(99, 99)])
    assert records.done.all()
    assert records.counts["n"] == len(jobs)
    assert records.sums("rows") == (18, 7 * 2**34 + 18)
    assert records.ref(1, "rows", 1).path == f"steps/web.read-0123/{1:032x}.rows.1.parquet"
    assert records.ref(1, "rows", 1).size_bytes == 2**33 + 6
    assert records.ref(1, "rows", 1).checksum == 2**64 - 2
    assert records.file(2, "rows") is None
    with pytest.raises(KeyError, match="job 2 published no 'rows' 0"):
        records.ref(2, "rows")

    expected, left = [], limit
    for job, parts in enumerate(jobs):
        for part, (rows, fates) in enumerate(parts):
            if left == 0:
                continue
            take = rows if left is None else min(rows, left)
            left = None if left is None else left - take
            expected.append((job, part, rows, fates, None if take == rows else take))
    shards = SourceShards("web", records, limit)
    found = [(shards[index], shards.fates(index)) for index in range(len(shards))]
    assert [
        (s.job, s.part, s.rows.rows, fates.rows if fates else 0, s.take) for s, fates in found
    ] == expected
    assert shards.documents == sum(row[2] if row[4] is None else row[4] for row in expected)
    assert shards.skipped_by_limit == 18 - shards.documents
    assert shards.quarantined == sum(row[3] for row in expected)


def test_a_step_without_jobs_and_a_source_without_shards() -> None:
    records = StepRecords("empty", 0)
    assert records.sums("rows") == (0, 0)
    assert len(SourceShards("web", records, None)) == 0
    assert records.nbytes() < 2_000
    assert isinstance(records.done, np.ndarray)
