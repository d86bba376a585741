"""`evaluate`, the only judge of documents, against a plain reading of the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import StageError
from curate.stages.rules import Bound, Rule, evaluate

BOUNDS = (-1.5, -0.0, 0.0, 0.65, 3.0, math.nextafter(3.0, math.inf), 2.0**53)
VALUES = [
    *BOUNDS,
    math.nextafter(0.65, 0),
    math.nan,
    math.inf,
    -math.inf,
    None,
    5e-324,
    2.0**53 + 2,
]
LANGUAGES = ["en", "de", "", None, "default"]


def bound_for(bound: Bound, by: str | None) -> float | None:
    if bound is None or not isinstance(bound, Mapping):
        return None if bound is None else float(bound)
    return float(bound[by] if by in bound and by != "default" else bound["default"])


def breaks(rule: Rule, value: Any, by: str | None) -> bool:
    """One rule on one document, in plain Python."""
    if value is None or math.isnan(value):
        return rule.missing == "break"
    low, high = bound_for(rule.low, by), bound_for(rule.high, by)
    return (low is not None and float(value) < low) or (high is not None and float(value) > high)


SINGLE = st.one_of(st.none(), st.sampled_from(BOUNDS))
TABLE = st.fixed_dictionaries(
    {"default": st.sampled_from(BOUNDS)}, optional={"en": st.sampled_from(BOUNDS), "": st.just(3.0)}
)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    signal = draw(st.sampled_from(["score", "count", "flag"]))
    missing = draw(st.sampled_from(["break", "keep"]))
    if draw(st.booleans()):
        low, high = draw(st.one_of(SINGLE, TABLE)), draw(TABLE)
        return Rule(name, signal, low, high, by="language", missing=missing)
    return Rule(name, signal, draw(SINGLE), draw(SINGLE), missing=missing)


@given(
    declared=st.lists(st.integers(0, 9), max_size=5, unique=True).flatmap(
        lambda names: st.tuples(*(rules(f"rule{name}") for name in names))
    ),
    rows=st.lists(
        st.tuples(
            st.one_of(st.sampled_from(VALUES), st.floats()),
            st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            st.one_of(st.none(), st.booleans()),
            st.sampled_from(LANGUAGES),
        ),
        max_size=20,
    ),
    start=st.integers(0, 3),
)
def test_evaluate_agrees_with_a_plain_reading(
    declared: tuple[Rule, ...], rows: list[tuple[Any, Any, Any, str | None]], start: int
) -> None:
    columns = {
        "score": pa.float64(),
        "count": pa.int64(),
        "flag": pa.bool_(),
        "language": pa.string(),
    }
    arrays = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(columns.values())]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns)).slice(min(start, len(rows)))
    found = evaluate(declared, batch)
    for index, row in enumerate(batch.to_pylist()):
        expected = [breaks(rule, row[rule.signal], row["language"]) for rule in declared]
        assert found.broken[index].tolist() == expected
        first = next((number for number, broken in enumerate(expected) if broken), -1)
        assert found.first_broken()[index] == first
    whole = (
        pa.Table.from_batches([batch.slice(0, 1), batch.slice(1)])
        if batch.num_rows > 1
        else pa.Table.from_batches([batch])
    )
    assert (evaluate(declared, whole).broken == found.broken).all(), (
        "a table in pieces is judged alike"
    )


def test_bounds_are_inclusive_and_float64() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"score": pa.array([0.65, math.nextafter(0.65, 0), 0.6499999761581421], pa.float64())}
    )
    assert evaluate([Rule("low", "score", low=0.65)], batch).broken[:, 0].tolist() == [
        False,
        True,
        True,
    ]
    narrow = pa.RecordBatch.from_pydict({"score": pa.array([0.65], pa.float32())})
    assert evaluate([Rule("low", "score", low=0.65)], narrow).broken.item() is True, (
        "a float32 is compared as what it is"
    )


def test_the_first_broken_rule_in_declared_order_is_the_reason() -> None:
    declared = [Rule("b", "score", high=1), Rule("a", "score", low=9), Rule("c", "score", high=0)]
    batch = pa.RecordBatch.from_pydict({"score": [5.0, 0.5, 9.5, 0.0]})
    found = evaluate(declared, batch)
    assert found.first_broken().tolist() == [0, 1, 0, 1]
    assert found.broken.tolist() == [
        [True, True, True],
        [False, True, True],
        [True, False, True],
        [False, True, False],
    ]


def test_what_a_removed_document_is_told() -> None:
    declared = [Rule("score", "score", low={"en": 0.5, "default": 0.9}, by="language")]
    batch = pa.RecordBatch.from_pydict({"score": [0.4, 0.7, None], "language": ["en", None, "fr"]})
    found = evaluate(declared, batch)
    assert found.value[:2, 0].tolist() == [0.4, 0.7]
    assert math.isnan(found.value[2, 0])
    assert found.low[:, 0].tolist() == [0.5, 0.9, 0.9]
    assert all(math.isnan(value) for value in found.high[:, 0])


def test_columns_can_have_other_names() -> None:
    batch = pa.RecordBatch.from_pydict({"score@edit": [1.0], "lang": ["en"]})
    declared = [Rule("r", "score", low={"en": 2.0, "default": 0.0}, by="language")]
    assert (
        evaluate(declared, batch, {"score": "score@edit", "language": "lang"}).broken.item() is True
    )
    with pytest.raises(KeyError):
        evaluate(declared, batch)


def test_no_rules_and_no_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"score": pa.array([], pa.float64())})
    assert evaluate([Rule("r", "score", low=1)], batch).first_broken().tolist() == []
    assert evaluate(
        [], pa.RecordBatch.from_pydict({"score": [1.0, None]})
    ).first_broken().tolist() == [-1, -1]


def test_a_table_of_bounds_needs_its_column_and_a_default() -> None:
    with pytest.raises(StageError, match="`by` and a table"):
        Rule("r", "score", low={"en": 1.0, "default": 0.0})
    with pytest.raises(StageError, match="`by` and a table"):
        Rule("r", "score", low=1.0, by="language")
    with pytest.raises(StageError, match="lacks the key 'default'"):
        Rule("r", "score", low={"en": 1.0}, by="language")
