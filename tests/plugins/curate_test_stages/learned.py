"""Stages that learn: a filter whose annotator knows the corpus's common letters, and an exchange
whose key is a document's length beside the mean of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import PrivateAttr

from curate.stages.base import VERDICT_LINKS, Annotator, Exchange, Filter, Fit, Phase
from curate.stages.rules import Rule

POISON = "quarantine this one"


class LetterCounts(Fit):
    """How often every byte occurs; learns the most frequent ones."""

    name: ClassVar[str] = "letters"

    common: int = 20
    documents: int = 0

    def max_state_bytes(self) -> int:
        return 256 * 8

    def state(self) -> pa.Schema:
        return pa.schema([pa.field("count", pa.int64())])

    def partial(self, batch: pa.RecordBatch) -> pa.Table:
        texts = batch.column("text").to_pylist()
        if any(POISON in text for text in texts):
            raise ValueError("a text that cannot be counted")
        joined = np.frombuffer("".join(texts).encode(), np.uint8)
        return pa.table([np.bincount(joined, minlength=256).astype(np.int64)], self.state())

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        total = np.zeros(256, np.int64)
        for state in states:
            total += state.column("count").to_numpy()
        return pa.table([total], self.state())

    def finish(self, state: pa.Table) -> bytes:
        counts = state.column("count").to_pylist()
        order = sorted(range(256), key=lambda byte: (-counts[byte], byte))
        learned = {
            "common": order[: self.common],
            "documents": self.documents,
            "bytes": sum(counts),
        }
        return orjson.dumps(learned)

    def sized(self, documents: int) -> LetterCounts:
        return self.model_copy(update={"documents": documents})


class CommonLetters(Annotator):
    """Share of a text's bytes that are common in the corpus."""

    name: ClassVar[str] = "letters"

    common: int = 20
    _learned: frozenset[int] = PrivateAttr(default=frozenset())

    def fits(self) -> tuple[Fit, ...]:
        return (LetterCounts(common=self.common),)

    def fitted(self, artefacts: Mapping[str, bytes]) -> CommonLetters:
        copy = self.model_copy()
        copy._learned = frozenset(orjson.loads(artefacts["letters"])["common"])
        return copy

    def signals(self) -> tuple[pa.Field, ...]:
        return (pa.field("common", pa.float64()),)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self._learned:
            raise ValueError("it has not learned")
        shares = []
        for text in batch.column("text").to_pylist():
            data = text.encode()
            shares.append(sum(byte in self._learned for byte in data) / max(1, len(data)))
        return pa.RecordBatch.from_arrays([pa.array(shares, pa.float64())], names=["common"])


class UncommonLetters(Filter):
    """Remove documents of uncommon letters."""

    name: ClassVar[str] = "uncommon_letters"

    min_common: float = 0.9
    common: int = 20

    def annotators(self) -> tuple[Annotator, ...]:
        return (CommonLetters(common=self.common),)

    def rules(self) -> tuple[Rule, ...]:
        return (Rule("common", signal="letters.common", low=self.min_common),)


class MeanLength(Fit):
    """The mean length of all texts, in bytes."""

    name: ClassVar[str] = "length"

    def max_state_bytes(self) -> int:
        return 16

    def state(self) -> pa.Schema:
        return pa.schema([pa.field("bytes", pa.int64()), pa.field("documents", pa.int64())])

    def partial(self, batch: pa.RecordBatch) -> pa.Table:
        size = pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
        return pa.table([[size], [batch.num_rows]], schema=self.state())

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        sums = [
            sum(pc.sum(state.column(name)).as_py() or 0 for state in states)
            for name in self.state().names
        ]
        return pa.table([[number] for number in sums], schema=self.state())

    def finish(self, state: pa.Table) -> bytes:
        (row,) = state.to_pylist()
        return str(row["bytes"] // max(1, row["documents"])).encode()


class OnePerLength(Exchange):
    """Keep the first document of every length, counted in tenths of the mean."""

    name: ClassVar[str] = "one_per_length"

    steps: int = 10
    _mean: int = PrivateAttr(default=0)

    def fits(self) -> tuple[Fit, ...]:
        return (MeanLength(),)

    def fitted(self, artefacts: Mapping[str, bytes]) -> OnePerLength:
        copy = self.model_copy()
        copy._mean = int(artefacts["length"])
        return copy

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("length", self._emit, self._settle, self._settled()),)

    def verdicts(self) -> tuple[pa.Field, ...]:
        return (pa.field("copy", pa.int64()),)

    def rules(self) -> tuple[Rule, ...]:
        return (Rule("same_length", signal="one_per_length.copy", high=0, missing="keep"),)

    def _settled(self) -> pa.Schema:
        return pa.schema([pa.field("address", pa.uint64()), *self.verdicts(), *VERDICT_LINKS])

    def _emit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        lengths = pc.binary_length(batch.column("text")).to_pylist()
        keys = [
            xxhash.xxh3_128_digest(b"%d" % (length * self.steps // self._mean))
            for length in lengths
        ]
        columns = [pa.array(keys, pa.binary(16)), batch.column("address")]
        return pa.RecordBatch.from_arrays(columns, schema=self.phases()[0].schema())

    def _settle(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        last, keeper = b"", 0
        for batch in batches:
            rows = []
            for key, address in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if key != last:
                    last, keeper = key, address
                else:
                    rows.append((address, 1, keeper, 1.0))
            names = self._settled().names
            made = [dict(zip(names, row, strict=True)) for row in rows]
            yield pa.RecordBatch.from_pylist(made, schema=self._settled())
