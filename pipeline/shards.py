"""Base shards of a source: what its reading jobs wrote, in document order, with the limit applied.
40 bytes per shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from curate.pipeline.ledger import StepRecords
from curate.storage.store import FileRef


@dataclass(frozen=True, slots=True)
class Shard:
    """One base shard of version 0. take: documents that count, None for all of them."""

    job: int
    part: int
    rows: FileRef
    text_bytes: int
    fates: FileRef | None
    take: int | None


class SourceShards:
    """Shards of one source; index here plus `first_ordinal` is the shard's ordinal in the run."""

    def __init__(self, name: str, records: StepRecords, limit: int | None) -> None:
        self.name = name
        self.first_ordinal = 0
        self._records = records
        places: list[tuple[int, int]] = []
        takes: list[int] = []
        self.documents = self.quarantined = self.skipped_by_limit = 0
        left = limit
        for job in range(records.jobs):
            for file in records.files(job):
                if file.kind == "rows":
                    take = file.ref.rows if left is None else min(left, file.ref.rows)
                    self.skipped_by_limit += file.ref.rows - take
                    if left == 0:
                        continue
                    places.append((job, file.part))
                    takes.append(-1 if take == file.ref.rows else take)
                    self.documents += take
                    left = None if left is None else left - take
        self._places = np.array(places, dtype=[("job", "<u4"), ("part", "<u4")])
        self._takes = np.array(takes, dtype=np.int64)
        self.quarantined = sum(shard.fates.rows for shard in self if shard.fates is not None)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Shard:
        job, part = int(self._places[index]["job"]), int(self._places[index]["part"])
        rows = self._records.file(job, "rows", part)
        fates = self._records.file(job, "fates", part)
        assert rows is not None
        take = int(self._takes[index])
        return Shard(
            job,
            part,
            rows.ref,
            rows.text_bytes,
            fates.ref if fates else None,
            None if take < 0 else take,
        )

    def __iter__(self) -> Iterator[Shard]:
        return (self[index] for index in range(len(self)))
