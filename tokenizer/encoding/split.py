"""The split of a document: a draw on its key, so it never depends on order, shards or workers.

The key is the document's id, or the id of its duplicate cluster where the chain found clusters, so
that near-duplicates never stand on both sides. Draws below the fraction of the validation split go
there, the next ones to the test split: a larger test split never moves a document between the other
two. A source may have fractions of its own; documents of a cluster keep the common ones, because
their cluster may reach into a source with others. The draw is compared as an integer; no float
decides. Cost: one 64-bit hash per document.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.draw import Purpose, draw_many, selected

if TYPE_CHECKING:
    from curate.tokenizer.config import PackConfig

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)
"""All there can be; `Splitting.splits` names those of a run."""


def split_of(
    keys: pa.Array, seed: int, validation_fraction: float, test_fraction: float = 0.0
) -> pa.Array:
    """The split of each document: n keys (string, no nulls) in, n strings `train`, `validation` or
    `test` out.

    Raises ValueError for nulls, a seed outside 64 bits or fractions outside 0 to 1.
    """
    draws = draw_many(seed, Purpose.SPLIT, keys)
    held_out = selected(draws, Fraction(validation_fraction) + Fraction(test_fraction))
    validation = selected(draws, validation_fraction)
    numbers = np.where(validation, 1, np.where(held_out, 2, 0)).astype(np.int8)
    return pa.DictionaryArray.from_arrays(numbers, list(SPLITS)).cast(pa.string())


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Shares of documents kept from training."""

    validation: float = 0.0
    test: float = 0.0


@dataclass(frozen=True)
class Splitting:
    """How documents are split. cluster: the column with a document's cluster, null without copies;
    None where no stage finds clusters. sources: shares of sources that have their own.
    """

    common: HeldOut = HeldOut()
    sources: tuple[tuple[str, HeldOut], ...] = ()
    cluster: str | None = None

    @classmethod
    def of(cls, pack: PackConfig | None, cluster: str | None) -> Splitting:
        """From the `pack:` section; without one everything is trained on."""
        if pack is None:
            return cls(cluster=cluster)
        common = HeldOut(pack.validation_fraction, pack.test_fraction)
        own = tuple(
            (
                source,
                HeldOut(
                    _first(shares.validation_fraction, common.validation),
                    _first(shares.test_fraction, common.test),
                ),
            )
            for source, shares in pack.split_by_source.items()
        )
        return cls(common, own, cluster)

    @property
    def splits(self) -> tuple[str, ...]:
        """Train and validation always; test where some source has one."""
        some = any(shares.test > 0 for shares in (self.common, *(own for _, own in self.sources)))
        return SPLITS if some else SPLITS[:2]

    def ingredients(self) -> dict[str, Any]:
        """What decides the split, for fingerprints."""
        return {
            "validation_fraction": self.common.validation,
            "test_fraction": self.common.test,
            "sources": {name: [own.validation, own.test] for name, own in self.sources},
        }

    def columns(self) -> tuple[str, ...]:
        """What `split` needs beside the id."""
        return () if self.cluster is None else (self.cluster,)

    def split(self, batch: pa.RecordBatch, source: str, seed: int) -> pa.Array:
        """The split of every document of a batch of one source: strings, as `split_of` gives
        them.
        """
        ids = batch.column("id").cast(pa.string())
        own = dict(self.sources).get(source, self.common)
        if self.cluster is None:
            return split_of(ids, seed, own.validation, own.test)
        clusters = batch.column(self.cluster).cast(pa.string())
        common = split_of(
            pc.coalesce(clusters, ids), seed, self.common.validation, self.common.test
        )
        if own == self.common:
            return common
        alone = split_of(ids, seed, own.validation, own.test)
        return pc.if_else(pc.is_valid(clusters), common, alone)


def _first(own: float | None, common: float) -> float:
    return common if own is None else own
