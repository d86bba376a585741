"""Fates: one row per record that ended before `documents/`, written as it happens, bounded in
memory.

Inside a job the `address` is the row number alone; collecting adds the shard's ordinal, so that a
new file in front of a source does not change what a job writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.stages.rules import Rule, Verdicts
from curate.storage.parquet import ParquetWriter
from curate.storage.schema import FATE_FIELDS, FATE_QUARANTINED, FATE_REMOVED
from curate.storage.store import Creation, FileRef, Store

RAW_CAP_BYTES = 64 * 2**10
FLUSH_BYTES = 8 * 2**20


class FateWriter:
    """Writes fates of one job to one file; nothing is published when there were none."""

    def __init__(
        self, store: Store, path: str, signals: Sequence[pa.Field], row_group_bytes: int
    ) -> None:
        self._store, self._path = store, path
        self.schema = pa.schema([*FATE_FIELDS, *signals])
        self._row_group_bytes = row_group_bytes
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._creation: Creation | None = None
        self._writer: ParquetWriter | None = None
        self.count = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """One fate as a mapping; missing columns are null."""
        self._rows.append(dict(row))
        self._bytes += 256 + len(row.get("raw") or b"") + len(row.get("text") or "")
        if self._bytes >= FLUSH_BYTES:
            self._flush()

    def add_batches(self, batches: Sequence[pa.RecordBatch]) -> None:
        """The fates of one piece of a shard, each batch with any of the columns of the schema.

        They are written in row order; pieces come in row order, so the whole file is sorted.
        """
        found = [align(batch, self.schema) for batch in batches if batch.num_rows]
        if found:
            self._flush()
            table = pa.Table.from_batches(found)
            order = pc.sort_indices(table, [("address", "ascending")])
            for batch in table.take(order).combine_chunks().to_batches():
                self._write(batch)

    def _flush(self) -> None:
        if self._rows:
            rows, self._rows, self._bytes = self._rows, [], 0
            columns = [
                pa.array([row.get(field.name) for row in rows], field.type) for field in self.schema
            ]
            self._write(pa.RecordBatch.from_arrays(columns, schema=self.schema))

    def _write(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            self._creation = Creation(self._store, self._path)
            file = self._creation.file
            self._writer = ParquetWriter(file, self.schema, self._row_group_bytes)
        self._writer.write(batch)
        self.count += batch.num_rows

    def close(self) -> FileRef | None:
        """Publish; None when nothing was written."""
        self._flush()
        if self._creation is None or self._writer is None:
            return None
        self._writer.close()
        self._creation.close()
        return self._creation.file.ref(self.count)

    def abandon(self, error: BaseException) -> None:
        """Drop a half-written file."""
        if self._creation is not None:
            self._creation.abandon(error)


def align(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema` in its order, nulls where `batch` has none."""
    columns = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows, field.type) if index < 0 else batch.column(index)
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def removed_fates(
    stage: str,
    rules: Sequence[Rule],
    columns: Mapping[str, str],
    verdicts: Verdicts,
    dead: pa.RecordBatch,
    counts: Counter[str],
) -> pa.RecordBatch:
    """Fates of rows that broke a rule. dead: document columns, `row` and signals; verdicts: of
    exactly these rows.
    """
    first = verdicts.first_broken()
    index = np.arange(len(first))
    names = pa.array([rule.name for rule in rules], pa.string())
    signals = pa.array([columns[rule.signal] for rule in rules], pa.string())
    others = verdicts.broken.copy()
    others[index, first] = False
    ends = np.concatenate([[0], np.cumsum(others.sum(axis=1))]).astype(np.int32)
    for number, broken in enumerate(np.bincount(first, minlength=len(rules)).tolist()):
        if broken:
            counts[f"stage|{stage}|rule|{rules[number].name}"] += broken
    made = {
        "stage": pa.repeat(pa.scalar(stage, pa.string()), len(first)),
        "fate": pa.repeat(pa.scalar(FATE_REMOVED, pa.string()), len(first)),
        "rule": names.take(pa.array(first)),
        "signal": signals.take(pa.array(first)),
        "value": _nullable(verdicts.value[index, first]),
        "low": _nullable(verdicts.low[index, first]),
        "high": _nullable(verdicts.high[index, first]),
        "also_broken": pa.ListArray.from_arrays(ends, names.take(pa.array(np.nonzero(others)[1]))),
    }
    return with_columns(dead, made)


def quarantined_fates(
    stage: str, errors: Sequence[tuple[str, str]], dead: pa.RecordBatch
) -> pa.RecordBatch:
    """Fates of rows on which a stage failed; errors: (kind, message) per row. The text goes to
    `raw`, capped.
    """
    raw = [
        (text.as_py() or "").encode("utf-8", "surrogatepass")[:RAW_CAP_BYTES]
        for text in dead.column("text")
    ]
    made = {
        "stage": pa.array([stage] * dead.num_rows, pa.string()),
        "fate": pa.array([FATE_QUARANTINED] * dead.num_rows, pa.string()),
        "error": pa.array([kind for kind, _ in errors], pa.string()),
        "message": pa.array([printable(message) for _, message in errors], pa.string()),
        "raw": pa.array(raw, pa.binary()),
    }
    return with_columns(dead, made)


def printable(message: str) -> str:
    """An error's text as valid Unicode: it may quote half a surrogate pair."""
    return message.encode("utf-8", "backslashreplace").decode("utf-8")


def with_columns(batch: pa.RecordBatch, made: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """`batch` with the columns of `made` added, and `address` = `row`."""
    columns = {name: batch.column(name) for name in batch.schema.names if name not in made}
    columns["address"] = batch.column("row").cast(pa.uint64())
    columns |= made
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _nullable(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
