"""A job: the unit of work that an executor runs and the ledger records.

A job is a small picklable object with the name of its step and its shard key. It reads files by
reference, publishes files named by its key, and returns what it published and counted. Running it
twice writes the same bytes under the same names.
"""

from __future__ import annotations

import pickle
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from curate.pipeline.spec.model import EngineConfig
from curate.storage.store import FileRef, Store

EXTENSIONS = dict.fromkeys(
    ("rows", "sidecar", "fates", "documents", "failed", "evidence", "index_ids"), "parquet"
) | {"shards": "bin", "state": "arrow", "artefact": "bin", "index_learned": "bin"}
"""File name extension by kind, or by what stands before `-` in it; `sliced` (sliced Arrow) for the
rest unless the job says otherwise.
"""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a job published. `part` numbers several files of one kind; `text_bytes` is the
    text its rows hold.
    """

    kind: str
    part: int
    ref: FileRef
    text_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job published and counted (flat names such as `stage|language|read`).

    It travels compressed: with the rules of a long chain under 1 kB instead of 6.
    """

    files: tuple[OutputFile, ...]
    counts: Mapping[str, int] = field(default_factory=Counter)

    def __reduce__(self) -> tuple[Callable[[bytes], JobResult], tuple[bytes]]:
        return _unpacked, (zlib.compress(pickle.dumps((self.files, dict(self.counts)))),)


def _unpacked(packed: bytes) -> JobResult:
    files, counts = pickle.loads(zlib.decompress(packed))
    return JobResult(files, counts)


@dataclass(frozen=True, slots=True)
class Decision:
    """A document given up because native code crashed or hung on it, twice, alone."""

    id: str
    stage: str
    reason: str


class Watch(Protocol):
    """Told before each piece of risky work, so that a hang or crash can be named and ended."""

    def begin(self, document: str, stage: str) -> None:
        """`document` is its id, or the first of a batch."""

    def end(self) -> None:
        """The piece is done."""

    @property
    def single(self) -> bool:
        """True in careful mode: work on one document at a time."""


class NoWatch:
    """Trusts the work; for tests and notebooks."""

    single = False

    def begin(self, document: str, stage: str) -> None:
        """Nothing to arm."""

    def end(self) -> None:
        """Nothing to disarm."""


@dataclass(frozen=True)
class JobContext:
    """What a worker gives to a job."""

    store: Store
    engine: EngineConfig
    seed: int
    watch: Watch = field(default_factory=NoWatch)


class Job(Protocol):
    """Contract of a job."""

    @property
    def step(self) -> str:
        """Name of the step's folder below `steps/`."""

    @property
    def key(self) -> str:
        """Shard key, 32 hex digits."""

    def run(self, context: JobContext) -> JobResult:
        """Do the work. Raises DamagedFile for an input that must be made again."""


@runtime_checkable
class LeavesOut(Protocol):
    """A job that can do without a document. Its decisions are part of its key; any other job that
    dies of a document fails the run.
    """

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Documents that it must not touch."""


def output_path(step: str, key: str, kind: str, part: int = 0, extension: str | None = None) -> str:
    """Where a job publishes a file: named by step fingerprint and shard key, so a stale job can
    only write what belongs there.
    """
    ending = extension or EXTENSIONS.get(kind.partition("-")[0], "sliced")
    return f"steps/{step}/{key}.{kind}.{part}.{ending}"
