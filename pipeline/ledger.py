"""The ledger: which jobs are done, what they published, what they counted. Only the driver writes
it.

Per step one append-only log `steps/<step>/ledger.jsonl` (local), or log segments of at most 1,000
commits or 10 s (object stores). A line is one commit; a torn last line is ignored. A lost line
costs recomputation, never correctness: files are named by their key, and making them again writes
the same bytes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import orjson

from curate.pipeline.job import JobResult
from curate.pipeline.records import KEY_BYTES, KeyIndex, StepRecords
from curate.storage.store import Store

SEGMENT_COMMITS = 1_000
SEGMENT_SECONDS = 10.0
LOOKUP_LINES = 2_048
"""Ledger lines that are looked up together."""


def batched(lines: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    """Lists of at most `size` lines."""
    while found := list(islice(lines, size)):
        yield found


def _parsed(line: bytes) -> tuple[bytes, list[list[Any]], dict[str, int]] | None:
    """Key, files and counts of a commit; None for a torn or damaged line, whose job runs again."""
    try:
        entry = orjson.loads(line)
        key = bytes.fromhex(entry["key"])
        return (key, entry["files"], entry["counts"]) if len(key) == KEY_BYTES else None
    except (ValueError, KeyError, TypeError):
        return None


class Ledger:
    """The logs of all steps in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, IO[bytes]] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._segments: dict[str, int] = {}
        self._flushed = time.monotonic()

    def load(self, records: StepRecords) -> None:
        """Take the commits whose key a job of this plan has; others belong to former plans.

        Several jobs may have one key (shards without rows are equal); a commit is theirs together.
        """
        find = KeyIndex(records)
        for lines in batched(self._lines(records.step), LOOKUP_LINES):
            entries = [entry for entry in map(_parsed, lines) if entry is not None]
            found = find([key for key, _, _ in entries])
            for (_, files, counts), jobs in zip(entries, found, strict=True):
                for job in jobs:
                    with contextlib.suppress(ValueError, TypeError):  # damaged: the job runs again
                        records.add(job, files, counts)

    def _lines(self, step: str) -> Iterator[bytes]:
        folder = f"steps/{step}"
        names = (
            [f"{folder}/ledger.jsonl"]
            if self._store.is_local
            else [
                path for path in self._store.sizes(folder) if path.startswith(f"{folder}/ledger-")
            ]
        )
        self._segments[step] = len(names)
        for name in names:
            if self._store.exists(name):
                with self._store.open(name) as file:
                    yield from file

    def commit(self, step: str, key: str, result: JobResult) -> None:
        """Append one commit."""
        files = [
            [
                file.kind,
                file.part,
                file.ref.size_bytes,
                file.ref.checksum,
                file.ref.rows,
                file.text_bytes,
            ]
            for file in result.files
        ]
        line = orjson.dumps({"key": key, "files": files, "counts": dict(result.counts)}) + b"\n"
        if self._store.is_local:
            self._append(step, line)
        else:
            self._pending.setdefault(step, []).append(line)
            full = len(self._pending[step]) >= SEGMENT_COMMITS
            if full or time.monotonic() - self._flushed > SEGMENT_SECONDS:
                self.flush()

    def _append(self, step: str, line: bytes) -> None:
        if step not in self._open:
            path = f"steps/{step}/ledger.jsonl"
            self._store.append(path, b"")
            file = open(self._store.full(path), "r+b")  # noqa: SIM115  # open while the step runs
            if file.seek(0, 2):
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            self._open[step] = file
        self._open[step].write(line)
        self._open[step].flush()

    def flush(self) -> None:
        """Publish what waits as log segments."""
        for step, lines in self._pending.items():
            if lines:
                number = self._segments.get(step, 0)
                self._store.publish(f"steps/{step}/ledger-{number:06d}.jsonl", b"".join(lines))
                self._segments[step] = number + 1
        self._pending = {}
        self._flushed = time.monotonic()

    def close_step(self, step: str) -> None:
        """All jobs of the step are committed."""
        self.flush()
        if (file := self._open.pop(step, None)) is not None:
            file.close()

    def close(self) -> None:
        self.flush()
        for step in list(self._open):
            self.close_step(step)
