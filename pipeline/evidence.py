"""What to look at when too many records are bad: reasons and first examples, from the fates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from curate.storage.parquet import read_batches
from curate.storage.schema import FATE_QUARANTINED
from curate.storage.store import FileRef, Store

MOST_FILES = 200
"""Fates files read for a message; enough to name the reasons, bounded for a large run."""


def quarantine_evidence(store: Store, fates: Iterable[FileRef]) -> str:
    """One line per reason, most frequent first: how often, and where it was met first."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for _, ref in zip(range(MOST_FILES), fates, strict=False):
        for batch in read_batches(store, ref, ["fate", "error", "source", "locator", "message"]):
            for row in batch.to_pylist():
                if row["fate"] == FATE_QUARANTINED:
                    counts[row["error"]] += 1
                    where = f"{row['source']}/{row['locator']}: {row['message']}"
                    first.setdefault(row["error"], where)
    lines = [
        f"  {error} × {number:,}, first {first[error]}" for error, number in counts.most_common(5)
    ]
    return "\n".join(lines)
