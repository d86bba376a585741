"""A million identical documents pass every phase in linear time and in flat memory."""

from __future__ import annotations

import subprocess
import sys

ONE_CLUSTER = """
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.stages.base import Repeat
from curate.stages.dedup.edges import pair_keys
from curate.stages.dedup.minhash import MinHashDedup

DOCUMENTS, BATCH = 1_000_000, 50_000


def peak_megabytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def rows(schema: pa.Schema, given: dict[str, np.ndarray], size: int) -> pa.RecordBatch:
    columns = []
    for field in schema:
        if field.name in given:
            columns.append(pa.array(given[field.name]).cast(field.type))
        elif field.name == "key":
            columns.append(pair_keys(np.zeros(size, np.uint64), np.zeros(size, np.uint64)))
        elif pa.types.is_large_binary(field.type):
            columns.append(pa.array([b""] * size, field.type))
        else:
            columns.append(pa.array(np.zeros(size)).cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def one_key(phase) -> Iterator[pa.RecordBatch]:
    # Document 0 and all that resemble it; every column that tells them apart has their number.
    for start in range(0, DOCUMENTS, BATCH):
        number = np.arange(start, start + BATCH, dtype=np.uint64)
        given = {"address": number, "member": number, "document": number, "role": np.ones(BATCH)}
        given["similarity"] = np.ones(BATCH)
        if phase.name == "small_star":
            given = {"address": np.full(BATCH, DOCUMENTS), "other": number}
        elif phase.name == "large_star":
            given = {"address": np.zeros(BATCH, np.uint64), "other": number + 1}
        elif phase.name == "sizes":
            given |= {"copy": number, "members": np.where(number == 0, DOCUMENTS, 0)}
        batch = rows(phase.schema(), given, BATCH)
        if phase.name == "edges":
            key = pair_keys(np.zeros(BATCH, np.uint64), number)
            batch = batch.set_column(0, phase.schema().field("key"), key)
        yield batch


stage = MinHashDedup()
for entry in stage.phases():
    for phase in entry.phases if isinstance(entry, Repeat) else (entry,):
        list(phase.settle(iter([next(one_key(phase))])))
        before = peak_megabytes()
        made = sum(batch.num_rows for batch in phase.settle(one_key(phase)))
        print(phase.name, made, peak_megabytes() - before)
"""


def test_one_cluster_of_a_million_documents() -> None:
    command = [sys.executable, "-c", ONE_CLUSTER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {
        name: (int(made), int(grown))
        for name, made, grown in map(str.split, done.stdout.splitlines())
    }
    assert list(found) == [
        "bands",
        "edges",
        "verify",
        "large_star",
        "small_star",
        "choose",
        "sizes",
    ]
    made = {name: rows for name, (rows, _) in found.items()}
    assert made["bands"] == 999_999
    assert made["choose"] == made["sizes"] == 1_000_000
    assert max(made.values()) <= 2_000_000
    for name, (_, grown) in found.items():
        assert grown < 40, f"{name} took {grown} MB more for a million rows"
