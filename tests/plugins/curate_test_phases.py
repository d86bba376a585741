"""Runs the phases of an exchange in memory, as a run does, with batches cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from curate.pipeline.merge import sort_rows
from curate.stages.base import Emitted, Exchange, Phase

Row = dict[str, object]


def address(row: int) -> int:
    return 7 << 32 | row


def rows_of(emitted: pa.RecordBatch | Emitted) -> pa.RecordBatch:
    return emitted.rows if isinstance(emitted, Emitted) else emitted


def settled(phase: Phase, emitted: Sequence[pa.RecordBatch], cut: int) -> list[pa.RecordBatch]:
    """What a phase settles of emitted rows that come in batches of `cut`."""
    table = pa.Table.from_batches(emitted, phase.schema())
    ordered = sort_rows(table.combine_chunks(), phase.order).combine_chunks()

    def stream() -> Iterator[pa.RecordBatch]:
        for start in range(0, ordered.num_rows, cut):
            yield from ordered.slice(start, cut).to_batches()

    found = list(phase.settle(stream()))
    assert all(batch.schema.equals(phase.settled) for batch in found)
    return found


def verdicts(stage: Exchange, documents: Sequence[pa.RecordBatch], cut: int) -> dict[int, Row]:
    """row -> its verdict, `representative` as a row too."""
    batches = list(documents)
    for phase in stage.phases():
        assert isinstance(phase, Phase) and phase.emit is not None
        batches = settled(phase, [rows_of(phase.emit(batch)) for batch in batches], cut)
    found: dict[int, Row] = {}
    for row in pa.Table.from_batches(batches).to_pylist() if batches else []:
        number = row.pop("address") & 0xFFFFFFFF
        assert number not in found
        if row["representative"] is not None:
            row["representative"] &= 0xFFFFFFFF
        found[number] = row
    return found
