"""Histograms of signals, kept against removed, in bounded memory.

Two passes over the signal columns of `documents/` and `removed/` (never the text). The first
keeps, per signal, a sketch with a relative error of 1/128 (counts by sign, exponent and 7 mantissa
bits of the float64, as in HdrHistogram) and finds the range that holds 99.8 % of the values; the
second counts into bins of that range. Values beyond it fall into the end bins. Cost: two reads of
8 bytes per document and signal; memory: a few thousand counters per signal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from curate.pipeline.run_folder import RunFolder, stream
from curate.stages.rules import as_float64

BINS = 48
_KEPT, _HERE, _ELSEWHERE = "kept", "removed_here", "removed_elsewhere"
_SHIFT = np.int64(45)
_TAIL = 0.001
_LOG_RATIO = 12.0
_JOINED_ROWS = 32_768


@dataclass
class _Sketch:
    """What the first pass learns about one signal."""

    counts: Counter[int] = field(default_factory=Counter)
    whole: bool = True

    def add(self, values: np.ndarray) -> None:
        finite = values[np.isfinite(values)] + 0.0
        bits = finite.view(np.int64)
        ordered = np.where(bits < 0, np.int64(-(2**63)) - bits, bits) >> _SHIFT
        keys, counts = np.unique(ordered, return_counts=True)
        self.counts.update(dict(zip(keys.tolist(), counts.tolist(), strict=True)))
        self.whole = self.whole and bool((finite == np.floor(finite)).all())

    def quantile(self, share: float) -> float:
        """The value below which `share` of the values lie, within 1/128 of it."""
        wanted, seen = share * self.counts.total(), 0
        key = 0
        for key in sorted(self.counts):
            seen += self.counts[key]
            if seen >= wanted:
                break
        bits = np.int64(key) << _SHIFT
        bits = np.int64(-(2**63)) - bits if key < 0 else bits
        return float(np.array([bits]).view(np.float64)[0])


@dataclass(frozen=True)
class Histogram:
    """Counts of one signal. `edges` are bins + 1 floats; `missing` counts null and NaN by fate;
    `scale` is linear or log.
    """

    column: str
    edges: list[float]
    counts: dict[str, list[int]]
    missing: dict[str, int]
    scale: str

    def as_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "edges": self.edges,
            "counts": self.counts,
            "missing": self.missing,
            "scale": self.scale,
        }


def histograms(
    folder: RunFolder, columns: Sequence[str], bounds: dict[str, list[float]]
) -> list[Histogram]:
    """One histogram per numeric signal of `columns` that has a value; `bounds` are finite and lie
    inside the range shown.
    """
    kept, removed = folder.documents(), folder.removed()
    names = [name for name in columns if _numeric(kept, name) or _numeric(removed, name)]
    sketches = {name: _Sketch() for name in names}
    for batch in _each(kept, names):
        _learn(sketches, batch)
    for batch in _each(removed, names):
        _learn(sketches, batch)
    edges = {
        name: _edges(sketch, bounds.get(name, []))
        for name, sketch in sketches.items()
        if sketch.counts
    }
    counts: dict[str, dict[str, np.ndarray]] = {
        name: {fate: np.zeros(len(cut) - 1, np.int64) for fate in (_KEPT, _HERE, _ELSEWHERE)}
        for name, (cut, _) in edges.items()
    }
    missing = {name: dict.fromkeys((_KEPT, _HERE, _ELSEWHERE), 0) for name in edges}
    shown = list(edges)
    for batch in _each(kept, shown):
        for name in shown:
            _count(batch, name, _KEPT, None, edges, counts, missing)
    for batch in _each(removed, [*shown, "signal"]):
        for name in shown:
            here = pc.fill_null(pc.equal(batch.column("signal"), name), False)
            mask = here.to_numpy(zero_copy_only=False)
            _count(batch, name, _HERE, mask, edges, counts, missing)
            _count(batch, name, _ELSEWHERE, ~mask, edges, counts, missing)
    return [
        Histogram(
            name,
            edges[name][0].tolist(),
            {fate: numbers.tolist() for fate, numbers in counts[name].items()},
            missing[name],
            edges[name][1],
        )
        for name in shown
    ]


def _numeric(dataset: pads.Dataset, name: str) -> bool:
    index = dataset.schema.get_field_index(name)
    if index < 0:
        return False
    kind = dataset.schema.field(index).type
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _each(dataset: pads.Dataset, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of signals, small row groups joined: the cost per batch is that of 1,000 rows."""
    if not names:
        return
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in stream(dataset, list(names)):
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _JOINED_ROWS:
            yield pa.concat_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


def _learn(sketches: dict[str, _Sketch], batch: pa.RecordBatch) -> None:
    for name in batch.schema.names:
        if name in sketches:
            sketches[name].add(as_float64(batch.column(name)))


def _count(
    batch: pa.RecordBatch,
    name: str,
    fate: str,
    mask: np.ndarray | None,
    edges: dict[str, tuple[np.ndarray, str]],
    counts: dict[str, dict[str, np.ndarray]],
    missing: dict[str, dict[str, int]],
) -> None:
    if name not in batch.schema.names:
        missing[name][fate] += batch.num_rows
        return
    values = as_float64(batch.column(name))
    values = values if mask is None else values[mask]
    there = ~np.isnan(values)
    missing[name][fate] += int((~there).sum())
    cut = edges[name][0]
    inside = np.clip(values[there], cut[0], cut[-1])
    counts[name][fate] += np.histogram(inside, cut)[0]


def _edges(sketch: _Sketch, bounds: Sequence[float]) -> tuple[np.ndarray, str]:
    """Edges of the bins and the scale: log where the upper tail is long and no value is negative.

    Where a bound is the end of the range, one more bin holds what lies beyond it.
    """
    low = min([sketch.quantile(_TAIL), *bounds])
    high = max([sketch.quantile(1 - _TAIL), *bounds])
    # Counts and shares end at 0: nothing can lie below that bound.
    below, above = int(low in bounds and low != 0), int(high in bounds)
    middle = sketch.quantile(0.5)
    is_log = low >= 0 and high > _LOG_RATIO * max(middle, 1.0)
    scale = "log" if is_log else "linear"
    if sketch.whole and all(bound == int(bound) for bound in bounds):
        return _whole_edges(math.floor(low) - below, math.ceil(high) + above, is_log), scale
    if high <= low:
        low, high = low - 0.5, high + 0.5
    if is_log:
        return np.expm1(_line(math.log1p(low), math.log1p(high), below, above)), scale
    return _line(low, high, below, above), scale


def _line(low: float, high: float, below: int, above: int) -> np.ndarray:
    """`BINS` equal bins: from low to high, and `below` and `above` more of them outside."""
    step = high / (BINS - below - above) - low / (BINS - below - above)
    return np.linspace(low - below * step, high + above * step, BINS + 1)


def _whole_edges(low: int, high: int, is_log: bool) -> np.ndarray:
    """Edges half-way between integers, so that every bin holds whole numbers only."""
    if is_log and low >= 0:
        cut = np.expm1(np.linspace(math.log1p(low), math.log1p(high + 1), BINS + 1))
    else:
        cut = np.linspace(low, high + 1, min(BINS, high + 1 - low) + 1)
    cut = np.unique(np.round(cut))
    if len(cut) < 2:  # beyond 2^53 a float has no neighbour at a distance of 1
        cut = np.array([np.nextafter(cut[0], -np.inf), np.nextafter(cut[0], np.inf)])
    return cut - 0.5
