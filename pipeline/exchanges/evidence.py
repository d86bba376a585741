"""Evidence: the first rows of what an exchange edited, for people.

Every shard keeps its `evidence_rows` first distinct rows (first column descending, then the others
ascending), jobs merge the lists of up to `FAN_IN` shards, and the last list is published as
`report/<instance name>.parquet`. Memory: a few times `evidence_rows` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StageError
from curate.pipeline.driver import Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import ExchangeEditor
from curate.storage.parquet import read_batches, write_parquet
from curate.storage.store import FileRef, Store

FAN_IN = 1024
"""Lists that one job merges."""
_SLACK = 8
"""Rows collected before they are cut, in units of the list's length."""


class Evidence:
    """A list that keeps its first rows."""

    def __init__(self, schema: pa.Schema, most: int) -> None:
        self.schema, self.most = schema, most
        self._table = schema.empty_table()
        self._rows = 0
        self._waiting: list[pa.RecordBatch] = []

    @classmethod
    def of(cls, editor: ExchangeEditor) -> Evidence:
        schema = editor.evidence()
        assert schema is not None
        if schema.types[0] != pa.int64():
            raise StageError(f"{editor.name}: the first column of evidence is int64, not {schema}")
        return cls(schema, editor.evidence_rows)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the schema. Raises StageError for others."""
        if batch.schema.names != self.schema.names or batch.schema.types != self.schema.types:
            raise StageError(f"evidence is {batch.schema}, declared is {self.schema}")
        self._waiting.append(batch.cast(self.schema))
        self._rows += batch.num_rows
        if self._rows > _SLACK * self.most:
            self._cut()

    def _cut(self) -> None:
        table = pa.concat_tables(
            [self._table, pa.Table.from_batches(self._waiting, self.schema)]
        ).combine_chunks()
        table = table.group_by(self.schema.names, use_threads=False).aggregate([])
        first, *others = self.schema.names
        by = [(first, "descending"), *((name, "ascending") for name in others)]
        chosen = pc.sort_indices(table, by).slice(0, self.most)
        self._table = table.take(chosen).select(self.schema.names).cast(self.schema)
        self._waiting, self._rows = [], 0

    def table(self) -> pa.Table:
        """The first distinct rows."""
        self._cut()
        return self._table.combine_chunks()

    def publish(self, store: Store, path: str, row_group_bytes: int) -> FileRef:
        return write_parquet(store, path, self.schema, self.table().to_batches(), row_group_bytes)


@dataclass(frozen=True)
class EvidenceJob:
    """Merge lists into one."""

    step: str
    key: str
    entry: StageEntry
    inputs: tuple[FileRef, ...]

    def run(self, context: JobContext) -> JobResult:
        assert isinstance(self.entry.stage, ExchangeEditor)
        merged = Evidence.of(self.entry.stage)
        for batch in self.batches(context.store):
            merged.add(batch)
        path = output_path(self.step, self.key, "evidence")
        ref = merged.publish(context.store, path, context.engine.row_group_bytes)
        return JobResult((OutputFile("evidence", 0, ref),))

    def batches(self, store: Store) -> Iterator[pa.RecordBatch]:
        for ref in self.inputs:
            yield from read_batches(store, ref)


def merge_evidence(
    entry: StageEntry,
    fingerprint: str,
    lists: Sequence[FileRef],
    run_step: Callable[[Step], None],
) -> FileRef | None:
    """The list of a whole run from those of its shards; None where no document reached the edit.
    fingerprint: of the exchange.
    """
    level, found = 0, list(lists)
    while found and (level == 0 or len(found) > 1):
        groups = [tuple(found[start : start + FAN_IN]) for start in range(0, len(found), FAN_IN)]
        step = _merging(entry, fingerprint, groups, level)
        run_step(step)
        found = [step.records.ref(index, "evidence") for index in range(step.jobs)]
        level += 1
    return found[0] if found else None


def _merging(
    entry: StageEntry, fingerprint: str, groups: list[tuple[FileRef, ...]], level: int
) -> Step:
    name = f"{entry.name}.evidence.{level}-{fingerprint[:12]}"

    def make(index: int) -> EvidenceJob:
        read = [ref.checksum for ref in groups[index]]
        return EvidenceJob(
            name, digest([fingerprint, "evidence", level, read]), entry, groups[index]
        )

    return Step(name, f"{entry.name}.evidence", len(groups), make)
