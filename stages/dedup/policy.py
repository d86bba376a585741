"""What every deduplication stage shares: who is compared with whom, and which copy stays.

*Scope* limits comparing to documents with an equal value: of one source (per crawl, as FineWeb does
on purpose: deduplicating across its 96 crawls removed good text, arXiv 2406.17557, section 3.4), of
one domain, or of any column. Documents without a value are a scope of their own.

*Keeping order* decides the copy that stays: sources of `prefer`, then `keep`, then document order.
Documents without the wanted value (date, signal) come last. `max_copies` of a cluster stay.

*Verdict* of every member of a cluster, the kept ones included; unique documents have none:
`copy` (0 for the kept representative, then 1, 2, … in keeping order), `cluster` (64 bits of the
hash of what its members share, so the same number in every run; two of n clusters share a number
with probability n² / 2^65), `cluster_size`. So a later stage can split by cluster, and a report can
show what was compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from curate.kernels.edited import characters_of
from curate.kernels.hashes import as_keys, bytes_hash_128, key_bytes, text_hash_128
from curate.stages.base import VERDICT_LINKS, Exchange
from curate.stages.extract.dates import moment
from curate.stages.rules import Rule
from curate.stages.urls import domains_of

SIDE = pa.field("side", pa.int64(), nullable=False)
"""Order column: -1 for documents of an index, 0 for those of this run."""
RANK = pa.field("rank", pa.int64(), nullable=False)
"""Order column: place of the source in `prefer`."""

COPY_VERDICTS: tuple[pa.Field, ...] = (
    pa.field("copy", pa.int64()),
    pa.field("cluster", pa.int64()),
    pa.field("cluster_size", pa.int64()),
)
LAST = np.iinfo(np.int64).max
"""Of an int64 order column: behind every value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Best(BaseModel):
    """The document with the highest value of a signal is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    best: str = Field(min_length=1, description="signal that a stage before this one measures")


Keep = Literal["first", "longest", "newest"] | Best


class DedupExchange(Exchange):
    """Scope, keeping order and verdicts of a deduplication stage."""

    outside_results: ClassVar[frozenset[str]] = frozenset({"against", "index"})

    scope: str = Field(
        "all",
        min_length=1,
        description="compare all documents, those of one source, one domain (host of the URL "
        "without www.), or with one value of a column",
    )
    keep: Keep = Field(
        "first",
        description="copy that stays: first (document order), longest (characters), newest (date), "
        "or {best: <signal>}, the highest value",
    )
    prefer: tuple[str, ...] = Field(
        (), description="sources whose copy is kept, best first; then `keep` decides"
    )
    max_copies: int = Field(
        1, ge=1, le=2**53, description="documents of a cluster that stay (usual: 1)"
    )
    min_characters: int = Field(
        0,
        ge=0,
        le=2**53,
        description="characters of a text that is compared at all; shorter ones stay",
    )

    against: tuple[str, ...] = Field(
        (),
        description="former runs, or folders of their indexes, whose documents are compared too: "
        "they come first and stay",
    )
    index: bool = Field(
        False,
        description="keep index/<name>/ in the run folder, so that later runs can name this one "
        "under against",
    )

    judged: ClassVar[str] = "copy"
    """The verdict on which documents are removed."""

    def source_names(self) -> tuple[str, ...]:
        """The sources of `prefer`."""
        return self.prefer

    def index_paths(self) -> tuple[str, ...]:
        """Those of `against`."""
        return self.against

    def writes_index(self) -> bool:
        """As `index` says."""
        return self.index

    def derived_results(self) -> dict[str, Any]:
        """Whether rows have the column `side`."""
        return {"with_index": self._has_side()}

    def _has_side(self) -> bool:
        return self.index or bool(self.against)

    def columns(self) -> tuple[str, ...]:
        """Document columns and signals that this configuration reads."""
        return tuple(dict.fromkeys((*self.compared_columns(), *self._policy_columns())))

    def compared_columns(self) -> tuple[str, ...]:
        """What the stage itself compares."""
        return self.reads

    def _policy_columns(self) -> list[str]:
        used = ["text"] if self.min_characters > 0 or self.keep == "longest" else []
        if self.prefer:
            used.append("source")
        if self.keep == "newest":
            used.append("date")
        if isinstance(self.keep, Best):
            used.append(self.keep.best)
        if self.scope != "all":
            used.append("url" if self.scope == "domain" else self.scope)
        return used

    def verdicts(self) -> tuple[pa.Field, ...]:
        """`copy`, `cluster`, `cluster_size`; null for a document that has no copy."""
        return COPY_VERDICTS

    def rules(self) -> tuple[Rule, ...]:
        """Copies after the first `max_copies` are removed; unique documents are kept."""
        signal = f"{self.name}.{self.judged}"
        return (Rule("duplicate", signal=signal, high=self.max_copies - 1, missing="keep"),)

    def verdict_schema(self) -> pa.Schema:
        """What the last phase settles."""
        address = pa.field("address", pa.uint64())
        return pa.schema([address, *self.verdicts(), *VERDICT_LINKS])

    def order_fields(self) -> tuple[pa.Field, ...]:
        """Order columns of this configuration, the deciding one first."""
        fields = [SIDE] if self._has_side() else []
        if self.prefer:
            fields.append(RANK)
        if self.keep == "longest":
            fields.append(pa.field("shortness", pa.int64(), nullable=False))
        elif self.keep == "newest":
            fields.append(pa.field("age", pa.int64(), nullable=False))
        elif isinstance(self.keep, Best):
            fields.append(pa.field("badness", pa.float64(), nullable=False))
        return tuple(fields)

    def order_columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns of `order_fields` for a batch with `columns()`; ascending, without nulls."""
        columns = []
        if self._has_side():
            columns.append(pa.array(np.zeros(batch.num_rows, np.int64)))
        if self.prefer:
            columns.append(_ranks(batch.column("source"), self.prefer))
        if self.keep == "longest":
            columns.append(pa.array(-characters_of(batch.column("text"))))
        elif self.keep == "newest":
            columns.append(_ages(batch.column("date")))
        elif isinstance(self.keep, Best):
            columns.append(_badness(batch.column(self.keep.best)))
        return columns

    def scoped_keys(
        self, batch: pa.RecordBatch, keys: np.ndarray | pa.FixedSizeBinaryArray
    ) -> pa.FixedSizeBinaryArray:
        """16-byte keys, with the scope of their documents hashed in; uint8[n, 16] or Arrow."""
        if not isinstance(keys, np.ndarray):
            keys = key_bytes(keys)
        scopes = self.scope_digests(batch)
        return as_keys(keys) if scopes is None else bytes_hash_128(np.hstack([scopes, keys]))

    def scope_digests(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """uint8[n, 16] per document; None where all documents are compared."""
        if self.scope == "all":
            return None
        if self.scope == "domain":
            values = domains_of(batch.column("url"))
        else:
            values = batch.column(self.scope).cast(pa.large_string())
        return key_bytes(text_hash_128(pc.fill_null(values, "")))

    def compared(self, batch: pa.RecordBatch) -> np.ndarray:
        """bool[n]: documents of at least `min_characters`."""
        if self.min_characters == 0:
            return np.ones(batch.num_rows, dtype=np.bool_)
        enough: np.ndarray = characters_of(batch.column("text")) >= self.min_characters
        return enough


def cluster_numbers(keys: np.ndarray) -> np.ndarray:
    """int64[n]: `cluster` of clusters whose members share these 16-byte keys, uint8[n, 16]."""
    high = np.ascontiguousarray(keys[:, :8]).reshape(-1).view(">i8")
    numbers: np.ndarray = high.astype(np.int64)
    return numbers


def _ranks(sources: pa.Array, prefer: Sequence[str]) -> pa.Array:
    ranks = pc.index_in(sources, value_set=pa.array(list(prefer), pa.string()))
    return pc.fill_null(ranks.cast(pa.int64()), len(prefer))


def _ages(dates: pa.Array) -> pa.Array:
    """Minus the microseconds since 1970; a text that is no date of ISO 8601 comes last."""
    moments = [None if date is None else moment(date) for date in dates.to_pylist()]
    ages = [LAST if each is None else -((each - _EPOCH) // _MICROSECOND) for each in moments]
    return pa.array(ages, pa.int64())


def _badness(signal: pa.Array) -> pa.Array:
    """Minus the value; null and NaN come last (after infinity, by IEEE total order)."""
    if pa.types.is_boolean(signal.type):
        signal = signal.cast(pa.int8())
    values = pc.fill_null(pc.cast(signal, pa.float64(), safe=False), np.nan)
    values = values.to_numpy(zero_copy_only=False)
    # 0.0 - x never is -0.0, which would come before 0.0.
    return pa.array(np.where(np.isnan(values), np.nan, 0.0 - values))
