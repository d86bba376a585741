"""Exact deduplication: keep one of all documents with the same text, address or value.

`by: text` compares the text as it is, `normalized_text` in lower case with single spaces, `url` the
canonical address (`stages/urls.py` states its rules), any other name the values of a column or
signal. Documents without a value are not compared and stay; they are counted as `without_value`,
those under `min_characters` as `too_short`.

Key: XXH3-128 of what is compared. Two different values among n collide with probability n² / 2^129
(below 10^-18 for ten billion documents). Bloom filters, the field's usual means, remove unique
documents silently; this does not. Which copy stays: `stages/dedup/policy.py`.

Cost: one hash per document, 24 to 40 bytes of exchange per document and 56 more per copy, O(1)
memory per key while settling.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.kernels.hashes import text_hash_128
from curate.kernels.normalize import normalized_text
from curate.stages.base import Emitted, Phase
from curate.stages.dedup.copies import copy_phases
from curate.stages.dedup.policy import DedupExchange
from curate.stages.urls import canonical_urls

TEXTS = ("text", "normalized_text")


class ExactDedup(DedupExchange):
    """Remove documents whose text, address or value occurred already."""

    name: ClassVar[str] = "exact_dedup"
    version: ClassVar[int] = 2
    distributions: ClassVar[tuple[str, ...]] = ("idna", "pyarrow")

    by: str = Field(
        "text",
        min_length=1,
        description="what is compared: text, normalized_text (lower case, single spaces), url "
        "(canonical), or the name of a column or signal",
    )

    def used_distributions(self) -> tuple[str, ...]:
        """Only addresses are compared by other people's code."""
        by_address = self.by == "url" or self.scope == "domain"
        return self.distributions if by_address else ()

    def index_parameters(self) -> dict[str, Any]:
        """What decides the key of a document."""
        chosen = {"by": self.by, "scope": self.scope}
        return {**chosen, "min_characters": self.min_characters}

    def compared_columns(self) -> tuple[str, ...]:
        """The text, or the column of `by`."""
        return ("text",) if self.by in TEXTS else (self.by,)

    def phases(self) -> tuple[Phase, ...]:
        """Copies of a key, then their number."""
        return copy_phases(self, self._emit, 1.0 if self.by in TEXTS else None)

    def _emit(self, batch: pa.RecordBatch) -> pa.RecordBatch | Emitted:
        values = self._values(batch)
        missing = values.is_null().to_numpy(zero_copy_only=False)
        too_short = ~self.compared(batch) & ~missing
        keys = self.scoped_keys(batch, text_hash_128(pc.fill_null(values, "")))
        columns = [keys, *self.order_columns(batch), batch.column("address")]
        rows = pa.RecordBatch.from_arrays(columns, schema=self.phases()[0].schema())
        counts = {"too_short": int(too_short.sum()), "without_value": int(missing.sum())}
        if not any(counts.values()):
            return rows
        return Emitted(rows.filter(pa.array(~(too_short | missing))), counts)

    def _values(self, batch: pa.RecordBatch) -> pa.LargeStringArray:
        if self.by == "text":
            return batch.column("text")
        if self.by == "normalized_text":
            return normalized_text(batch.column("text"))
        column = batch.column(self.by)
        return canonical_urls(column) if self.by == "url" else column.cast(pa.large_string())
