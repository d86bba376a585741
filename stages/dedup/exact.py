"""Exact deduplication: keep one of all documents with the same text.

Key: XXH3-128 of the text, or of its normalised form. Two different texts collide with probability
n² / 2^129 (below 10^-18 for ten billion documents). The kept copy is the one from the source that
`prefer` names first, then the first in document order; every other copy is removed and names the
kept one in `duplicate_of`.

Cost: one hash per document, 24 to 32 bytes of exchange per document, O(1) memory per key while
settling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.kernels.hashes import text_hash_128
from curate.kernels.normalize import normalized_text
from curate.kernels.row_order import group_starts
from curate.stages.base import VERDICT_LINKS, Exchange, Phase
from curate.stages.rules import Rule

RANK = pa.field("rank", pa.int64(), nullable=False)


class ExactDedup(Exchange):
    """Remove documents whose text occurred already."""

    name: ClassVar[str] = "exact_dedup"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("text", "source")

    normalize: Literal["none", "case_and_space"] = Field(
        "none",
        description="compare the text as it is, or lower-cased with single spaces",
    )
    prefer: tuple[str, ...] = Field(
        (),
        description="sources whose copy is kept, best first; then document order decides",
    )

    def source_names(self) -> tuple[str, ...]:
        """The sources of `prefer`."""
        return self.prefer

    def phases(self) -> tuple[Phase, ...]:
        """One phase: the text's hash brings copies together."""
        return (
            Phase(
                name="text",
                emit=self._emit,
                settle=self._settle,
                settled=self._settled(),
                order=(RANK,),
            ),
        )

    def verdicts(self) -> tuple[pa.Field, ...]:
        """`copy`: 1 for the second document of a text in keeping order, 2 for the third, …; none
        for the kept one.
        """
        return (pa.field("copy", pa.int64()),)

    def rules(self) -> tuple[Rule, ...]:
        """A copy is removed; a document without a verdict is kept."""
        return (Rule("duplicate", signal="exact_dedup.copy", high=0, missing="keep"),)

    def _settled(self) -> pa.Schema:
        return pa.schema([pa.field("address", pa.uint64()), *self.verdicts(), *VERDICT_LINKS])

    def _emit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        keys = text_hash_128(text if self.normalize == "none" else normalized_text(text))
        ranks = pc.index_in(
            batch.column("source"), value_set=pa.array(list(self.prefer), pa.string())
        )
        rank = pc.fill_null(ranks.cast(pa.int64()), len(self.prefer))
        schema = self.phases()[0].schema()
        return pa.RecordBatch.from_arrays([keys, rank, batch.column("address")], schema=schema)

    def _settle(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """State per key: its last key bytes, the kept address, how many copies so far."""
        last_key, keeper, copies = None, 0, 0
        for batch in batches:
            keys = batch.column("key")
            address = batch.column("address").to_numpy(zero_copy_only=False).astype(np.uint64)
            starts = group_starts(keys, last_key)
            group = np.cumsum(starts)
            first = np.concatenate([[0], np.flatnonzero(starts)])
            keepers = np.concatenate([np.array([keeper], np.uint64), address[starts]])
            index = np.arange(len(group))
            copy = np.where(group > 0, index - first[group], index + 1 + copies)
            removed = copy > 0
            if removed.any():
                yield self._verdicts(address[removed], copy[removed], keepers[group[removed]])
            if len(group):
                last_key, keeper, copies = keys[-1].as_py(), int(keepers[group[-1]]), int(copy[-1])

    def _verdicts(
        self, address: np.ndarray, copy: np.ndarray, keeper: np.ndarray
    ) -> pa.RecordBatch:
        columns = [
            pa.array(address, pa.uint64()),
            pa.array(copy, pa.int64()),
            pa.array(keeper, pa.uint64()),
            pa.array(np.ones(len(copy)), pa.float64()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._settled())
