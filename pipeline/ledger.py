"""The ledger: which jobs are done, what they published, what they counted. Only the driver writes
it.

Per step one append-only log `steps/<step>/ledger.jsonl` (local), or log segments of at most 1,000
commits or 10 s (object stores). A line is one commit; a torn last line is ignored. A lost line
costs recomputation, never correctness: files are named by their key, and making them again writes
the same bytes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import orjson

from curate.pipeline.job import JobResult, OutputFile, output_path
from curate.storage.store import FileRef, Store

SEGMENT_COMMITS = 1_000
SEGMENT_SECONDS = 10.0

KINDS = (
    "rows",
    "sidecar",
    "fates",
    "exchange",
    "verdicts",
    "links",
    "lookup",
    "documents",
    "removed",
    "quarantined",
)
"""Kinds of file of the engine's own jobs; others are appended as they appear."""

_FILE = np.dtype(
    [
        ("job", "<u4"),
        ("kind", "u1"),
        ("part", "<u2"),
        ("rows", "<u4"),
        ("text", "<u8"),
        ("size", "<u8"),
        ("checksum", "<u8"),
    ]
)


class StepRecords:
    """Commits of one step in memory: 16 bytes per job for the key and 35 per file, whatever the
    paths are.
    """

    def __init__(self, step: str, jobs: int, extensions: Mapping[str, str] | None = None) -> None:
        self.step, self.jobs = step, jobs
        self.keys = np.zeros(jobs, dtype="V16")
        self.done = np.zeros(jobs, dtype=bool)
        self.counts: Counter[str] = Counter()
        self._kinds = list(KINDS)
        self._extensions = dict(extensions or {})
        self._files = np.empty(max(jobs, 16), dtype=_FILE)
        self._used = 0
        self._sorted = True

    def set_key(self, index: int, key: str) -> None:
        self.keys[index] = np.void(bytes.fromhex(key))

    def key(self, index: int) -> str:
        return bytes(self.keys[index].tobytes()).hex()

    def add(self, index: int, files: Sequence[Sequence[Any]], counts: Mapping[str, int]) -> None:
        """Record a commit once; a second commit of the same job (a repair) changes nothing, its
        bytes are the same.
        """
        if self.done[index]:
            return
        self.done[index] = True
        self.counts.update(counts)
        for kind, part, size, checksum, rows, text in files:
            if self._used == len(self._files):
                self._files = np.concatenate(
                    [self._files, np.empty(max(16, len(self._files)), dtype=_FILE)]
                )
            self._files[self._used] = (index, self._kind(kind), part, rows, text, size, checksum)
            self._used += 1
        self._sorted = False

    def _kind(self, name: str) -> int:
        if name not in self._kinds:
            self._kinds.append(name)
        return self._kinds.index(name)

    def _table(self) -> np.ndarray:
        if not self._sorted:
            used = self._files[: self._used]
            self._files = used[np.lexsort((used["part"], used["kind"], used["job"]))]
            self._sorted = True
        table: np.ndarray = self._files[: self._used]
        return table

    def files(self, index: int) -> Iterator[OutputFile]:
        """Files of one job by kind and part."""
        table = self._table()
        start, end = np.searchsorted(table["job"], [index, index + 1])
        key = self.key(index)
        for row in table[start:end]:
            kind = self._kinds[int(row["kind"])]
            path = output_path(self.step, key, kind, int(row["part"]), self._extensions.get(kind))
            ref = FileRef(path, int(row["size"]), int(row["checksum"]), int(row["rows"]))
            yield OutputFile(kind, int(row["part"]), ref, int(row["text"]))

    def file(self, index: int, kind: str, part: int = 0) -> OutputFile | None:
        """One file of one job, None when it published none of that kind."""
        return next(
            (file for file in self.files(index) if file.kind == kind and file.part == part), None
        )

    def ref(self, index: int, kind: str, part: int = 0) -> FileRef:
        """Reference of a file that must exist."""
        found = self.file(index, kind, part)
        if found is None:
            raise KeyError(f"{self.step}: job {index} published no '{kind}' {part}")
        return found.ref

    def sums(self, kind: str) -> tuple[int, int]:
        """(rows, text bytes) over all files of a kind."""
        table = self._table()
        chosen = table[table["kind"] == self._kind(kind)]
        return int(chosen["rows"].sum(dtype=np.uint64)), int(chosen["text"].sum(dtype=np.uint64))


class Ledger:
    """The logs of all steps in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, IO[bytes]] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._segments: dict[str, int] = {}
        self._flushed = time.monotonic()

    def load(
        self, records: StepRecords, keys: Mapping[bytes, int], twins: Mapping[int, Sequence[int]]
    ) -> None:
        """Take the commits whose key a job of this plan has; others belong to former plans.

        twins: further jobs with the key of a job (shards without rows are equal).
        """
        for line in self._lines(records.step):
            try:
                entry = orjson.loads(line)
                index = keys.get(bytes.fromhex(entry["key"]))
                if index is not None:
                    for job in (index, *twins.get(index, ())):
                        records.add(job, entry["files"], entry["counts"])
            except (ValueError, KeyError, TypeError):  # torn or damaged: the job runs again
                continue

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
