"""Fates of many segments come out in document order, however they were cut into batches."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.pipeline.collect import merge_by_address

SCHEMA = pa.schema([pa.field("address", pa.uint64()), pa.field("stream", pa.int64())])


def batch(addresses: list[int], stream: int) -> pa.RecordBatch:
    columns = [pa.array(addresses, pa.uint64()), pa.array([stream] * len(addresses), pa.int64())]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


@given(
    owners=st.lists(st.integers(0, 3), max_size=60),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=5),
)
def test_merging_gives_every_row_once_and_in_order(owners: list[int], cuts: list[int]) -> None:
    streams = []
    for stream in range(4):
        rows = [address for address, owner in enumerate(owners) if owner == stream]
        pieces, start = [], 0
        while start < len(rows):
            size = cuts[len(pieces) % len(cuts)]
            pieces.append(batch(rows[start : start + size], stream))
            start += size
        streams.append(iter(pieces))
    merged = [row for found in merge_by_address(streams) for row in found.to_pylist()]
    assert [row["address"] for row in merged] == list(range(len(owners)))
    assert [row["stream"] for row in merged] == owners
