"""Thousands of identical documents: one cluster, and no more rows per document than for few."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from curate.pipeline.spec.model import EngineConfig
from curate.stages.dedup.exact import ExactDedup
from curate.stages.dedup.line import LineDedup
from curate.stages.dedup.minhash import MinHashDedup
from curate.stages.dedup.policy import DedupExchange
from curate.stages.dedup.substring import SubstringDedup
from curate.stages.sources.jsonl import Jsonl

TEXT = "\n".join(tiny.prose(tiny.Dice(f"line {number}"), tiny.ENGLISH, 20) for number in range(6))
FEW, MANY = 500, 4_000
STAGES: tuple[DedupExchange, ...] = (
    ExactDedup(),
    MinHashDedup(),
    LineDedup(),
    SubstringDedup(),
)


def run(folder: Path, documents: int, stage: DedupExchange) -> dict[str, Any]:
    path = folder / f"{documents}.jsonl"
    path.write_text((json.dumps({"text": TEXT}) + "\n") * documents)
    spec = tiny.plain_spec(
        folder,
        folder / f"out-{documents}",
        {"docs": Jsonl(paths=(str(path),))},
        tiny.entries(((stage.name, stage, {}),), ("docs",)),
        EngineConfig(shard_input_bytes=1 << 20, exchange_partition_bytes=1 << 20),
        keep_intermediates="none",
        removed=tiny.RemovedConfig(text="none"),
    )
    record: dict[str, Any] = tiny.run(spec).record
    return record


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_one_stays_and_cost_per_document_is_that_of_few(
    tmp_path: Path, stage: DedupExchange
) -> None:
    few, many = (run(tmp_path, documents, stage) for documents in (FEW, MANY))
    assert few["totals"]["kept"] == many["totals"]["kept"] == 1
    costs = [
        next(each["exchange"] for each in record["stages"] if each["name"] == stage.name)
        for record in (few, many)
    ]
    rows, sizes = ([cost[name] for cost in costs] for name in ("rows", "bytes_per_document"))
    assert rows[1] * FEW == rows[0] * MANY
    assert sizes[1] <= 1.05 * sizes[0]
    if stage.name.startswith(("exact", "minhash")):
        (row,) = tiny.rows(tmp_path / f"out-{MANY}", "documents")
        assert row[f"{stage.name}.cluster_size"] == MANY
