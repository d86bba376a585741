"""The sorted merge against `sorted()` and its plain form in NumPy, for any cut into streams and
batches.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import merge_reference
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import StageError
from curate.pipeline import merge
from curate.pipeline.merge import (
    combined_rows,
    merge_sorted,
    sort_by,
    sort_rows,
    sorted_batches,
)

ORDER = (
    pa.field("rank", pa.int64()),
    pa.field("weight", pa.float64()),
    pa.field("part", pa.uint32()),
)
SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(16)),
        *ORDER,
        pa.field("address", pa.uint64()),
        pa.field("word", pa.string()),
    ]
)
FEW_KEYS = st.integers(0, 3).map(lambda n: bytes([n]) + b"\x00" * 14 + bytes([255 - n]))
ROW = st.fixed_dictionaries(
    {
        "key": st.one_of(FEW_KEYS, st.binary(min_size=16, max_size=16)),
        "rank": st.one_of(st.integers(-2, 2), st.integers(-(2**63), 2**63 - 1)),
        "weight": st.floats(allow_nan=False),
        "part": st.integers(0, 2**32 - 1),
        "address": st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1)),
        "word": st.text(max_size=5),
    }
)
Row = dict[str, object]


def total_order(value: float) -> int:
    """IEEE total order: -0.0 before 0.0."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return int(~bits & (2**64 - 1) if bits >> 63 else bits | 1 << 63)


def expected_key(row: Row) -> tuple[object, ...]:
    return (
        row["key"],
        row["rank"],
        total_order(float(str(row["weight"]))),
        row["part"],
        row["address"],
    )


def batch(rows: list[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@given(rows=st.lists(ROW, max_size=40))
def test_rows_sort_like_python_and_like_the_plain_form(rows: list[Row]) -> None:
    whole = batch(rows)
    expected = [rows[n] for n in sorted(range(len(rows)), key=lambda n: expected_key(rows[n]))]
    assert sort_rows(whole, ORDER).to_pylist() == expected
    assert merge_reference.sort_rows(whole, ORDER).to_pylist() == expected
    table = pa.Table.from_batches([whole.slice(0, 7), whole.slice(7)])
    assert sort_rows(table, ORDER).to_pylist() == expected
    by_part = sorted(rows, key=lambda row: (int(str(row["part"])), int(str(row["rank"]))))
    assert sort_by(table, ["part", "rank"]).to_pylist() == by_part


@given(
    rows=st.lists(ROW, max_size=60), batch_rows=st.integers(1, 9), output_bytes=st.integers(1, 900)
)
def test_batches_sort_like_one(rows: list[Row], batch_rows: int, output_bytes: int) -> None:
    batches = [batch(rows[start : start + batch_rows]) for start in range(0, len(rows), batch_rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "OUTPUT_BYTES", output_bytes)
        made = list(sorted_batches([batch([]), *batches], SCHEMA, ORDER))
    assert [row for piece in made for row in piece.to_pylist()] == sort_rows(
        batch(rows), ORDER
    ).to_pylist()
    assert all(piece.num_rows for piece in made)


@given(
    rows=st.lists(ROW, max_size=80),
    streams=st.integers(1, 6),
    batch_rows=st.integers(1, 9),
    seed=st.integers(0, 5),
    output_bytes=st.sampled_from([1, 300, 5_000]),
)
def test_merging_gives_what_sorting_gives(
    rows: list[Row], streams: int, batch_rows: int, seed: int, output_bytes: int
) -> None:
    dealt: list[list[Row]] = [[] for _ in range(streams)]
    for number, row in enumerate(rows):
        dealt[(number * 7 + seed * number * number) % streams].append(row)

    def stream(part: list[Row]) -> Iterator[pa.RecordBatch]:
        ordered = sorted(part, key=expected_key)
        yield batch([])
        for start in range(0, len(ordered), batch_rows):
            yield batch(ordered[start : start + batch_rows])
            yield batch([])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "OUTPUT_BYTES", output_bytes)
        merged = [
            row
            for part in merge_sorted([stream(part) for part in dealt], ORDER)
            for row in part.to_pylist()
        ]
    plain = merge_reference.merge_sorted([stream(part) for part in dealt], ORDER)
    assert list(map(expected_key, merged)) == [
        expected_key(row) for part in plain for row in part.to_pylist()
    ]
    assert [expected_key(row) for row in merged] == sorted(map(expected_key, rows))
    words = [
        sorted((expected_key(row), str(row["word"])) for row in found) for found in (merged, rows)
    ]
    assert words[0] == words[1], "every row once, with its payload"


@given(rows=st.lists(ROW, min_size=1, max_size=40), start=st.integers(0, 39))
def test_a_slice_sorts_like_a_copy(rows: list[Row], start: int) -> None:
    piece = batch(rows).slice(min(start, len(rows)))
    assert sort_rows(piece, ORDER).to_pylist() == sorted(piece.to_pylist(), key=expected_key)


def test_streams_are_pulled_as_the_merge_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch of every stream, and what one batch of output comes from."""
    monkeypatch.setattr(merge, "OUTPUT_BYTES", 1)
    pulled = [0, 0]

    def stream(which: int) -> Iterator[pa.RecordBatch]:
        for number in range(10):
            pulled[which] += 1
            key = (which * 10 + number).to_bytes(16, "big")
            yield batch(
                [{"key": key, "rank": 0, "weight": 0.0, "part": 0, "address": number, "word": ""}]
            )

    merged = merge_sorted([stream(0), stream(1)], ORDER)
    assert next(merged).num_rows == 1
    assert pulled == [2, 1]
    next(merged)
    assert pulled == [3, 1]


COUNTED = pa.schema([pa.field("key", pa.binary(16)), pa.field("n", pa.int64())])


def counted(rows: pa.RecordBatch) -> pa.RecordBatch:
    """One row per key with the sum of its numbers."""
    summed = pa.Table.from_batches([rows]).group_by("key", use_threads=False)
    made = summed.aggregate([("n", "sum")]).sort_by("key").rename_columns(["key", "n"])
    return pa.RecordBatch.from_pylist(made.to_pylist(), schema=COUNTED)


@given(keys=st.lists(st.integers(0, 4), max_size=40), cut=st.integers(1, 9))
def test_combining_sees_a_key_that_spans_batches(keys: list[int], cut: int) -> None:
    rows = [{"key": bytes([key]) * 16, "n": 1} for key in sorted(keys)]
    batches = [
        pa.RecordBatch.from_pylist(rows[start : start + cut], schema=COUNTED)
        for start in range(0, len(rows), cut)
    ]
    made = [row for piece in combined_rows(iter(batches), counted) for row in piece.to_pylist()]
    totals: dict[bytes, int] = {}
    for row in made:
        totals[row["key"]] = totals.get(row["key"], 0) + row["n"]
    assert totals == {bytes([key]) * 16: keys.count(key) for key in sorted(set(keys))}
    assert [row["key"] for row in made] == sorted(row["key"] for row in made)


def test_an_order_column_that_has_no_order_is_refused() -> None:
    text = pa.field("word", pa.string())
    with pytest.raises(StageError, match="order column 'word' is string"):
        sort_rows(batch([{"key": b"k" * 16, "address": 1, "word": "x"}]), (text,))


def test_infinities_and_zeros_are_ordered() -> None:
    values = [math.inf, 0.0, -0.0, -math.inf, 1e-320, -1e-320]
    rows: list[Row] = [
        {"key": b"k" * 16, "rank": 0, "weight": v, "part": 0, "address": 0, "word": ""}
        for v in values
    ]
    ordered = [row["weight"] for row in sort_rows(batch(rows), ORDER).to_pylist()]
    assert list(map(str, ordered)) == ["-inf", "-1e-320", "-0.0", "0.0", "1e-320", "inf"]
