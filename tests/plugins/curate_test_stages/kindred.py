"""An exchange of every kind of phase, which edits: documents are kin when they share their first or
their last word; all kin of kin are a family; words that a member shares with its head are masked.

`meet` makes edges, a `Repeat` spreads the first member of a family, `read` visits the documents of
families, `tell` brings what it found back to them. Documents of an index are the first; an index
keeps their words. `head` columns hold ranks: addresses whose highest bit is flipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

import pyarrow as pa
import xxhash

from curate.stages.base import INDEX_BIT, VERDICT_LINKS, Emitted, ExchangeEditor, Phase, Repeat
from curate.stages.rules import Rule

SIDE = pa.field("side", pa.int64(), nullable=False)
KEY = pa.field("key", pa.binary(16), nullable=False)
ADDRESS = pa.field("address", pa.uint64(), nullable=False)
OTHER = pa.field("other", pa.uint64(), nullable=False)
HEAD = pa.field("head", pa.uint64(), nullable=False)
WORDS = pa.field("words", pa.list_(pa.string()))
EDGES = pa.schema([ADDRESS, OTHER, HEAD])
FOUND = pa.schema(
    [ADDRESS, HEAD, pa.field("place", pa.int64()), pa.field("size", pa.int64()), WORDS]
)


class Kindred(ExchangeEditor):
    """Mask the words that a document shares with the head of its family."""

    name: ClassVar[str] = "kindred"
    evidence_rows: ClassVar[int] = 7

    max_masked: int = 1_000
    weigh: str | None = None
    small_rows: int = 0
    at_most: int = 30
    fail_on: str | None = None
    die_on_visit: str | None = None
    die_on_edit: str | None = None
    index: bool = False
    against: tuple[str, ...] = ()
    tag: str = ""

    def columns(self) -> tuple[str, ...]:
        return ("text", "source", *((self.weigh,) if self.weigh else ()))

    def phases(self) -> tuple[Phase | Repeat, ...]:
        spread = [
            Phase(name, _emit_edges, _spread, EDGES, order=(HEAD, OTHER))
            for name in ("spread", "spread_back")
        ]
        return (
            Phase(
                "meet",
                self._emit_words,
                _settle_edges,
                EDGES,
                order=(SIDE,),
                rows_per_document=2,
            ),
            Repeat(tuple(spread), self.at_most, _spread_in_memory, self.small_rows),
            Phase(
                "read",
                None,
                _compare,
                FOUND,
                order=(SIDE,),
                payload=(WORDS,),
                visit=self._visit,
                visit_stored=self._visit_stored,
                row_bytes=900,
            ),
            Phase("tell", _emit_found, self._settle_verdicts, self._verdicts(), payload=FOUND_MORE),
        )

    def verdicts(self) -> tuple[pa.Field, ...]:
        return (
            pa.field("masked_words", pa.list_(pa.string())),
            pa.field("family_place", pa.int64()),
            pa.field("family_size", pa.int64()),
        )

    def index_paths(self) -> tuple[str, ...]:
        return self.against

    def writes_index(self) -> bool:
        return self.index

    def index_parameters(self) -> dict[str, str]:
        return {"tag": self.tag}

    def stored(self) -> pa.Schema:
        return pa.schema([WORDS])

    def store(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        assert documents.schema.names == ["text", "source", "address"], documents.schema
        words = [sorted(set(text.split())) for text in documents.column("text").to_pylist()]
        return pa.RecordBatch.from_arrays([pa.array(words, WORDS.type)], schema=self.stored())

    def signals(self) -> tuple[pa.Field, ...]:
        return (pa.field("masked", pa.int64()), pa.field("place", pa.int64()))

    def rules(self) -> tuple[Rule, ...]:
        return (Rule("masked", signal="kindred.masked", high=self.max_masked),)

    def evidence(self) -> pa.Schema:
        return pa.schema([pa.field("family_size", pa.int64()), pa.field("word", pa.string())])

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self.edit_with_evidence(batch)[0]

    def edit_with_evidence(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        made, listed = [], []
        for row in batch.select(["text", *(field.name for field in self.verdicts())]).to_pylist():
            words, text = set(row["masked_words"] or ()), row["text"]
            _die(self.die_on_edit, text)
            pieces = re.split(r"(\s+)", text)
            text = "".join("·" if piece in words else piece for piece in pieces)
            count = sum(piece in words for piece in pieces)
            made.append({"text": text, "masked": count, "place": row["family_place"]})
            listed += [{"family_size": row["family_size"], "word": word} for word in words]
        schema = pa.schema([pa.field("text", pa.large_string()), *self.signals()])
        return (
            pa.RecordBatch.from_pylist(made, schema=schema),
            pa.RecordBatch.from_pylist(listed, schema=self.evidence()),
        )

    def _verdicts(self) -> pa.Schema:
        return pa.schema([pa.field("address", pa.uint64()), *self.verdicts(), *VERDICT_LINKS])

    def _emit_words(self, batch: pa.RecordBatch) -> Emitted:
        schema = self.phases()[0].schema()  # type: ignore[union-attr]
        rows, short = [], 0
        for row in batch.to_pylist():
            words = row["text"].split()
            short += len(words) < 2
            if len(words) >= 2 and (self.weigh is None or row[self.weigh] > 0):
                for place, word in (("first", words[0]), ("last", words[-1])):
                    made = {"key": _key(f"{place} {word}"), "address": row["address"]}
                    rows.append({"side": 0, **made})
        return Emitted(pa.RecordBatch.from_pylist(rows, schema=schema), {"too_short": short})

    def _visit(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> Emitted:
        assert documents.schema.names == ["text", "source", "address"], documents.schema
        addresses = documents.column("address").to_pylist()
        assert addresses == sorted(addresses)
        known = rows.to_pylist()
        assert known == sorted(known, key=lambda row: (row["address"], row["other"], row["head"]))
        head = {row["address"]: row["head"] for row in known}
        assert set(head) == set(addresses), "documents that have a row, and their rows"
        for text in documents.column("text").to_pylist():
            if self.fail_on is not None and self.fail_on in text:
                raise ValueError("as asked, on a visit")
            _die(self.die_on_visit, text)
        return Emitted(self._read(addresses, self.store(documents), head), {"visited": len(head)})

    def _visit_stored(self, documents: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
        assert documents.schema.names == ["words", "address"], documents.schema
        head = {row["address"]: row["head"] for row in rows.to_pylist()}
        return self._read(documents.column("address").to_pylist(), documents, head)

    def _read(
        self, addresses: list[int], words: pa.RecordBatch, head: Mapping[int, int]
    ) -> pa.RecordBatch:
        made = [
            {
                "key": head[address].to_bytes(16, "big"),
                "side": -1 if address & INDEX_BIT else 0,
                "address": address,
                "words": own,
            }
            for address, own in zip(addresses, words.column("words").to_pylist(), strict=True)
        ]
        schema = self.phases()[2].schema()  # type: ignore[union-attr]
        return pa.RecordBatch.from_pylist(made, schema=schema)

    def _settle_verdicts(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                {
                    "address": row["address"],
                    "masked_words": row["words"],
                    "family_place": row["place"],
                    "family_size": row["size"],
                    "representative": None if row["place"] == 0 else row["head"],
                    "similarity": None,
                }
                for row in batch.to_pylist()
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=self._verdicts())


FOUND_MORE = tuple(list(FOUND)[1:])


def _key(text: str) -> bytes:
    return xxhash.xxh3_128(text.encode("utf-8", "surrogatepass")).digest()


def _die(mark: str | None, text: str) -> None:
    if mark is not None and mark in text:
        os._exit(3)


def _rank(address: int) -> int:
    return address ^ INDEX_BIT


def _edge(address: int, other: int, head: int) -> dict[str, int]:
    return {"address": address, "other": other, "head": head}


def _settle_edges(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Edges between the first document of a key and all others, in both directions."""
    key, first = b"", 0
    for batch in batches:
        made = []
        for row in batch.to_pylist():
            if row["key"] != key:
                key, first = row["key"], row["address"]
            elif row["address"] != first:
                made += [
                    _edge(row["address"], first, _rank(first)),
                    _edge(first, row["address"], _rank(row["address"])),
                ]
        yield pa.RecordBatch.from_pylist(made, schema=EDGES)


def _emit_edges(batch: pa.RecordBatch) -> Emitted:
    rows = [{"key": row["address"].to_bytes(16, "little"), **row} for row in batch.to_pylist()]
    schema = pa.schema([KEY, HEAD, OTHER, ADDRESS])
    return Emitted(pa.RecordBatch.from_pylist(rows, schema=schema), {"edges": len(rows)})


def _spread(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Every document tells its neighbours the smallest address it knows of."""
    key, head = b"", 0
    for batch in batches:
        made = []
        for row in batch.to_pylist():
            if row["key"] != key:
                key, head = row["key"], min(row["head"], _rank(row["address"]))
            made.append(_edge(row["other"], row["address"], head))
        yield pa.RecordBatch.from_pylist(made, schema=EDGES)


def _spread_in_memory(table: pa.Table) -> pa.Table:
    edges = table.to_pylist()
    head: dict[int, int] = {_rank(edge["address"]): _rank(edge["address"]) for edge in edges}

    def top(rank: int) -> int:
        while head[rank] != rank:
            rank = head[rank]
        return rank

    for edge in edges:
        one, two = top(_rank(edge["address"])), top(_rank(edge["other"]))
        head[max(one, two)] = min(one, two)
    rows = [_edge(edge["address"], edge["other"], top(_rank(edge["address"]))) for edge in edges]
    return pa.Table.from_pylist(rows, schema=EDGES)


def _compare(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Words shared with the head, which comes first: it has the smallest address."""
    state: tuple[bytes, int, frozenset[str], int] = (b"", 0, frozenset(), 0)
    for batch in batches:
        made = []
        for row in batch.to_pylist():
            if row["key"] != state[0]:
                state = (row["key"], row["address"], frozenset(row["words"]), 0)
            key, head, words, place = state
            shared = [] if place == 0 else sorted(words & set(row["words"]))
            made.append(_found(row["address"], head, place, shared))
            state = (key, head, words, place + 1)
        yield pa.RecordBatch.from_pylist(made, schema=FOUND)


def _found(address: int, head: int, place: int, words: list[str]) -> Mapping[str, object]:
    return {"address": address, "head": head, "place": place, "size": len(words), "words": words}


def _emit_found(batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = [{"key": row["address"].to_bytes(16, "little"), **row} for row in batch.to_pylist()]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema([KEY, ADDRESS, *FOUND_MORE]))
