"""An exchange of two phases with `combine`: the first document of a crowd of equal openings is
removed.

Phase `count` adds up how many documents share their first word; phase `lead` carries the number to
the crowd's first document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
import xxhash

from curate.stages.base import VERDICT_LINKS, Exchange, Phase
from curate.stages.rules import Rule

CROWD = pa.field("crowd", pa.int64(), nullable=False)
SETTLED = pa.schema([pa.field("address", pa.uint64()), CROWD])


class CrowdedOpenings(Exchange):
    """Remove the first document of every crowd above `max_crowd`."""

    name: ClassVar[str] = "crowded_openings"

    max_crowd: int = 10

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase(
                "count", _emit_openings, _settle_counts, SETTLED, payload=(CROWD,), combine=_add_up
            ),
            Phase(
                "lead",
                _emit_leads,
                self._settle_leads,
                self._verdict_schema(),
                payload=(CROWD,),
                combine=_add_up,
            ),
        )

    def verdicts(self) -> tuple[pa.Field, ...]:
        return (pa.field("leads", pa.int64()),)

    def rules(self) -> tuple[Rule, ...]:
        return (
            Rule("crowd", signal="crowded_openings.leads", high=self.max_crowd, missing="keep"),
        )

    def _verdict_schema(self) -> pa.Schema:
        return pa.schema([pa.field("address", pa.uint64()), *self.verdicts(), *VERDICT_LINKS])

    def _settle_leads(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, address, crowd in _groups(batches):
            row = {"address": address, "leads": crowd, "representative": None, "similarity": None}
            yield pa.RecordBatch.from_pylist([row], schema=self._verdict_schema())


def _schema() -> pa.Schema:
    key = pa.field("key", pa.binary(16), nullable=False)
    return pa.schema([key, pa.field("address", pa.uint64(), nullable=False), CROWD])


def _emit_openings(batch: pa.RecordBatch) -> pa.RecordBatch:
    openings = [(text.as_py().split() or [""])[0] for text in batch.column("text")]
    keys = [xxhash.xxh3_128(opening.encode()).digest() for opening in openings]
    columns = [
        pa.array(keys, pa.binary(16)),
        batch.column("address"),
        pa.array([1] * len(keys), pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_schema())


def _emit_leads(batch: pa.RecordBatch) -> pa.RecordBatch:
    keys = [
        xxhash.xxh3_128(address.as_py().to_bytes(8, "big")).digest()
        for address in batch.column("address")
    ]
    columns = [pa.array(keys, pa.binary(16)), batch.column("address"), batch.column("crowd")]
    return pa.RecordBatch.from_arrays(columns, schema=_schema())


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[bytes, int, int]]:
    """(key, first address, sum) over sorted rows; one group in memory."""
    last: tuple[bytes, int, int] | None = None
    for batch in batches:
        for row in batch.to_pylist():
            if last is not None and last[0] == row["key"]:
                last = (last[0], last[1], last[2] + row["crowd"])
                continue
            if last is not None:
                yield last
            last = (row["key"], row["address"], row["crowd"])
    if last is not None:
        yield last


def _add_up(batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = [
        {"key": key, "address": address, "crowd": crowd}
        for key, address, crowd in _groups(iter([batch]))
    ]
    return pa.RecordBatch.from_pylist(rows, schema=_schema())


def _settle_counts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for _, address, crowd in _groups(batches):
        yield pa.RecordBatch.from_pylist([{"address": address, "crowd": crowd}], schema=SETTLED)
