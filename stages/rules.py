"""Rules: bounds on signals, as data.

One rule keeps a document iff low <= value <= high, both inclusive; a paper's strict bound is
written as the adjacent float64 (`math.nextafter`). null or NaN breaks a rule unless
`missing="keep"`. `by` names a string column and turns a bound into a table with a `default`. The
reason of a removal is the first broken rule in declared order; the others are `also_broken`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError

Bound = float | Mapping[str, float] | None
"""A number, or with `by` a table from the column's value to a number (key `default` for the rest),
or no bound.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep a document iff `low <= signal <= high`.

    name: unique in its stage. signal: `<annotator>.<signal>` (or `<exchange verdict>`), as its
    maker declares it; the planner maps it to the column of the right text version.
    """

    name: str
    signal: str
    low: Bound = None
    high: Bound = None
    by: str | None = None
    missing: Literal["break", "keep"] = "break"

    def __post_init__(self) -> None:
        tables = [bound for bound in (self.low, self.high) if isinstance(bound, Mapping)]
        if bool(tables) != (self.by is not None):
            raise StageError(f"rule {self.name}: `by` and a table of bounds go together")
        for table in tables:
            if "default" not in table:
                raise StageError(f"rule {self.name}: the table of bounds lacks the key 'default'")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Outcome of a list of rules over n rows.

    broken: bool[n, rules]. value, low, high: float64[n, rules]; NaN in low/high stands for "no
    bound", in value for missing.
    """

    broken: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def first_broken(self) -> np.ndarray:
        """int64[n]: index of the first broken rule, -1 where the document is kept."""
        if self.broken.shape[1] == 0:
            return np.full(self.broken.shape[0], -1, dtype=np.int64)
        return np.where(self.broken.any(axis=1), self.broken.argmax(axis=1), -1)


def as_float64(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A signal column (float64, int64 or bool) as float64[n]; null becomes NaN."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    filled = pc.cast(column, pa.float64(), safe=False)
    result: np.ndarray = pc.fill_null(filled, float("nan")).to_numpy(zero_copy_only=False)
    return result


def _bounds(bound: Bound, by: pa.Array | None, rows: int) -> np.ndarray:
    """float64[rows]; NaN where there is no bound."""
    if bound is None:
        return np.full(rows, np.nan)
    if not isinstance(bound, Mapping):
        return np.full(rows, float(bound))
    assert by is not None
    keys = [key for key in bound if key != "default"]
    found = pc.index_in(by, value_set=pa.array(keys, pa.string()))
    index = pc.fill_null(found, len(keys)).to_numpy(zero_copy_only=False)
    table = np.array([float(bound[key]) for key in keys] + [float(bound["default"])])
    result: np.ndarray = table[index]
    return result


def evaluate(
    rules: Sequence[Rule],
    batch: pa.RecordBatch | pa.Table,
    columns: Mapping[str, str] | None = None,
) -> Verdicts:
    """Evaluate `rules` on every row of `batch`. The only place where a document is judged.

    columns: maps a rule's signal (and its `by` column) to the name of the column in `batch`;
    missing keys stand for themselves. Raises KeyError when a column does not exist.
    """
    rows = batch.num_rows
    names = columns or {}
    shape = (rows, len(rules))
    broken = np.zeros(shape, dtype=bool)
    value, low, high = np.empty(shape), np.empty(shape), np.empty(shape)
    for index, rule in enumerate(rules):
        measured = as_float64(batch.column(names.get(rule.signal, rule.signal)))
        by = None
        if rule.by is not None:
            by = batch.column(names.get(rule.by, rule.by))
            by = by.combine_chunks() if isinstance(by, pa.ChunkedArray) else by
        lower, upper = _bounds(rule.low, by, rows), _bounds(rule.high, by, rows)
        missing = np.isnan(measured)
        outside = (measured < lower) | (measured > upper)
        broken[:, index] = outside | (missing if rule.missing == "break" else False)
        value[:, index], low[:, index], high[:, index] = measured, lower, upper
    return Verdicts(broken, value, low, high)
