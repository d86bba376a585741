"""Exact substring deduplication (EXACTSUBSTR; Lee et al. 2022, arXiv 2107.06499, section 4.1).

**What is removed.** A *window* is `min_bytes` bytes in a row within one document (or `min_tokens`
token ids). Occurrences of one window content are read in keeping order (the document's, then the
place). The first is a *copy*; an occurrence that begins inside the copy before it, in the same
document, is part of that copy; every other one is a further copy. A byte is removed when a window
that covers it belongs to a copy after the first `max_copies`. Since every part of a repeated
substring of that length or longer is such a window, this removes exactly the substrings of at least
`min_bytes` that occur before. With `keep_first: false` all occurrences of a content with more than
`max_copies` copies are removed, as in the paper. Then spans at most `merge_gap_bytes` apart become
one, and a character that is only in part inside a span stays.

What is left holds no window twice, except across a cut: a second pass can find only windows that
begin before a cut and end behind it.

**How.** Equal windows choose equal anchors (k-grams, `kernels/substrings.py`).
1. *anchors*: one row per anchor of a document; keys that occur once are dropped.
2. *fragments*: documents with repeated anchors are visited. Windows side by side with one anchor
   make a fragment, keyed by its core: the text that all windows at these distances from an anchor
   have in common. Equal fragments hold equal windows, which settles them. A core with different
   fragments sends the first copies of each to
3. *windows*: which are compared one by one.
4. *documents*: the spans of each document come together.
Every phase is one forward pass with a few bytes of state, at most 2 × `max_copies` × `min_bytes`
places. A document has one row per different anchor, fragment or window: a text of one repeated byte
has one, and no text has more than one per byte.

Different from the paper: the first copy stays; 220 bytes are about 50 tokens of English (the
paper's length threshold of 100 bytes is 50 token ids of two bytes); no suffix array is built, since
it takes 13 times the text in memory, is slower, and sees one partition only (`docs/decisions.md`,
`benchmarks/dedup`). Windows are compared by 128-bit hashes (XXH3), fragments with one core by 64
bits: g of them share a hash with probability g² / 2^65, 3 × 10^-8 for a million.

`against` names former runs that wrote an index (`index: true`): the anchors and texts of all
documents that reached this stage there. Their copies of a passage come first, so a new document
loses what it would lose in one run over old and new documents. The texts are read where an anchor
of theirs occurs in a new document.

Cost: 0.02 rows of 24 bytes per byte of text, and as many again of 60 bytes per byte of text that
stands in repeated passages; the text is read three times, or once where nothing repeats. An index
takes 1.5 times the bytes of the texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from curate.kernels.hashes import key_bytes
from curate.kernels.substrings import (
    CUT_COUNTS,
    SPANS,
    RepeatRows,
    WindowShape,
    anchor_rows,
    cut_spans,
    fragment_rows,
    settle_repeats,
    window_rows,
)
from curate.kernels.text_buffers import TextBuffers, text_buffers
from curate.stages.base import INDEX_BIT, Emitted, ExchangeEditor, ModelFile, Phase
from curate.stages.dedup.policy import SIDE, Best, DedupExchange
from curate.stages.dedup.substring_rows import (
    MARKS,
    PAIRS,
    SPAN_ORDER,
    document_keys,
    merged_spans,
    repeated_marks,
    spans_by_document,
)
from curate.stages.dedup.substring_units import byte_spans, token_units, tokenizer_file
from curate.stages.rules import Rule
from curate.storage.schema import DOCUMENT_COLUMNS

FRAGMENT = pa.field("fragment", pa.int64(), nullable=False)
PAYLOAD = (pa.field("windows", pa.uint32(), nullable=False), pa.field("places", PAIRS))
EVIDENCE = pa.schema(
    [
        pa.field("documents", pa.int64()),
        pa.field("characters", pa.int64()),
        pa.field("text", pa.large_string()),
        pa.field("first_document", pa.string()),
    ]
)
SEED = pa.field("seed", pa.uint64(), nullable=False)
STORED = pa.schema([pa.field("text", pa.large_string(), nullable=False), SEED])
"""What an index keeps of a document."""
EVIDENCE_CHARACTERS = 1_000
"""Of a removed span, shown in the list."""
USUAL_DOCUMENT_BYTES = 4_096
BELOW_ONE = math.nextafter(1.0, 0.0)


class SubstringDedup(DedupExchange, ExchangeEditor):
    """Remove long passages that occurred before, to the byte."""

    name: ClassVar[str] = "substring_dedup"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("text",)
    distributions: ClassVar[tuple[str, ...]] = ("pyarrow",)
    indexes_removed: ClassVar[bool] = True

    min_bytes: int = Field(
        220,
        ge=16,
        le=65_536,
        description="shortest repeated passage that is removed (Lee et al.: 50 tokens, about 220 "
        "bytes of English)",
    )
    tokenizer: str | None = Field(
        default=None,
        description="path of a tokenizer.json: count its tokens instead of bytes (about 2 MB/s)",
    )
    min_tokens: int = Field(
        50, ge=4, le=65_536, description="shortest repeated passage with `tokenizer` (Lee et al.)"
    )
    keep_first: bool = Field(
        default=True,
        description="the first `max_copies` of a passage stay; false: none stays (Lee et al.)",
    )
    max_copies: int = Field(
        1, ge=1, le=1_000, description="copies of a passage that stay (usual: 1)"
    )
    merge_gap_bytes: int = Field(
        0,
        ge=0,
        le=65_536,
        description="cuts at most this far apart become one, with what lies between (0: none)",
    )
    max_removed_fraction: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest removed part of a document's characters; null: only documents of "
        "which nothing is left go",
    )

    @field_validator("scope")
    @classmethod
    def _scope_is_of_the_document(cls, scope: str) -> str:
        known = ("all", "domain", *sorted(DOCUMENT_COLUMNS))
        if scope not in known:
            raise ValueError(
                f"{scope!r} is no column of a document, and this stage reads documents again, "
                f"without their signals; use one of {', '.join(known)}"
            )
        return scope

    def used_distributions(self) -> tuple[str, ...]:
        """`tokenizers` only where it counts."""
        return self.distributions if self.tokenizer is None else (*self.distributions, "tokenizers")

    def models(self) -> tuple[ModelFile, ...]:
        """The tokenizer. Raises SpecError when it cannot be read."""
        return () if self.tokenizer is None else (tokenizer_file(self.tokenizer),)

    def phases(self) -> tuple[Phase, ...]:
        """Anchors, fragments, windows, documents."""
        order, carried = self.order_fields(), self._carried()
        shape = self._shape()
        anchors = 2 * USUAL_DOCUMENT_BYTES // ((shape.window - shape.gram + 2) * shape.unit_bytes)
        return (
            Phase(
                name="anchors",
                emit=self._emit_anchors,
                settle=repeated_marks,
                settled=pa.schema([*MARKS, *carried]),
                payload=carried,
                rows_per_document=max(anchors, 1),
            ),
            Phase(
                name="fragments",
                emit=None,
                visit=self._visit_fragments,
                visit_stored=self._visit_fragments,
                settle=self._settle_fragments,
                settled=pa.schema([*SPANS, *carried]),
                order=(FRAGMENT, *order),
                payload=PAYLOAD,
                row_bytes=48,
            ),
            Phase(
                name="windows",
                emit=None,
                visit=self._visit_windows,
                visit_stored=self._visit_windows,
                settle=self._settle_windows,
                settled=SPANS,
                order=order,
                payload=PAYLOAD,
                row_bytes=40,
            ),
            Phase(
                name="documents",
                emit=_emit_documents,
                settle=self._settle_documents,
                settled=self.verdict_schema(),
                order=SPAN_ORDER,
                combine=merged_spans,
            ),
        )

    def index_parameters(self) -> dict[str, Any]:
        """What decides the anchors of a document; how often a passage must occur is asked later."""
        shape = self._shape()
        return {
            "unit_bytes": shape.unit_bytes,
            "window": shape.window,
            "min_characters": self.min_characters,
            "scope": self.scope,
        }

    def stored(self) -> pa.Schema:
        """The text, and its scope as a seed of its anchors."""
        return STORED

    def store(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """As they come."""
        text = documents.column("text").cast(pa.large_string())
        columns = [text, pa.array(self._scope_seeds(documents))]
        return pa.RecordBatch.from_arrays(columns, schema=STORED)

    def verdicts(self) -> tuple[pa.Field, ...]:
        """Units removed (begin and end in turn); units that occur in several documents (begin, end,
        number of documents in turn), at their first copy.
        """
        return (pa.field("spans", PAIRS), pa.field("frequent", PAIRS))

    def signals(self) -> tuple[pa.Field, ...]:
        """cuts, removed_characters, characters_before, removed_fraction."""
        return (*CUT_COUNTS, pa.field("removed_fraction", pa.float64(), nullable=False))

    def rules(self) -> tuple[Rule, ...]:
        """A document of which nothing is left goes; so does one that lost too much, if asked."""
        signal = f"{self.name}.removed_fraction"
        rules = [Rule("emptied", signal=signal, high=BELOW_ONE)]
        if self.max_removed_fraction is not None:
            rules.append(Rule("removed_fraction", signal=signal, high=self.max_removed_fraction))
        return tuple(rules)

    def evidence(self) -> pa.Schema:
        """The passages found in most documents (whole fragments: a few bytes at their ends may
        lack), as they stand in the first one.
        """
        return EVIDENCE

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Cut the column `spans` out of `text`."""
        text = batch.column("text").cast(pa.large_string())
        cut = cut_spans(text, self._in_bytes(text, batch.column("spans"), 2), self.merge_gap_bytes)
        removed, before = (
            cut.column(name).to_numpy().astype(np.float64)
            for name in ("removed_characters", "characters_before")
        )
        fraction = np.divide(removed, before, out=np.zeros(len(before)), where=before > 0)
        return cut.append_column(self.signals()[-1], pa.array(fraction))

    def edit_with_evidence(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """`edit`, and the most frequent passages whose first copy is in the batch."""
        text = batch.column("text").cast(pa.large_string())
        frequent = self._in_bytes(text, batch.column("frequent"), 3)
        lengths = pc.fill_null(pc.list_value_length(frequent), 0).to_numpy(zero_copy_only=False)
        document = np.repeat(np.arange(len(text)), lengths // 3)
        spans = pc.list_flatten(frequent).to_numpy(zero_copy_only=False).reshape(-1, 3)
        most = np.argsort(-spans[:, 2].astype(np.int64), kind="stable")[: self.evidence_rows]
        rows = [
            (int(spans[index, 2]), *_passage(text[int(document[index])], spans[index]))
            for index in most
        ]
        columns = [
            pa.array([row[place] for row in rows], field.type)
            for place, field in enumerate(list(EVIDENCE)[:3])
        ]
        ids = batch.column("id").take(pa.array(document[most])).cast(pa.string())
        return self.edit(batch), pa.RecordBatch.from_arrays([*columns, ids], schema=EVIDENCE)

    def _carried(self) -> tuple[pa.Field, ...]:
        """The order column that comes from a signal: visits see document columns only, so that rows
        carry it. It is the last one.
        """
        return self.order_fields()[-1:] if isinstance(self.keep, Best) else ()

    def _without_signal(self) -> SubstringDedup:
        return self.model_copy(update={"keep": "first"}) if self._carried() else self

    def _shape(self) -> WindowShape:
        unit_bytes, window = (1, self.min_bytes) if self.tokenizer is None else (4, self.min_tokens)
        told_apart = self.max_copies + (0 if self.keep_first else 1)
        return WindowShape(unit_bytes, window, window // 2, max(window // 8, 1), told_apart)

    def _units(self, text: pa.Array) -> TextBuffers:
        text = text.cast(pa.large_string())
        return text_buffers(text) if self.tokenizer is None else token_units(text, self.models()[0])

    def _in_bytes(
        self, text: pa.LargeStringArray, spans: pa.ListArray, per_span: int
    ) -> pa.ListArray:
        if self.tokenizer is None:
            return spans
        return byte_spans(text, spans, per_span, self.models()[0])

    def _seeds(self, batch: pa.RecordBatch) -> np.ndarray:
        """uint64 per document: its scope."""
        if SEED.name not in batch.schema.names:
            return self._scope_seeds(batch)
        seeds: np.ndarray = batch.column(SEED.name).to_numpy(zero_copy_only=False)
        return seeds

    def _scope_seeds(self, batch: pa.RecordBatch) -> np.ndarray:
        if self.scope == "all":
            return np.zeros(batch.num_rows, np.uint64)
        scopes = key_bytes(self.scoped_keys(batch, np.zeros((batch.num_rows, 16), np.uint8)))
        seeds = np.ascontiguousarray(scopes[:, :8]).reshape(-1).view("<u8")
        return seeds.astype(np.uint64)

    def _emit_anchors(self, batch: pa.RecordBatch) -> Emitted:
        compared = self.compared(batch)
        batch = batch.filter(pa.array(compared))
        units = self._units(batch.column("text"))
        document, keys = anchor_rows(units, self._shape(), self._seeds(batch))
        carried = self.order_columns(batch)[-1:] if self._carried() else []
        columns = [each.take(pa.array(document)) for each in (batch.column("address"), *carried)]
        rows = pa.RecordBatch.from_arrays([keys, *columns], schema=self.phases()[0].schema())
        return Emitted(rows, {"too_short": int(np.count_nonzero(~compared))})

    def _visit_fragments(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
        marks = rows.column("mark").to_numpy(zero_copy_only=False)
        units = self._units(documents.column("text"))
        starts = _starts(documents, rows)
        seeds = self._seeds(documents)
        found = fragment_rows(units, self._shape(), seeds, starts, marks)
        return self._keyed(1, documents, rows.take(pa.array(starts[:-1])), found)

    def _settle_fragments(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return self._settle(batches, compare=True, carried=next(iter(self._carried()), None))

    def _visit_windows(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
        units = self._units(documents.column("text"))
        starts = _starts(documents, rows)
        found = window_rows(units, self._shape(), self._seeds(documents), starts, rows)
        return self._keyed(2, documents, rows.take(pa.array(starts[:-1])), found)

    def _settle_windows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return self._settle(batches, compare=False, carried=None)

    def _settle(
        self, batches: Iterator[pa.RecordBatch], *, compare: bool, carried: pa.Field | None
    ) -> Iterator[pa.RecordBatch]:
        return settle_repeats(
            batches,
            window=self._shape().window,
            copies=self.max_copies,
            keep_first=self.keep_first,
            compare=compare,
            carried=carried,
        )

    def _keyed(
        self, phase: int, documents: pa.RecordBatch, carrying: pa.RecordBatch, found: RepeatRows
    ) -> pa.RecordBatch:
        """Rows of a phase. carrying: a row of the phase before for every document."""
        take = pa.array(found.document)
        order = self._order_visited(documents)
        order += [carrying.column(field.name) for field in self._carried()]
        order = [column.take(take) for column in order]
        fragment = [pa.array(found.fragment)] if phase == 1 else []
        address = documents.column("address").take(take)
        columns = [found.keys, *fragment, *order, address, pa.array(found.windows), found.places]
        return pa.RecordBatch.from_arrays(columns, schema=self.phases()[phase].schema())

    def _order_visited(self, documents: pa.RecordBatch) -> list[pa.Array]:
        """Order columns but the one from a signal. Documents of an index come first; among
        themselves in any order, because none of them is cut.
        """
        if SEED.name not in documents.schema.names:
            return self._without_signal().order_columns(documents)
        fields = self._without_signal().order_fields()
        zeros = np.zeros(documents.num_rows, np.int64)
        return [
            pa.array(zeros - 1 if field == SIDE else zeros).cast(field.type) for field in fields
        ]

    def _settle_documents(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for address, spans, frequent in spans_by_document(batches):
            none = pa.nulls(len(address), pa.uint64()), pa.nulls(len(address), pa.float64())
            columns = [address, spans, frequent, *none]
            yield pa.RecordBatch.from_arrays(columns, schema=self.verdict_schema())


def _emit_documents(spans: pa.RecordBatch) -> pa.RecordBatch:
    """A row per span, keyed by its document; documents of an index are not cut."""
    spans = spans.filter(pc.less(spans.column("address"), pa.scalar(INDEX_BIT, pa.uint64())))
    address = spans.column("address")
    columns = [document_keys(address.to_numpy()), *(spans.column(f.name) for f in SPAN_ORDER)]
    fields = [pa.field("key", pa.binary(16), nullable=False), *SPAN_ORDER]
    schema = pa.schema([*fields, pa.field("address", pa.uint64(), nullable=False)])
    return pa.RecordBatch.from_arrays([*columns, address], schema=schema)


def _starts(documents: pa.RecordBatch, rows: pa.RecordBatch) -> np.ndarray:
    """int64[n + 1]: rows before each document; both are sorted by address."""
    wanted = documents.column("address").to_numpy(zero_copy_only=False)
    address = rows.column("address").to_numpy(zero_copy_only=False)
    return np.append(np.searchsorted(address, wanted), len(address)).astype(np.int64)


def _passage(text: pa.LargeStringScalar, span: np.ndarray) -> tuple[int, str]:
    """Characters of a span, and its beginning; parts of characters at the ends are left out."""
    passage = text.as_buffer().to_pybytes()[span[0] : span[1]].decode(errors="ignore")
    return len(passage), passage[:EVIDENCE_CHARACTERS]
