"""Which removed and quarantined documents the report shows: a fair draw per rule, the same for
every reader.

First pass: `id`, stage and rule only; per rule the documents with the smallest `draw("sample",
id)`, which is also the draw by which a run keeps the text of removed documents when it keeps a
sample, so the ones shown are the ones that have text. Second pass: those rows whole, found by
address (row groups are sorted by it, so most are never read).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from curate.dashboards.visible_text import excerpt, readable_bytes
from curate.kernels.draw import draw_many
from curate.pipeline.run_folder import stream

Group = tuple[str, str]
"""(stage, rule) of removed documents, (stage, error) of quarantined records."""

_SHOWN = (
    "id address source locator stage rule signal value low high also_broken duplicate_of "
    "duplicate_source similarity error message raw text url date date_source title author language"
).split()


@dataclass
class Drawn:
    """The outcome of a pass: rows per group, how many there are, how often a rule was broken
    behind another one.
    """

    rows: dict[Group, list[dict[str, Any]]] = field(default_factory=dict)
    counts: Counter[Group] = field(default_factory=Counter)
    by_source: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    also_broken: Counter[Group] = field(default_factory=Counter)


def draw_examples(dataset: pads.Dataset, by: str, per_group: int, seed: int) -> Drawn:
    """At most `per_group` rows of every (stage, `by`), `by` being `rule` or `error`."""
    drawn = Drawn()
    chosen: dict[Group, list[tuple[int, int, str]]] = {}
    for batch in stream(dataset, ["id", "address", "source", "stage", by, "also_broken"]):
        if batch.num_rows:
            _choose(drawn, chosen, batch, by, per_group, seed)
    wanted = {
        (group, address, identity): rank
        for group, found in chosen.items()
        for rank, (_, address, identity) in enumerate(sorted(found, reverse=True))
    }
    addresses = pa.array(sorted({address for _, address, _ in wanted}), pa.uint64())
    placed: dict[Group, list[tuple[int, dict[str, Any]]]] = {}
    if len(addresses):
        for batch in stream(dataset, _SHOWN, pads.field("address").isin(addresses)):
            for row in batch.to_pylist():
                group = (row["stage"], row[by] or "")
                rank = wanted.get((group, row["address"], row["id"]))
                if rank is not None:
                    placed.setdefault(group, []).append((rank, _example(row)))
    for group, ranked in placed.items():
        drawn.rows[group] = [row for _, row in sorted(ranked, key=lambda pair: pair[0])]
    return drawn


def _choose(
    drawn: Drawn,
    chosen: dict[Group, list[tuple[int, int, str]]],
    batch: pa.RecordBatch,
    by: str,
    per_group: int,
    seed: int,
) -> None:
    """Count the rows of a batch and keep the smallest draws of every group (a heap of negated
    draws).
    """
    draws = draw_many(seed, "sample", batch.column("id")).tolist()
    stages, kinds = batch.column("stage").to_pylist(), batch.column(by).to_pylist()
    addresses, sources = batch.column("address").to_pylist(), batch.column("source").to_pylist()
    for row, (stage, kind) in enumerate(zip(stages, kinds, strict=True)):
        group = (stage, kind or "")
        drawn.counts[group] += 1
        drawn.by_source[*group, sources[row]] += 1
        heap = chosen.setdefault(group, [])
        if len(heap) < per_group:
            heapq.heappush(heap, (-draws[row], addresses[row], batch.column("id")[row].as_py()))
        elif per_group and -draws[row] > heap[0][0]:
            heapq.heapreplace(heap, (-draws[row], addresses[row], batch.column("id")[row].as_py()))
    _count_also_broken(drawn.also_broken, batch, stages)


def _count_also_broken(
    counts: Counter[Group], batch: pa.RecordBatch, stages: Sequence[str]
) -> None:
    lists = batch.column("also_broken")
    for row, rule in zip(
        pc.list_parent_indices(lists).to_pylist(), pc.list_flatten(lists).to_pylist(), strict=True
    ):
        counts[stages[row], rule] += 1


def _example(row: dict[str, Any]) -> dict[str, Any]:
    """A row for the page: long text and bytes cut, with what was left out counted."""
    made = {name: value for name, value in row.items() if name not in ("text", "raw", "address")}
    text, raw = row["text"], row["raw"]
    made["text"], made["text_left_out"] = excerpt(text) if text is not None else (None, 0)
    made["raw"], made["raw_left_out"] = readable_bytes(raw) if raw is not None else (None, 0)
    return made
