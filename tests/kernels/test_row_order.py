"""Sorting, merging and gathering of keyed rows against `sorted()` and Arrow's `take`."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.row_gather import gather_rows
from curate.kernels.row_order import (
    FINISHED,
    FULL,
    RowMerge,
    encode_rows,
    group_starts,
    order_rows,
    partition_of,
)

KEYS = st.one_of(
    st.integers(0, 3).map(lambda n: bytes([n]) + b"\x00" * 14 + bytes([255 - n])),
    st.binary(min_size=16, max_size=16),
)
INTEGERS = {
    pa.uint8(): (0, 2**8 - 1),
    pa.int8(): (-(2**7), 2**7 - 1),
    pa.uint16(): (0, 2**16 - 1),
    pa.int16(): (-(2**15), 2**15 - 1),
    pa.uint32(): (0, 2**32 - 1),
    pa.int32(): (-(2**31), 2**31 - 1),
    pa.uint64(): (0, 2**64 - 1),
    pa.int64(): (-(2**63), 2**63 - 1),
}


def total_order(value: float) -> int:
    """IEEE total order: -0.0 before 0.0."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return int(~bits & (2**64 - 1) if bits >> 63 else bits | 1 << 63)


def encoded(rows: list[tuple[int, ...]]) -> np.ndarray:
    width = len(rows[0]) if rows else 1
    return np.array(rows, np.uint64).reshape(len(rows), width)


@given(
    keys=st.lists(KEYS, max_size=30),
    kind=st.sampled_from(list(INTEGERS)),
    cut=st.integers(0, 3),
    data=st.data(),
)
def test_encoded_integers_order_rows_like_python(
    keys: list[bytes], kind: pa.DataType, cut: int, data: st.DataObject
) -> None:
    low, high = INTEGERS[kind]
    near = st.integers(max(low, -2), 2)
    values = [data.draw(st.one_of(near, st.integers(low, high))) for _ in keys]
    array, column = pa.array(keys, pa.binary(16))[cut:], pa.array(values, kind)[cut:]
    rows = list(zip(keys, values, strict=True))[cut:]
    expected = sorted(range(len(rows)), key=lambda n: rows[n])
    assert order_rows(encode_rows(array, [column])).tolist() == expected
    by_value = sorted(range(len(rows)), key=lambda n: rows[n][1])
    assert order_rows(encode_rows(None, [column])).tolist() == by_value


@given(values=st.lists(st.floats(), max_size=40))
def test_floats_are_in_the_ieee_total_order(values: list[float]) -> None:
    order = order_rows(encode_rows(None, [pa.array(values, pa.float64())]))
    assert order.tolist() == sorted(range(len(values)), key=lambda n: total_order(values[n]))
    special = [math.nan, math.inf, 0.0, -0.0, -math.inf, 1e-320, -1e-320]
    order = order_rows(encode_rows(None, [pa.array(special, pa.float64())]))
    ordered = [str(special[n]) for n in order]
    assert ordered == ["-inf", "-1e-320", "-0.0", "0.0", "1e-320", "inf", "nan"]


@settings(deadline=None)
@given(
    count=st.integers(0, 3_000),
    spread=st.sampled_from([1, 2, 3, 7, 300, 2**20, 2**64 - 1]),
    width=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    shape=st.sampled_from(["random", "ascending", "descending", "runs", "clusters"]),
)
def test_many_rows_of_any_shape_sort_stably(
    count: int, spread: int, width: int, seed: int, shape: str
) -> None:
    numbers = np.random.default_rng(seed)
    words = numbers.integers(0, spread, (count, width), np.uint64, endpoint=True)
    first = words[:, 0]
    if shape in ("ascending", "descending"):
        first[:] = np.sort(first) if shape == "ascending" else np.sort(first)[::-1]
    elif shape == "runs":
        first[:] = np.arange(count, dtype=np.uint64) // 100
    elif shape == "clusters":  # two far ends, nearly all bits of the range are empty
        first[:] = np.where(first % 2 == 0, first % 5, np.uint64(2**64 - 1) - first % 5)
    expected = np.lexsort([words[:, column] for column in reversed(range(width))])
    assert order_rows(np.ascontiguousarray(words)).tolist() == expected.tolist()


@given(
    streams=st.lists(
        st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=7)),
        min_size=1,
        max_size=9,
    ),
    limit=st.integers(1, 12),
)
def test_a_merge_of_streams_is_sorted_and_stable(
    streams: list[list[list[tuple[int, int]]]], limit: int
) -> None:
    """Every stream's rows are sorted here, then cut like the batches they came in."""
    queues: list[list[list[tuple[int, int]]]] = []
    for batches in streams:
        rows = iter(sorted(row for batch in batches for row in batch))
        queues.append([[next(rows) for _ in batch] for batch in batches])
    expected = sorted(
        (row, number) for number, queue in enumerate(queues) for batch in queue for row in batch
    )
    merge = RowMerge(len(queues), 2)
    known: dict[int, tuple[int, list[tuple[int, int]]]] = {}
    current: dict[int, list[tuple[int, int]]] = {}
    found: list[tuple[tuple[int, int], int]] = []

    def take() -> int:
        which, rows = merge.take()
        found.extend(
            (known[b][1][r], known[b][0])
            for b, r in zip(which.tolist(), rows.tolist(), strict=True)
        )
        known.clear()
        known.update({number: (number, batch) for number, batch in current.items()})
        return len(which)

    while (state := merge.advance(float(limit))) != FINISHED:
        if state == FULL:
            assert take() == limit
        elif queues[state]:
            batch = queues[state].pop(0)
            number = state if state not in known else len(queues) + len(known)
            known[number], current[state] = (state, batch), batch
            merge.feed(state, encoded(batch), number, 1.0)
        else:
            merge.close(state)
    take()
    assert found == expected


def test_a_merge_refuses_what_its_plan_cannot_hold() -> None:
    merge = RowMerge(2, 2)
    assert merge.advance(1.0) == 0
    for words in (encoded([(1, 2, 3)]), encoded([])):
        with pytest.raises(ValueError, match=r"width|empty"):
            merge.feed(0, words, 0, 1.0)
    with pytest.raises(ValueError, match="not dry"):
        merge.feed(1, encoded([(1, 2)]), 0, 1.0)
    with pytest.raises(ValueError, match="not dry"):
        merge.close(1)
    with pytest.raises(ValueError, match="streams"):
        RowMerge(0, 2)


@given(
    keys=st.lists(st.binary(min_size=16, max_size=16), max_size=50),
    partitions=st.integers(1, 5_000),
)
def test_partitions_are_ranges_of_the_keys(keys: list[bytes], partitions: int) -> None:
    ordered = sorted([*keys, b"\x00" * 16, b"\xff" * 16])
    numbers = partition_of(pa.array(ordered, pa.binary(16)), partitions).tolist()
    high = [int.from_bytes(key[:4], "big") for key in ordered]
    assert numbers == [value * partitions >> 32 for value in high]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0, partitions - 1)


@given(keys=st.lists(KEYS, max_size=30), cut=st.integers(0, 3), before=st.none() | KEYS)
def test_groups_start_where_the_key_changes(
    keys: list[bytes], cut: int, before: bytes | None
) -> None:
    array = pa.array(keys, pa.binary(16))[cut:]
    previous = [before, *keys[cut:]]
    expected = [key != last for key, last in zip(keys[cut:], previous, strict=False)]
    assert group_starts(array, before).tolist() == expected


VALUES = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.uint16(): st.integers(0, 9),
    pa.float32(): st.sampled_from([0.5, -1.0]),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.binary(16): KEYS,
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.string(): st.text(st.characters(codec="utf-8"), max_size=5),
    pa.large_string(): st.text(st.characters(codec="utf-8"), max_size=5),
    pa.binary(): st.binary(max_size=40),
    pa.list_(pa.uint32()): st.lists(st.integers(0, 2**32 - 1), max_size=4),
    pa.large_list(pa.uint64()): st.lists(st.integers(0, 2**64 - 1), max_size=4),
    pa.list_(pa.uint8()): st.lists(st.none() | st.integers(0, 255), max_size=3),
    pa.list_(pa.string()): st.lists(st.text("ab", max_size=2), max_size=2),
    pa.struct([("a", pa.int8())]): st.fixed_dictionaries({"a": st.integers(0, 5)}),
    pa.timestamp("us"): st.datetimes(),
    pa.null(): st.none(),
}


@settings(deadline=None)
@given(data=st.data(), kind=st.sampled_from(list(VALUES)), nullable=st.booleans())
def test_gathering_is_joining_and_taking(
    data: st.DataObject, kind: pa.DataType, nullable: bool
) -> None:
    value = st.none() | VALUES[kind] if nullable else VALUES[kind]
    schema = pa.schema([pa.field("x", kind)])
    parts: list[list[Any]] = data.draw(st.lists(st.lists(value, max_size=12), max_size=4))
    cut = data.draw(st.integers(0, 3))
    batches = [pa.record_batch([pa.array(part, kind)[cut:]], schema) for part in parts]
    places = [(b, r) for b, batch in enumerate(batches) for r in range(batch.num_rows)]
    chosen = data.draw(st.lists(st.sampled_from(places), max_size=20)) if places else []
    which = np.array([b for b, _ in chosen], np.uint32)
    rows = np.array([r for _, r in chosen], np.uint32)
    made = gather_rows(batches, which, rows, schema)
    made.validate(full=True)
    assert made.schema == schema
    assert made.column("x").to_pylist() == [batches[b].column("x")[r].as_py() for b, r in chosen]


def test_choices_outside_the_batches_are_refused() -> None:
    for kind in (pa.uint32(), pa.bool_(), pa.string()):
        batch = pa.record_batch([pa.array([None, None], kind)], ["x"])
        for which, row in ((1, 0), (0, 2)):
            place = np.array([which], np.uint32), np.array([row], np.uint32)
            with pytest.raises(IndexError, match="outside its batch"):
                gather_rows([batch], *place, batch.schema)


def test_wrong_columns_are_refused() -> None:
    keys = pa.array([b"k" * 16], pa.binary(16))
    with pytest.raises(TypeError, match="string has no order"):
        encode_rows(keys, [pa.array(["a"])])
    with pytest.raises(ValueError, match="1 values are null"):
        encode_rows(keys, [pa.array([None], pa.int64())])
    with pytest.raises(ValueError, match="unequal length"):
        encode_rows(keys, [pa.array([1, 2])])
    with pytest.raises(TypeError, match=r"binary\(16\)"):
        group_starts(pa.array([b"k"]))
    with pytest.raises(ValueError, match="1 keys are null"):
        partition_of(pa.array([None], pa.binary(16)), 2)
    with pytest.raises(ValueError, match="between 1"):
        partition_of(keys, 0)
