"""Sources: from files to records, in document order, losing nothing.

A source lists its files, cuts them into splits (one reading task takes one or more), and reads a
split into records. A record that cannot become a document is a `BadRecord` (it goes to the
quarantine with its bytes); what was never a candidate (a WARC request, a blank line) is `Skipped`.
No reader raises for bad content: exceptions are for faults outside the data.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from curate.stages.base import Determinism, SourceKind


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source. `path` is relative (below the longest glob-free prefix, `/` separators)
    and is part of document ids; `url` opens it through fsspec; `stamp` changes when the content
    does (mtime in ns, or an ETag)."""

    path: str
    url: str
    size_bytes: int
    stamp: str


@dataclass(frozen=True, slots=True)
class InputSplit:
    """A part of a file: [start, end) in bytes (line formats), row groups (Parquet), or (0, size)
    for a whole file."""

    file: InputFile
    start: int
    end: int


@dataclass(slots=True)
class Record:
    """One candidate document. Either `text` is final, or `html` holds bytes that `Source.extract`
    turns into text."""

    path: str
    offset: int
    text: str = ""
    html: bytes | None = None
    encoding: str | None = None
    """Declared by the transport (Content-Type), tried before detection."""
    part: int | None = None
    """k of the locator's `.k` when one record yields several documents."""
    url: str | None = None
    date: str | None = None
    """ISO 8601. Of a page whose bytes wait in `html`: when the archive fetched it."""
    date_source: str | None = None
    title: str | None = None
    author: str | None = None
    page_language: str | None = None
    """Declared by the page; `language` is what somebody knows or measured."""
    last_modified: str | None = None
    """The transport's header of that name, as written; for `Source.extract` only."""
    language: str | None = None
    meta: dict[str, object] = field(default_factory=dict)

    @property
    def locator(self) -> str:
        return f"{self.path}#{self.offset}" + ("" if self.part is None else f".{self.part}")


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that failed to become a document. `error`: short kind such as `invalid_utf8`; `raw`:
    at most 64 KiB."""

    path: str
    offset: int
    error: str
    message: str
    raw: bytes = b""
    part: int | None = None
    """k of the locator's `.k`, as in `Record`."""

    @property
    def locator(self) -> str:
        return f"{self.path}#{self.offset}" + ("" if self.part is None else f".{self.part}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """`count` things that were never candidates, by reason (`warc_request`, `blank_line`)."""

    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Caps:
    """Deterministic limits, the same on every machine."""

    max_document_bytes: int = 100 * 2**20
    """A longer record is quarantined as `too_large`, never held in memory whole."""
    max_expansion_ratio: int = 1000
    """Decompressed bytes per compressed byte (a file above 64 MiB output that exceeds it is
    quarantined from there)."""


_USUAL_EXPANSION = {"gz": 3.0, "zst": 3.5, "bz2": 4.0, "xz": 4.0, "lz4": 2.2}
"""Bytes of English text per compressed byte."""


class Source(BaseModel):
    """Configuration and reader of one input format. Fields are the YAML keys below the source's
    name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ClassVar[str]
    version: ClassVar[int] = 1
    determinism: ClassVar[Determinism] = "exact"
    distributions: ClassVar[tuple[str, ...]] = ()

    paths: tuple[str, ...] = Field(
        (), description="globs or files; relative to the pipeline file; fsspec URLs allowed"
    )
    kind: SourceKind | None = Field(
        None, description="what the source is; filters say which kinds they are made for"
    )
    license: str | None = Field(
        None, description="SPDX identifier or words; kept in run.json and the report"
    )
    tags: tuple[str, ...] = Field((), description="free labels, shown in the report")
    limit: int | None = Field(
        None, ge=1, description="take only the first N documents, in document order"
    )
    sample: float | None = Field(
        None, gt=0, le=1, description="keep this fraction of documents, drawn by document id"
    )

    def used_distributions(self) -> tuple[str, ...]:
        """Distributions that decide the results of this configuration, an optional engine's too.

        Raises SpecError when one of them is needed and missing.
        """
        return self.distributions

    @abstractmethod
    def files(self, folder: str) -> list[InputFile]:
        """Files in order of the UTF-8 bytes of `path`, each once. folder: where relative paths
        start (the YAML's folder).

        Raises SpecError when a pattern matches nothing (message names the pattern).
        """

    @abstractmethod
    def splits(self, file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
        """Cut one file; whole where it cannot be cut (compressed streams)."""

    @abstractmethod
    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        """Read a split in offset order. A line belongs to the split that holds its first byte."""

    def share_before(self, file: InputFile, offset: int) -> float:
        """Share of a file that lies before a record at `offset`, for estimates only: compressed
        files are taken to expand as text usually does."""
        ending = file.path.rpartition(".")[2].lower()
        expanded = file.size_bytes * _USUAL_EXPANSION.get(ending, 1.0)
        return min(1.0, offset / max(expanded, 1.0))

    def extract(self, record: Record) -> Record | BadRecord | Skipped:
        """Turn `record.html` into `text` and metadata. Called once per record under the engine's
        watchdog."""
        return record


Outcome = Literal["read", "skipped", "quarantined"]
