"""Repeated lines, paragraphs and windows of sentences go; the first document that has one keeps it.

CCNet (Wenzek et al. 2020, arXiv 1911.00359, section 3.2) removes every paragraph, which there is a
line, that occurred before: menus, cookie notices, legal text. C4 (Raffel et al. 2020, arXiv
1910.10683, section 2.2) removes all but one of every three consecutive sentences that occur more
than once. Both judge by repetition alone and so take headings ("Career.") out of the documents
they structure: C4's own authors name it. Here a unit under `min_characters` goes only where more
than `max_domain_share` of the documents of its domain have it, that is from templates.

*What is compared*: `kernels/text_units.py`. *Who is compared*: all documents, or those of a scope
(`stages/dedup/policy.py`); short units within their domain, those of documents without an address
never. *How often*: `min_count` and the share count documents, not occurrences. *Which stays*: the
first `max_copies` documents in keeping order keep the unit, wherever and however often they have
it (what repeats inside one document is `gopher_repetition`'s matter); `max_copies: 0` removes all.
CCNet and C4 count occurrences and keep one.

A second pass changes nothing: what is left of a unit is in its first `max_copies` documents, or in
fewer than `min_count`; no removal makes a new unit (a blank line stands where a window was). One
exception: documents that die leave their domain's count, so a short unit just under the share can
be above it then. A document dies only by the two rules on what is left.

`against` names former runs that wrote an index (`index: true`), the units of all documents that
reached this stage there. They count, also in the share of a domain, and come first: a new document
loses what it would lose in one run over old and new documents. Nothing of the former run changes.

Counts: units, units_removed (as often as they stand), characters_removed, characters_left,
removed_fraction (of characters), characters_before. `report/<name>.parquet` lists the units that
went from most documents, in normal form.

Cost: about 5 ns per byte to read and again to edit; 40 bytes of exchange per distinct unit of a
document, 130 more per repeated one; an index keeps the 40 bytes. Memory: `min_count` rows per unit.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.kernels.hashes import as_keys, bytes_hash_128, key_bytes, text_hash_128
from curate.kernels.text_units import (
    UnitEdit,
    UnitKind,
    UnitSpec,
    normal_forms,
    short_hashes,
    unit_table,
    without_units,
)
from curate.stages.base import ExchangeEditor, Phase
from curate.stages.dedup.line_phases import (
    COUNTED,
    KIND,
    OF_DOMAIN,
    OF_SHORT_UNIT,
    OF_UNIT,
    UNIT,
    VERDICTS,
    UnitCounter,
    domain_keys,
    later_phases,
)
from curate.stages.dedup.policy import DedupExchange
from curate.stages.rules import Rule
from curate.stages.urls import domains_of

EVIDENCE_CHARACTERS = 300
"""Of a unit, in the list of what was removed."""
_UNITS_PER_DOCUMENT = {"line": 64, "paragraph": 24, "sentences": 32}


class LineDedup(DedupExchange, ExchangeEditor):
    """Remove lines, paragraphs or windows of sentences that many documents have."""

    name: ClassVar[str] = "line_dedup"
    version: ClassVar[int] = 1
    distributions: ClassVar[tuple[str, ...]] = ("idna", "pyarrow")
    indexes_removed: ClassVar[bool] = True

    unit: UnitKind = Field(
        "line",
        description="what repeats: line (CCNet's paragraph), paragraph (lines up to a blank one), "
        "or sentences (C4's spans)",
    )
    sentences: int = Field(
        3, ge=1, le=100, description="consecutive sentences of a window (C4: 3); `unit: sentences`"
    )
    normalize: Literal["ccnet", "none"] = Field(
        "ccnet",
        description="compare lower case, digits as 0, letters, numbers and marks alone (CCNet), or "
        "the characters as they are",
    )
    min_count: int = Field(
        2, ge=2, le=100_000, description="documents of the scope that have a unit which goes"
    )
    max_copies: int = Field(
        1,
        ge=0,
        le=100_000,
        description="first documents that keep a repeated unit (CCNet, C4: 1; 0: none)",
    )
    min_characters: int = Field(
        30,
        ge=0,
        le=2**53,
        description="characters of a unit, as compared, that goes by repetition alone",
    )
    max_domain_share: float | None = Field(
        0.1,
        ge=0,
        le=1,
        description="a shorter unit goes where more than this share of its domain's documents have "
        "it; null: never",
    )
    min_characters_left: int | None = Field(
        1, ge=0, le=2**53, description="characters of a document after the edit; null: any"
    )
    max_removed_fraction: float | None = Field(
        None, ge=0, le=1, description="removed characters of a document; null: any"
    )

    def index_parameters(self) -> dict[str, Any]:
        """What decides the rows of a document; how often a unit must occur is asked later."""
        return {
            "unit": self.unit,
            "sentences": self.sentences if self.unit == "sentences" else None,
            "normalize": self.normalize,
            "min_characters": self.min_characters,
            "short_units": self._short_may_go(),
            "scope": self.scope,
        }

    def used_distributions(self) -> tuple[str, ...]:
        """Addresses are compared by other people's code."""
        return self.distributions if "url" in self.columns() else ()

    def compared_columns(self) -> tuple[str, ...]:
        """The text, and the address where short units can go."""
        return ("text", "url") if self._short_may_go() else ("text",)

    def phases(self) -> tuple[Phase, ...]:
        """Count the documents of every unit, judge, and bring what goes to its document."""
        units = Phase(
            name="units",
            emit=self._emit,
            settle=lambda rows: UnitCounter(self.min_count, self.max_copies).settle(rows),
            settled=COUNTED,
            order=self.order_fields(),
            payload=(UNIT, KIND),
            rows_per_document=_UNITS_PER_DOCUMENT[self.unit],
        )
        return (units, *later_phases(self.max_domain_share if self._short_may_go() else None))

    def verdicts(self) -> tuple[pa.Field, ...]:
        """Which units go from the document, and how many documents have each."""
        return VERDICTS

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of the edit."""
        counts = ("units", "units_removed", "characters_removed", "characters_left")
        return (
            *(pa.field(name, pa.int64()) for name in counts),
            pa.field("removed_fraction", pa.float64()),
            pa.field("characters_before", pa.int64()),
        )

    def rules(self) -> tuple[Rule, ...]:
        """On what is left."""
        left, fraction = self.min_characters_left, self.max_removed_fraction
        rules = (
            Rule("characters_left", f"{self.name}.characters_left", low=left),
            Rule("removed_fraction", f"{self.name}.removed_fraction", high=fraction),
        )
        wanted = (left is not None, fraction is not None)
        return tuple(rule for rule, on in zip(rules, wanted, strict=True) if on)

    def evidence(self) -> pa.Schema:
        """Removed units: how many documents have one, and what it says."""
        return pa.schema([pa.field("documents", pa.int64()), pa.field("text", pa.large_string())])

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The texts without their repeated units."""
        return self._edited(self._cut(batch)[0])

    def edit_with_evidence(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """`edit`, and the units that went."""
        edit, units, documents = self._cut(batch)
        return self._edited(edit), self._listed(edit, units, documents)

    def _short_may_go(self) -> bool:
        return self.max_domain_share is not None and self.min_characters > 0

    def _spec(self) -> UnitSpec:
        return UnitSpec(self.unit, self.normalize == "ccnet", self.sentences)

    def _emit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        table = unit_table(batch.column("text"), self._spec())
        document = np.repeat(np.arange(batch.num_rows), np.diff(table.first))
        short = table.characters < self.min_characters
        keys, kinds = [], []
        documents = [document[~short]]
        units = [short_hashes(table.digests[~short])]
        scopes = self.scope_digests(batch)
        keys.append(_scoped(scopes, documents[0], table.digests[~short]))
        kinds.append(OF_UNIT)
        if self._short_may_go():
            domains = domains_of(batch.column("url"))
            known = domains.is_valid().to_numpy(zero_copy_only=False)
            digests = key_bytes(text_hash_128(pc.fill_null(domains, "")))
            chosen = short & known[document]
            documents += [document[chosen], np.flatnonzero(known)]
            units += [short_hashes(table.digests[chosen]), np.zeros(int(known.sum()), np.int64)]
            keys.append(_of_domain(digests[document[chosen]], table.digests[chosen]))
            keys.append(domain_keys(digests[known]))
            kinds += [OF_SHORT_UNIT, OF_DOMAIN]
        rows = pa.array(np.concatenate(documents))
        kind = np.repeat(kinds, [len(each) for each in documents])
        columns = [
            as_keys(np.vstack(keys)),
            *(column.take(rows) for column in self.order_columns(batch)),
            batch.column("address").take(rows),
            pa.array(np.concatenate(units)),
            pa.array(kind, pa.int64()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.phases()[0].schema())

    def _cut(self, batch: pa.RecordBatch) -> tuple[UnitEdit, np.ndarray, np.ndarray]:
        """The edit, the units that were wanted, and how many documents have each."""
        lists, counts = batch.column("removed_units"), batch.column("removed_documents")
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        units = lists.flatten().to_numpy(zero_copy_only=False)
        edit = without_units(batch.column("text"), self._spec(), first, units)
        return edit, units, counts.flatten().to_numpy(zero_copy_only=False)

    def _edited(self, edit: UnitEdit) -> pa.RecordBatch:
        before, left = edit.characters_before, edit.characters_left
        removed = np.maximum(before - left, 0)
        columns = [edit.text, pa.array(edit.units), pa.array(edit.removed), pa.array(removed)]
        columns += [pa.array(left), pa.array(removed / np.maximum(before, 1)), pa.array(before)]
        schema = pa.schema([pa.field("text", pa.large_string()), *self.signals()])
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _listed(self, edit: UnitEdit, units: np.ndarray, documents: np.ndarray) -> pa.RecordBatch:
        """One row per removed unit of the batch, but those that cannot be listed for sure."""
        _, first = np.unique(units[edit.chosen], return_index=True)
        number = documents[edit.chosen][first]
        if len(first) > self.evidence_rows:
            least = np.partition(number, -self.evidence_rows)[-self.evidence_rows]
            first, number = first[number >= least], number[number >= least]
        texts = edit.examples.take(pa.array(first))
        if self.normalize == "ccnet":
            texts = normal_forms(texts)
        texts = pc.utf8_slice_codeunits(texts, 0, EVIDENCE_CHARACTERS)
        return pa.RecordBatch.from_arrays([pa.array(number), texts], schema=self.evidence())


def _scoped(scopes: np.ndarray | None, document: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Keys of units, with the scope of their documents."""
    if scopes is None:
        return digests
    return key_bytes(bytes_hash_128(np.hstack([scopes[document], digests])))


def _of_domain(domains: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Keys of short units: 64 bits of unit and domain, then 64 of the domain."""
    both = key_bytes(bytes_hash_128(np.hstack([domains, digests])))
    return np.hstack([both[:, :8], domains[:, :8]])
