"""Base shards of a source: what its reading jobs wrote, in document order, with the limit applied.
22 bytes per shard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.pipeline.records import StepRecords
from curate.storage.store import FileRef


@dataclass(frozen=True, slots=True)
class Shard:
    """One base shard of version 0. take: documents that count, None for all of them."""

    job: int
    part: int
    rows: FileRef
    text_bytes: int
    take: int | None


_SHARD = np.dtype(
    [("job", "<u4"), ("part", "<u2"), ("rows", "<u4"), ("fates", "<i4"), ("take", "<i8")]
)
"""rows, fates: places in the records, -1 for none. take: -1 for all."""


class SourceShards:
    """Shards of one source; index here plus `first_ordinal` is the shard's ordinal in the run."""

    def __init__(self, name: str, records: StepRecords, limit: int | None) -> None:
        self.name = name
        self.first_ordinal = 0
        self._records = records
        place, job, part, rows = records.places("rows")
        rows = rows.astype(np.int64)
        before = np.cumsum(rows) - rows
        take = rows if limit is None else np.clip(limit - before, 0, rows)
        chosen = np.ones(len(rows), dtype=bool) if limit is None else before < limit
        self.documents = int(take.sum())
        self.skipped_by_limit = int(rows.sum()) - self.documents
        self._shards = np.empty(int(chosen.sum()), dtype=_SHARD)
        self._shards["job"], self._shards["part"] = job[chosen], part[chosen]
        self._shards["rows"] = place[chosen]
        self._shards["take"] = np.where(take == rows, -1, take)[chosen]
        self.quarantined = self._join_fates()

    def _join_fates(self) -> int:
        """Find each shard's fates file; returns their rows."""
        place, job, part, rows = self._records.places("fates")
        own = self._shards["job"].astype(np.int64) << 16 | self._shards["part"]
        known = job.astype(np.int64) << 16 | part
        found = np.searchsorted(known, own)
        has = np.zeros(len(own), dtype=bool)
        inside = found < len(known)
        has[inside] = known[found[inside]] == own[inside]
        self._shards["fates"] = -1
        self._shards["fates"][has] = place[found[has]]
        return int(rows[found[has]].sum(dtype=np.int64))

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, index: int) -> Shard:
        job, part, rows_at, _, take = self._shards[index].item()
        rows = self._records.output(job, rows_at)
        return Shard(job, part, rows.ref, rows.text_bytes, None if take < 0 else take)

    def fates(self, index: int) -> FileRef | None:
        """What could not be read beside this shard's documents; None when everything could."""
        job, _, _, fates_at, _ = self._shards[index].item()
        return self._records.output(job, fates_at).ref if fates_at >= 0 else None
