"""`substring_dedup` in whole runs: the same bytes however the run is cut, and its evidence."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import tiny

from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.base import Stage
from curate.stages.dedup.policy import Best
from curate.stages.dedup.substring import SubstringDedup
from curate.stages.quality.length import DocumentLength
from curate.stages.sources.jsonl import Jsonl

DOCUMENTS = 39
SIZES = {"shard_input_bytes": 4096, "exchange_partition_bytes": 1 << 14, "exchange_fan_in": 3}


def passage(name: str, size: int) -> str:
    return "".join(
        hashlib.sha256(f"{name} {block}".encode()).hexdigest() for block in range(size // 64 + 1)
    )[:size]


def texts() -> list[str]:
    """Three shared passages in changing company; every tenth document is a copy as a whole."""
    made = []
    for number in range(DOCUMENTS):
        own = passage(f"own {number}", 200 + 10 * number)
        shared = passage(f"shared {number % 3}", 150 + number)
        made.append(own[:100] + shared + own[100:] if number % 10 else passage("whole", 400))
    return made


def pipeline(folder: Path, output: Path, stage: Stage, **engine: int) -> PipelineSpec:
    folder.mkdir(exist_ok=True)
    lines = (json.dumps({"text": text}) + "\n" for text in texts())
    (folder / "docs.jsonl").write_text("".join(lines))
    length = DocumentLength(min_characters=1)
    return tiny.plain_spec(
        folder,
        output,
        {"docs": Jsonl(paths=(f"{folder}/docs.jsonl",))},
        tiny.entries((("document_length", length, {}), ("substring_dedup", stage, {})), ("docs",)),
        EngineConfig(**(SIZES | {"batch_bytes": 4096} | engine)),
        keep_intermediates="all",
    )


def run(folder: Path, name: str, stage: Stage, seed: int = 0, **engine: int) -> Path:
    output = folder / name
    tiny.run(pipeline(folder / "in", output, stage, **engine), SimulatedExecutor(seed=seed))
    return output


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("passages"), "out", SubstringDedup(min_bytes=64))


def test_a_passage_stays_once_and_the_record_counts(reference: Path) -> None:
    rows = tiny.rows(reference, "documents")
    left = "".join(row["text"] for row in rows)
    for number in range(3):
        assert left.count(passage(f"shared {number}", 64)) == 1
    assert left.count(passage("whole", 400)) == 1
    assert all(passage(f"own {number}", 90) in left for number in range(DOCUMENTS) if number % 10)
    removed = tiny.rows(reference, "removed")
    assert {row["rule"] for row in removed} == {"emptied"} and len(removed) == 3
    row = rows[-1]
    before = row["substring_dedup.characters_before"]
    assert len(row["text"]) == before - row["substring_dedup.removed_characters"] < before


def test_the_list_names_the_most_frequent_passages(reference: Path) -> None:
    rows = pq.read_table(reference / "report" / "substring_dedup.parquet").to_pylist()
    assert rows[0]["documents"] >= DOCUMENTS // 3 - DOCUMENTS // 30
    assert rows[0]["text"] in "".join(passage(f"shared {number}", 300) for number in range(3))
    assert all(a["documents"] >= b["documents"] for a, b in pairwise(rows))


@pytest.mark.parametrize(
    ("seed", "engine"),
    [
        (3, {}),
        (4, {"exchange_partition_bytes": 1 << 13, "batch_bytes": 1024}),
        (5, {"exchange_partition_bytes": 1 << 30}),
    ],
)
def test_same_bytes_for_any_order_partitions_and_batches(
    reference: Path, seed: int, engine: dict[str, int]
) -> None:
    again = run(reference.parent, f"again-{seed}", SubstringDedup(min_bytes=64), seed, **engine)
    assert tiny.digest(again) == tiny.digest(reference)


def test_same_survivors_for_any_shard_size(reference: Path) -> None:
    again = run(reference.parent, "large", SubstringDedup(min_bytes=64), shard_input_bytes=1 << 20)
    columns = ["id", "text", "substring_dedup.cuts"]
    expected = tiny.rows(reference, "documents", columns)
    assert tiny.rows(again, "documents", columns) == expected


def test_a_signal_decides_which_copy_stays(reference: Path) -> None:
    """Signals do not reach visits: rows carry them."""
    best = SubstringDedup(min_bytes=64, keep=Best(best="length.characters"))
    rows = tiny.rows(run(reference.parent, "best", best), "documents")
    holders = [row["id"] for row in rows if passage("shared 2", 150) in row["text"]]
    assert holders == [rows[-1]["id"]], "the longest document is the last one"
