"""The sorted merge against `sorted()`, for any cut into streams and batches."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import StageError
from curate.pipeline.merge import merge_sorted, partition_of, sort_keys, sort_rows

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
def test_sort_keys_order_rows_like_python(rows: list[Row]) -> None:
    keys = sort_keys(batch(rows), ORDER)
    assert list(np.argsort(keys, kind="stable")) == sorted(
        range(len(rows)), key=lambda n: expected_key(rows[n])
    )


@given(
    rows=st.lists(ROW, max_size=80),
    streams=st.integers(1, 6),
    batch_rows=st.integers(1, 9),
    seed=st.integers(0, 5),
)
def test_merging_gives_what_sorting_gives(
    rows: list[Row], streams: int, batch_rows: int, seed: int
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

    merged = [
        row
        for part in merge_sorted([stream(part) for part in dealt], ORDER)
        for row in part.to_pylist()
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


def test_one_batch_per_stream_is_held() -> None:
    """Streams are pulled as the merge gets there, not ahead."""
    pulled = [0, 0]

    def stream(which: int) -> Iterator[pa.RecordBatch]:
        for number in range(10):
            pulled[which] += 1
            key = (which * 10 + number).to_bytes(16, "big")
            yield batch(
                [{"key": key, "rank": 0, "weight": 0.0, "part": 0, "address": number, "word": ""}]
            )

    merged = merge_sorted([stream(0), stream(1)], ORDER)
    next(merged)
    assert pulled[0] <= 2
    assert pulled[1] == 1


@given(
    keys=st.lists(st.binary(min_size=16, max_size=16), max_size=50),
    partitions=st.integers(1, 5_000),
)
def test_partitions_are_ranges_of_the_keys(keys: list[bytes], partitions: int) -> None:
    ordered = sorted([*keys, b"\x00" * 16, b"\xff" * 16])
    numbers = partition_of(pa.array(ordered, pa.binary(16)), partitions).tolist()
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert numbers[-1] == partitions - 1


def test_an_order_column_that_has_no_order_is_refused() -> None:
    text = pa.field("word", pa.string())
    with pytest.raises(StageError, match="order column 'word' is string"):
        sort_keys(batch([{"key": b"k" * 16, "address": 1, "word": "x"}]), (text,))


def test_infinities_and_zeros_are_ordered() -> None:
    values = [math.inf, 0.0, -0.0, -math.inf, 1e-320, -1e-320]
    rows: list[Row] = [
        {"key": b"k" * 16, "rank": 0, "weight": v, "part": 0, "address": 0, "word": ""}
        for v in values
    ]
    ordered = [row["weight"] for row in sort_rows(batch(rows), ORDER).to_pylist()]
    assert list(map(str, ordered)) == ["-inf", "-1e-320", "-0.0", "0.0", "1e-320", "inf"]
