"""What deduplication found, for people: the largest clusters, pairs to look at, rates within and
across sources, repeated lines.

Everything comes from the published run folder. A *pair* is a removed copy and the document it
names; pairs are drawn (`draw`, purpose sample), so the same run shows the same ones. Texts are
shown as far as the run kept them: `removed: {text: none}` or `sample` leaves copies without text.

Cost: one pass over the small columns of `removed/`, and one over ids and texts of the sources in
which a pair's documents lie. Memory: the largest clusters, the drawn pairs.
"""

from __future__ import annotations

import difflib
import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from curate.errors import DataError
from curate.kernels.draw import Purpose, draw_many
from curate.pipeline.run_folder import RunFolder, stream

MOST_WORDS = 400
"""Of a text that are compared for a side-by-side view."""
_LINKS = ("id", "source", "stage", "duplicate_of", "duplicate_source", "similarity")


@dataclass(frozen=True, slots=True)
class Rates:
    """Copies that one stage removed from one source. within: of documents of the same source."""

    source: str
    read: int
    removed: int
    within: int
    across: dict[str, int]
    """By the source of the kept document."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Documents of one cluster; removed counts those that this stage took."""

    cluster: int
    size: int
    kept: str | None
    removed: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A removed copy and the document it names, with their texts where the run has them."""

    removed: str
    kept: str
    similarity: float | None
    removed_text: str | None
    kept_text: str | None

    def differences(self) -> list[tuple[str, str, str]]:
        """(what, words of the kept text, words of the removed one): equal, replace, delete or
        insert, over the first `MOST_WORDS` words of both.
        """
        kept = (self.kept_text or "").split()[:MOST_WORDS]
        removed = (self.removed_text or "").split()[:MOST_WORDS]
        matcher = difflib.SequenceMatcher(None, kept, removed, autojunk=False)
        return [
            (what, " ".join(kept[a:b]), " ".join(removed[c:d]))
            for what, a, b, c, d in matcher.get_opcodes()
        ]


@dataclass(frozen=True, slots=True)
class Clusters:
    """What one deduplication stage found."""

    stage: str
    rates: tuple[Rates, ...]
    largest: tuple[Cluster, ...]
    pairs: tuple[Pair, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def find_clusters(
    folder: RunFolder, stage: str | None = None, largest: int = 10, pairs: int = 5
) -> tuple[Clusters, ...]:
    """Of one deduplication stage or of all. Raises DataError for a stage that found no clusters."""
    run = folder.run()
    removed = folder.removed()
    known = [
        entry["name"] for entry in run["stages"] if f"{entry['name']}.cluster" in run["signals"]
    ]
    if stage is not None and stage not in known:
        raise DataError(
            f"{folder.url}: '{stage}' is no stage with clusters; "
            + (f"those are: {', '.join(known)}" if known else "this run has none")
        )
    return tuple(
        _of_stage(folder, removed, run, name, largest, pairs)
        for name in ([stage] if stage is not None else known)
    )


def repeated_lines(folder: RunFolder, stage: str | None = None) -> dict[str, pa.Table]:
    """What editing exchanges removed, most frequent first, by stage. Raises DataError for a stage
    without such a list.
    """
    names = [entry["name"] for entry in folder.run()["stages"]]
    found = {name: table for name in names if (table := folder.evidence(name)) is not None}
    if stage is not None and stage not in found:
        raise DataError(
            f"{folder.url}: '{stage}' lists no removed lines; "
            + (f"stages that do: {', '.join(found)}" if found else "no stage of this run does")
        )
    return found if stage is None else {stage: found[stage]}


def _of_stage(
    folder: RunFolder,
    removed: pads.Dataset,
    run: dict[str, Any],
    name: str,
    largest: int,
    pairs: int,
) -> Clusters:
    where = pc.field("stage") == name
    numbers = (f"{name}.cluster", f"{name}.cluster_size")
    across: Counter[tuple[str, str]] = Counter()
    gone: Counter[int] = Counter()
    top: dict[int, tuple[int, str | None]] = {}
    drawn: list[tuple[int, str, str, float | None]] = []
    for batch in stream(removed, [*_LINKS, *numbers], where):
        rows = batch.filter(pc.is_valid(batch.column("duplicate_of")))
        if rows.num_rows == 0:
            continue
        across.update(_pairs_of_sources(rows))
        _note_clusters(rows, numbers, top, gone, largest)
        drawn = _draw(drawn, rows, run["seed"], pairs)
    order = sorted(top, key=lambda cluster: (-top[cluster][0], cluster))[:largest]
    clusters = tuple(
        Cluster(cluster, top[cluster][0], top[cluster][1], gone[cluster]) for cluster in order
    )
    rates = _rates(run, name, across)
    return Clusters(name, rates, clusters, _with_texts(folder, removed, drawn))


def _pairs_of_sources(rows: pa.RecordBatch) -> Counter[tuple[str, str]]:
    table = pa.table({name: rows.column(name) for name in ("source", "duplicate_source")})
    counted = table.group_by(["source", "duplicate_source"], use_threads=False).aggregate(
        [([], "count_all")]
    )
    return Counter(
        {(row["source"], row["duplicate_source"]): row["count_all"] for row in counted.to_pylist()}
    )


def _note_clusters(
    rows: pa.RecordBatch,
    numbers: tuple[str, str],
    top: dict[int, tuple[int, str | None]],
    gone: Counter[int],
    largest: int,
) -> None:
    """Keep the largest clusters; a size stands in every row, so none comes back once it was cut."""
    cluster, size = (rows.column(name).to_numpy(zero_copy_only=False) for name in numbers)
    unique, first, count = np.unique(cluster, return_index=True, return_counts=True)
    for number, place, times in zip(unique.tolist(), first.tolist(), count.tolist(), strict=True):
        top.setdefault(number, (int(size[place]), rows.column("duplicate_of")[place].as_py()))
        gone[number] += times
    best = heapq.nsmallest(largest, top, key=lambda each: (-top[each][0], each))
    for number in set(top) - set(best):
        del top[number], gone[number]


def _draw(
    drawn: list[tuple[int, str, str, float | None]], rows: pa.RecordBatch, seed: int, most: int
) -> list[tuple[int, str, str, float | None]]:
    """The copies with the lowest draws so far."""
    values = draw_many(seed, Purpose.SAMPLE, rows.column("id"))
    chosen = pa.array(np.argsort(values, kind="stable")[:most])
    found = [
        rows.column(name).take(chosen).to_pylist() for name in ("id", "duplicate_of", "similarity")
    ]
    new = zip(values[chosen.to_numpy()].tolist(), *found, strict=True)
    return sorted([*drawn, *new], key=lambda each: each[:2])[:most]


def _with_texts(
    folder: RunFolder, removed: pads.Dataset, drawn: Iterable[tuple[int, str, str, float | None]]
) -> tuple[Pair, ...]:
    found = list(drawn)
    wanted = {name for _, copy, kept, _ in found for name in (copy, kept)}
    texts: dict[str, str | None] = {}
    if wanted:
        where = pc.field("id").isin(pa.array(sorted(wanted), pa.string()))
        for dataset in (removed, folder.documents()):
            for batch in stream(dataset, ["id", "text"], where):
                texts.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return tuple(
        Pair(copy, kept, similarity, texts.get(copy), texts.get(kept))
        for _, copy, kept, similarity in found
    )


def _rates(run: dict[str, Any], name: str, across: Counter[tuple[str, str]]) -> tuple[Rates, ...]:
    (stage,) = (entry for entry in run["stages"] if entry["name"] == name)
    rates = []
    for source, counts in stage["by_source"].items():
        other = {
            kept: number
            for (copy, kept), number in sorted(across.items())
            if copy == source and kept != source
        }
        within = across[source, source]
        rates.append(Rates(source, counts["read"], counts["removed"], within, other))
    return tuple(rates)
