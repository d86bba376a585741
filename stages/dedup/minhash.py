"""Near-duplicates by MinHash (Broder 1997; for web corpora Lee et al. 2022, FineWeb 2024): remove
documents whose shingles are mostly those of a document that stays.

A document is the set of its word n-grams. Its signature estimates Jaccard similarities; documents
whose signatures agree in all rows of a band are candidates: with similarity s they meet with
probability 1-(1-s^rows)^bands. Candidates are compared exactly (`verify`), so that a document goes
only if it reaches `jaccard` with a document that is **kept**. Documents that resemble it only
through others that go stay, marked `chained`: in a chain of edits the ends have little in common.
Without `verify`, a connected component of candidates keeps one document, as datatrove and
text-dedup do.

Documents shorter than one shingle, and empty ones, are never compared (counted: `too_short`); of
documents longer than `max_shingles` the beginning is (counted: `capped`), because endless documents
resemble everything.

Differs from others: signatures are datasketch's (scheme `affine32`) bit for bit, its optimiser
turns `threshold` into bands and rows. Words are UAX #29 words without punctuation; datatrove takes
spaCy's tokens. While verifying, pairs of neighbouring bands are buckets too: a star of edges joins
a bucket to its first document only, and close documents must meet although a looser page of their
template comes first.

`against` names former runs that wrote an index (`index: true`): their documents come first in every
bucket, are compared by their stored sets, and stay; new documents go with them.

Phases: bands, edges, verify (visits the documents of edges), components (large-star, small-star),
choose, sizes. Cost: benchmarks/dedup; nothing in memory grows with the corpus but what
`components.py` and `clusters.py` state.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curate.kernels.dictionary import DISTRIBUTION, is_installed
from curate.kernels.hashes import as_keys, key_bytes
from curate.kernels.minhash import (
    Bands,
    ShingleSpec,
    Spaces,
    Unit,
    band_keys,
    optimal_bands,
    permutations,
    shingle_sets,
)
from curate.stages.base import Emitted, Phase, Repeat
from curate.stages.dedup.clusters import cluster_phases
from curate.stages.dedup.components import IN_MEMORY_ROWS, component_phase
from curate.stages.dedup.edges import STORED, EdgePhases
from curate.stages.dedup.policy import DedupExchange


class Verify(BaseModel):
    """Candidates are compared by their full shingle sets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jaccard: float | None = Field(
        None,
        gt=0,
        le=1,
        description="similarity from which a document goes; null: `threshold`",
    )


class MinHashDedup(DedupExchange):
    """Remove documents that resemble one that is kept."""

    name: ClassVar[str] = "minhash_dedup"
    version: ClassVar[int] = 1
    distributions: ClassVar[tuple[str, ...]] = ("datasketch",)

    threshold: float = Field(
        0.75,
        gt=0,
        lt=1,
        description="Jaccard similarity of near-duplicates; datasketch's optimiser makes bands and "
        "rows of it (FineWeb: 0.72, NeMo 0.79, RedPajama 0.7 to 0.9)",
    )
    bands: int | None = Field(None, ge=1, le=4096, description="instead, with rows (FineWeb: 14)")
    rows: int | None = Field(None, ge=1, le=4096, description="values of a band (FineWeb: 8)")
    permutations: int = Field(128, ge=2, le=4096, description="values of a signature")
    false_negative_weight: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="of the optimiser: above 0.5 it prefers finding more to comparing less",
    )
    verify: Verify | None = Field(
        Verify(jaccard=None),
        description="compare candidates exactly; null: a component of candidates keeps one",
    )
    shingles: Unit = Field("words", description="what n-grams are made of: words or characters")
    ngram: int = Field(
        5, ge=1, le=1000, description="words or characters of a shingle (FineWeb: 5)"
    )
    characters_without_words: int = Field(
        12,
        ge=0,
        le=1000,
        description="characters of a shingle of a text in a script whose words nobody can tell; "
        "0: such texts stay",
    )
    case: Literal["lower", "keep"] = Field("lower", description="upper and lower case alike")
    punctuation: Literal["remove", "keep"] = Field(
        "remove", description="leave out punctuation and symbols (Unicode categories P and S)"
    )
    numbers: Literal["zero", "keep"] = Field(
        "zero", description="every run of decimal digits is one 0 (datatrove)"
    )
    accents: Literal["strip", "keep"] = Field(
        "strip", description="leave out nonspacing marks (datatrove)"
    )
    white_space: Spaces = Field(
        "collapse", description="between characters: one space per run, as it is, or none"
    )
    max_shingles: int = Field(
        100_000, ge=1, le=10_000_000, description="first shingles of a document that are compared"
    )
    hash: Literal["xxh3", "sha1"] = Field(
        "xxh3", description="of a shingle; sha1 is datasketch's default and ten times slower"
    )
    seed: int = Field(
        1, ge=0, lt=2**32, description="of datasketch's permutations (its default: 1)"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.bands is None) != (self.rows is None):
            given, missing = ("bands", "rows") if self.rows is None else ("rows", "bands")
            raise ValueError(f"{given} needs {missing} too; or give neither, only threshold")
        if self.bands is not None and self.rows is not None:
            needed = self.bands * self.rows
            if needed > self.permutations:
                raise ValueError(
                    f"{self.bands} bands × {self.rows} rows need {needed} permutations, there are "
                    f"{self.permutations}; set permutations: {needed}"
                )
        try:
            self.shape()
        except ValueError as error:
            raise ValueError(
                f"no bands fit threshold {self.threshold} with {self.permutations} permutations "
                f"({error}); set more permutations, or bands and rows"
            ) from error
        return self

    def used_distributions(self) -> tuple[str, ...]:
        """datasketch, and the dictionaries where they divide words."""
        words = self.shingles == "words" and is_installed()
        return (*self.distributions, DISTRIBUTION) if words else self.distributions

    def verdicts(self) -> tuple[pa.Field, ...]:
        """`copy`, `cluster`, `cluster_size`, and `chained` (true: stays although it resembles
        documents that do not).
        """
        return (*super().verdicts(), pa.field("chained", pa.bool_()))

    def spec(self) -> ShingleSpec:
        """What is compared."""
        return ShingleSpec(
            unit=self.shingles,
            size=self.ngram,
            characters_without_words=self.characters_without_words,
            lower_case=self.case == "lower",
            remove_punctuation=self.punctuation == "remove",
            zero_numbers=self.numbers == "zero",
            strip_accents=self.accents == "strip",
            spaces=self.white_space,
            max_shingles=self.max_shingles,
            hash=self.hash,
        )

    def shape(self) -> Bands:
        """Bands and rows, given or found."""
        wide = self.verify is not None
        if self.bands is not None and self.rows is not None:
            return Bands(self.bands, self.rows, wide)
        weight = self.false_negative_weight
        return Bands(*optimal_bands(self.threshold, self.permutations, weight), wide)

    def jaccard(self) -> float | None:
        """From which similarity a document goes; None: unverified."""
        if self.verify is None:
            return None
        return self.threshold if self.verify.jaccard is None else self.verify.jaccard

    def phases(self) -> tuple[Phase | Repeat, ...]:
        """Buckets, edges, their verification, components, choice, sizes of clusters."""
        edges = self._edges()
        return (
            *edges.phases(self._emit),
            component_phase(edges.link_schema(), IN_MEMORY_ROWS),
            *cluster_phases(
                self.order_fields(), self.verdict_schema(), verified=self.verify is not None
            ),
        )

    def stored(self) -> pa.Schema:
        """The shingle set where edges are verified, about two thirds of the text."""
        return pa.schema([STORED] if self.verify is not None else [])

    def store(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Sets of n documents."""
        if self.verify is None:
            return documents.select([])
        sets = shingle_sets(documents.column("text"), self.spec())
        return pa.RecordBatch.from_arrays([sets], schema=self.stored())

    def index_parameters(self) -> dict[str, Any]:
        """What decides the rows of a document: keys of its bands, and their order."""
        names = (
            "shingles ngram characters_without_words case punctuation numbers accents white_space"
        )
        shape = self.shape()
        chosen = {
            name: getattr(self, name)
            for name in (*names.split(), "max_shingles", "hash", "seed", "scope")
        }
        chosen["prefer"] = list(self.prefer)
        chosen["keep"] = self.keep if isinstance(self.keep, str) else self.keep.model_dump()
        chosen["min_characters"] = self.min_characters
        return {**chosen, "bands": shape.bands, "rows": shape.rows, "wide": shape.wide}

    def _edges(self) -> EdgePhases:
        return EdgePhases(self.order_fields(), self.spec(), self.shape(), self.jaccard())

    def _emit(self, batch: pa.RecordBatch) -> Emitted:
        """A row per bucket of every document that is compared."""
        compared = self.compared(batch)
        documents = batch.filter(pa.array(compared))
        shape = self.shape()
        functions = permutations(self.permutations, self.seed)
        salts = self._salts(documents)
        keys, facts = band_keys(documents.column("text"), self.spec(), functions, shape, salts)
        content = facts.content
        if salts is not None:
            content = content ^ np.ascontiguousarray(salts[:, :8]).view(np.uint64).reshape(-1)
        found = np.flatnonzero(facts.shingles > 0)
        repeated = pa.array(np.repeat(found, shape.keys))
        columns = [
            as_keys(keys[found].reshape(-1, 16)),
            *(column.take(repeated) for column in self.order_columns(documents)),
            documents.column("address").take(repeated),
            pa.array(content.view(np.int64)).take(repeated),
        ]
        rows = pa.RecordBatch.from_arrays(columns, schema=self._edges().bucket_schema())
        short = int((~compared).sum()) + documents.num_rows - len(found)
        return Emitted(rows, {"too_short": short, "capped": int(facts.capped.sum())})

    def _salts(self, documents: pa.RecordBatch) -> np.ndarray | None:
        """uint8[n, 16] of the scopes; None where all documents are compared."""
        if self.scope == "all":
            return None
        empty = np.zeros((documents.num_rows, 16), np.uint8)
        return key_bytes(self.scoped_keys(documents, empty))
