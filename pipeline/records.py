"""Commits of one step in the driver's memory: 21 bytes per job and 25 per file.

Paths follow from step, key, kind and part, so they are made when asked for. While commits come in,
files stand in order of arrival with their job beside them; the first reader sorts them by job and
turns the jobs into offsets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from curate.pipeline.job import OutputFile, output_path
from curate.storage.store import FileRef

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
    "settled",
    "visits",
    "shards",
    "failed",
    "evidence",
    "index_rows",
    "index_ids",
    "index_stored",
)
"""Kinds of file of the engine's own jobs; others are appended as they appear."""

_FILE = np.dtype(
    [
        ("kind", "u1"),
        ("part", "<u2"),
        ("rows", "<u4"),
        ("text", "<u4"),
        ("text_high", "u1"),
        ("size", "<u4"),
        ("size_high", "u1"),
        ("checksum", "<u8"),
    ]
)
"""Text and size have 40 bits: one file stays below 1 TiB."""

KEY_BYTES = 16


class StepRecords:
    """Which jobs of a step are done, under which keys, and what they published."""

    def __init__(self, step: str, jobs: int, extensions: Mapping[str, str] | None = None) -> None:
        self.step, self.jobs = step, jobs
        self.keys = np.zeros(jobs, dtype=f"V{KEY_BYTES}")
        self.done = np.zeros(jobs, dtype=bool)
        self.counts: Counter[str] = Counter()
        self._kinds = list(KINDS)
        self._numbers = {name: number for number, name in enumerate(KINDS)}
        self._extensions = dict(extensions or {})
        self._files = np.empty(max(jobs, 16), dtype=_FILE)
        self._jobs = np.empty(len(self._files), dtype="<u4")
        self._used = 0
        self._starts: np.ndarray | None = None

    def set_key(self, index: int, key: str) -> None:
        self.keys[index] = np.void(bytes.fromhex(key))

    def key(self, index: int) -> str:
        return bytes(self.keys[index].tobytes()).hex()

    def add(self, index: int, files: Sequence[Sequence[Any]], counts: Mapping[str, int]) -> None:
        """Record a commit once; a second commit of the same job (a repair) changes nothing, its
        bytes are the same. files: (kind, part, size, checksum, rows, text) each.
        """
        if self.done[index]:
            return
        if self._starts is not None:
            self._jobs = self._job_of_file(self._starts)
            self._starts = None
        low = 0xFFFFFFFF
        entries = [
            (self._kind(kind), part, rows, text & low, text >> 32, size & low, size >> 32, checksum)
            for kind, part, size, checksum, rows, text in files
        ]
        end = self._used + len(entries)
        if end > len(self._files):
            more = max(16, len(entries), self._used // 2)
            self._files = np.concatenate([self._files, np.empty(more, dtype=_FILE)])
            self._jobs = np.concatenate([self._jobs, np.empty(more, dtype="<u4")])
        self._files[self._used : end] = entries
        self._jobs[self._used : end] = index
        self._used = end
        for name, number in counts.items():
            self.counts[name] += number
        self.done[index] = True

    def _kind(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._kinds))
        if number == len(self._kinds):
            self._kinds.append(name)
        return number

    def _job_of_file(self, starts: np.ndarray) -> np.ndarray:
        return np.repeat(np.arange(self.jobs, dtype="<u4"), np.diff(starts))

    def _offsets(self) -> np.ndarray:
        """uint32[jobs + 1]: where the files of each job start; sorts what came in since."""
        if self._starts is None:
            files, jobs = self._files[: self._used], self._jobs[: self._used]
            order = np.lexsort((files["part"], files["kind"], jobs))
            self._files = files[order]
            places = np.searchsorted(jobs[order], np.arange(self.jobs + 1, dtype="<u4"))
            self._starts = places.astype("<u4")
            self._jobs = np.empty(0, dtype="<u4")
        return self._starts

    def output(self, index: int, place: int) -> OutputFile:
        """The file at one place of the table, which belongs to job `index`."""
        found = self._files[place].item()
        number, part, rows, text, text_high, size, size_high, checksum = found
        kind = self._kinds[number]
        path = output_path(self.step, self.key(index), kind, part, self._extensions.get(kind))
        ref = FileRef(path, size_high << 32 | size, checksum, rows)
        return OutputFile(kind, part, ref, text_high << 32 | text)

    def files(self, index: int) -> Iterator[OutputFile]:
        """Files of one job by kind and part."""
        starts = self._offsets()
        for place in range(int(starts[index]), int(starts[index + 1])):
            yield self.output(index, place)

    def file(self, index: int, kind: str, part: int = 0) -> OutputFile | None:
        """One file of one job, None when it published none of that kind."""
        starts = self._offsets()
        wanted = (self._kind(kind), part)
        for place in range(int(starts[index]), int(starts[index + 1])):
            found = self._files[place]
            if (found["kind"], found["part"]) == wanted:
                return self.output(index, place)
        return None

    def ref(self, index: int, kind: str, part: int = 0) -> FileRef:
        """Reference of a file that must exist."""
        found = self.file(index, kind, part)
        if found is None:
            raise KeyError(f"{self.step}: job {index} published no '{kind}' {part}")
        return found.ref

    def places(self, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """All files of a kind in order of job and part: their place, job, part and rows."""
        starts = self._offsets()
        place = np.flatnonzero(self._files["kind"] == self._kind(kind)).astype("<u4")
        found = self._files[place]
        return place, self._job_of_file(starts)[place], found["part"], found["rows"]

    def sums(self, kind: str) -> tuple[int, int]:
        """(rows, text bytes) over all files of a kind."""
        self._offsets()
        found = self._files[self._files["kind"] == self._kind(kind)]
        text = found["text_high"].astype(np.uint64) << np.uint64(32) | found["text"]
        return int(found["rows"].sum(dtype=np.uint64)), int(text.sum(dtype=np.uint64))

    def size_bytes(self, kinds: Sequence[str]) -> int:
        """Bytes of all files of these kinds."""
        self._offsets()
        found = self._files[np.isin(self._files["kind"], [self._kind(kind) for kind in kinds])]
        high = int(found["size_high"].sum(dtype=np.uint64)) << 32
        return high + int(found["size"].sum(dtype=np.uint64))

    def nbytes(self) -> int:
        """Bytes that this object holds per table, for the promise of a small driver."""
        starts = 0 if self._starts is None else self._starts.nbytes
        return self.keys.nbytes + self.done.nbytes + self._files.nbytes + self._jobs.nbytes + starts


class KeyIndex:
    """From keys to jobs, for many keys at once: 16 bytes per job while it is used."""

    def __init__(self, records: StepRecords) -> None:
        self._keys = records.keys.view("<u8").reshape(-1, 2)
        self._order = np.argsort(self._keys[:, 0], kind="stable")
        self._sorted = self._keys[self._order, 0]

    def __call__(self, keys: Sequence[bytes]) -> Iterator[list[int]]:
        """Jobs of every key, ascending; most have one or none."""
        wanted = np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, 2)
        start = np.searchsorted(self._sorted, wanted[:, 0], side="left").tolist()
        end = np.searchsorted(self._sorted, wanted[:, 0], side="right").tolist()
        for first, last, low in zip(start, end, wanted[:, 1].tolist(), strict=True):
            jobs = self._order[first:last].tolist()
            yield [job for job in jobs if self._keys[job, 1] == low]
