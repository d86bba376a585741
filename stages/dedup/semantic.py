"""Semantic deduplication (SemDeDup, Abbas et al. 2023, arXiv 2303.09540): remove documents that say
the same in other words.

Every text becomes a vector; k-means puts vectors into clusters; within a cluster, in keeping order,
a document is removed when its cosine with a *kept* document before it reaches `threshold`. It names
the most similar one. Documents of different clusters are never compared.

Differs from the paper: its vectors come from large pre-trained models (CLIP, OPT), as those of
`encoder: {model: folder}` (`stages/dedup/embedding.py`) may. The default encoder, `lsa`, learns
from the corpus itself (`stages/dedup/latent.py`), needs no weights, and knows which words occur
together but no meaning, so the paper's results are not to be expected of it. Measured:
benchmarks/dedup/semantic.md; of 200 pairs of Wikipedia articles at cosine 0.75 and more, none said
the same of the same thing, 65 were of one series (villages, cup finals) with other names, so
`threshold` is high and a pipeline should look at `removed/` before it trusts a lower one. The
paper keeps the member farthest from the centre; here `keep` and `prefer` decide, as everywhere.

Vectors are int8 and cosines exact integers, so a decision is the same on every machine that has the
same artefact. The number of clusters follows the documents read, one per `cluster_documents`, at
most a quarter of the sample. Memory of a settling worker: `dimensions` + 40 bytes per kept document
of one cluster, of at most 262,144 (78 MB for 256 dimensions); kept documents after those are not
compared with. Time grows with documents × kept documents of their cluster: for the default of 8,192
about as long as embedding. Identical documents cost linear time.

`against` names former runs that wrote an index (`index: true`): encoder and centres are those that
the first of them learned, not learned again; their documents come first and stay, and new ones go
with them (the first `max_copies` - 1 of each former document stay; former copies are not counted).
That is what one run over both would do *with that encoder*; a run over both would learn
another one. As a corpus grows over several indexes, its clusters do too: learn again when they are
ten times as large.

Cost: a document `dimensions` + 40 bytes of exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, PrivateAttr, model_validator

from curate.errors import StageError
from curate.kernels.hashes import bytes_hash_128, key_bytes, text_hash_128
from curate.stages.base import INDEX_BIT, Determinism, Emitted, Fit, ModelFile, Phase
from curate.stages.dedup.copies import KeyRuns
from curate.stages.dedup.cosine import MOST_DIMENSIONS, KeptVectors, nearest_centres
from curate.stages.dedup.embedding import Embedding, EmbeddingFit, ModelEncoder
from curate.stages.dedup.latent import Latent, LatentFit
from curate.stages.dedup.policy import DedupExchange, cluster_numbers

MOST_KEPT = 262_144
"""Kept documents of one cluster that later ones are compared with."""
OF_LSA = frozenset({"dimensions", "bucket_bits", "word_pairs", "character_ngram", "whitening"})
"""Fields that only the encoder `lsa` has a use for."""
BLOCK_ROWS = 1_024
"""Documents compared at once."""

_CONTENT = pa.field("content", pa.binary(16), nullable=False)
_COPY = pa.field("copy", pa.int64(), nullable=False)
_KEEPER = pa.field("keeper", pa.uint64(), nullable=False)
_MEMBERS = pa.field("members", pa.int64(), nullable=False)
_CLUSTER = pa.field("cluster", pa.int64(), nullable=False)
_SIMILARITY = pa.field("similarity", pa.float64(), nullable=False)


class SemanticDedup(DedupExchange):
    """Remove documents that say what a kept document says."""

    name: ClassVar[str] = "semantic_dedup"
    version: ClassVar[int] = 1
    determinism: ClassVar[Determinism] = "platform"
    distributions: ClassVar[tuple[str, ...]] = ("numpy",)

    encoder: Literal["lsa"] | ModelEncoder = Field(
        "lsa",
        description="lsa: latent semantic indexing, learned from a sample of the documents; or "
        "{model: folder}, a transformer (pip install 'curate[embeddings]')",
    )
    threshold: float = Field(
        0.95, gt=0, lt=1, description="cosine with a kept document at which one is removed"
    )
    dimensions: int = Field(
        256, ge=2, le=MOST_DIMENSIONS, description="lsa: numbers per vector (a model has its own)"
    )
    bucket_bits: int = Field(
        17, ge=8, le=18, description="lsa: 2^bucket_bits buckets of hashed features"
    )
    word_pairs: bool = Field(False, description="lsa: features are pairs of words too")
    character_ngram: int = Field(
        0, ge=0, le=16, description="lsa: features are n-grams of so many characters; 0: none"
    )
    whitening: float = Field(
        0.5,
        ge=0,
        le=1,
        description="lsa: directions are divided by this power of their strength; 1: all alike",
    )
    sample_documents: int = Field(
        8_192, ge=1, le=1_000_000, description="documents that is learned from"
    )
    cluster_documents: int = Field(8_192, ge=1, description="documents read per cluster of k-means")
    seed: int = Field(17, ge=0, lt=2**64, description="of the sample and the first centres")

    _latent: Latent | Embedding | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        unused = sorted(OF_LSA & self.model_fields_set)
        if isinstance(self.encoder, ModelEncoder) and unused:
            raise ValueError(f"{', '.join(unused)} belong to encoder: lsa; leave them out")
        return self

    def used_determinism(self) -> Determinism:
        """That of the encoder."""
        if isinstance(self.encoder, str):
            return self.determinism
        return self.encoder.determinism()

    def used_distributions(self) -> tuple[str, ...]:
        """Those of the encoder."""
        return self.distributions if isinstance(self.encoder, str) else EmbeddingFit.distributions

    def models(self) -> tuple[ModelFile, ...]:
        """The encoder. Raises SpecError when it is missing or cannot be used."""
        if isinstance(self.encoder, str):
            return ()
        files = self.encoder.files()
        self.encoder.dimensions()
        return files

    def vector_size(self) -> int:
        """Numbers per vector."""
        return self.dimensions if isinstance(self.encoder, str) else self.encoder.dimensions()

    def fits(self) -> tuple[Fit, ...]:
        """The encoder and the centres."""
        if not isinstance(self.encoder, str):
            return (
                EmbeddingFit(
                    encoder=self.encoder,
                    sample_documents=self.sample_documents,
                    cluster_documents=self.cluster_documents,
                    seed=self.seed,
                ),
            )
        return (
            LatentFit(
                dimensions=self.dimensions,
                bucket_bits=self.bucket_bits,
                word_pairs=self.word_pairs,
                characters=self.character_ngram,
                whitening=self.whitening,
                sample_documents=self.sample_documents,
                cluster_documents=self.cluster_documents,
                seed=self.seed,
            ),
        )

    def fitted(self, artefacts: Mapping[str, bytes]) -> SemanticDedup:
        """With the artefact of its fit."""
        copy = self.model_copy()
        if isinstance(self.encoder, str):
            copy._latent = Latent.from_bytes(artefacts[LatentFit.name])
        else:
            copy._latent = Embedding.from_bytes(artefacts[EmbeddingFit.name], self.encoder)
        return copy

    def index_parameters(self) -> dict[str, Any]:
        """What decides vector and centre of a document; both come with what was learned then."""
        (fit,) = self.fits()
        learned = fit.model_dump(mode="json", exclude={"halvings", "clusters"})
        if not isinstance(self.encoder, str):
            learned["encoder"] = self.encoder.model_dump(exclude={"model", "device"})
        chosen = {"scope": self.scope, "min_characters": self.min_characters}
        return {**learned, **chosen, "fit_version": fit.version}

    def phases(self) -> tuple[Phase, Phase]:
        """Compare within clusters, then tell every member how many they are."""
        vector = pa.field("vector", pa.binary(self.vector_size()), nullable=False)
        sizes = Phase(
            name="sizes",
            emit=lambda rows: rows,
            settle=self._settle_sizes,
            settled=self.verdict_schema(),
            order=(_COPY,),
            payload=(_KEEPER, _MEMBERS, _CLUSTER, _SIMILARITY),
        )
        near = Phase(
            name="near",
            emit=self._emit,
            settle=self._settle_near,
            settled=sizes.schema(),
            order=self.order_fields(),
            payload=(vector, _CONTENT),
        )
        return near, sizes

    def _emit(self, batch: pa.RecordBatch) -> Emitted:
        if self._latent is None:
            raise StageError(f"{self.name} must learn before it compares (Stage.fitted)")
        text = batch.column("text")
        vectors = self._latent.embed(text)
        long_enough = self.compared(batch)
        known = vectors.any(axis=1)
        centres = nearest_centres(vectors, self._latent.centres)
        keys = bytes_hash_128(self._latent.centres[centres].view(np.uint8))
        columns = [
            self.scoped_keys(batch, keys),
            *self.order_columns(batch),
            batch.column("address"),
            _binary(vectors),
            text_hash_128(text),
        ]
        rows = pa.RecordBatch.from_arrays(columns, schema=self.phases()[0].schema())
        counts = {
            "too_short": int((~long_enough).sum()),
            "without_features": int((long_enough & ~known).sum()),
        }
        return Emitted(rows.filter(pa.array(long_enough & known)), counts)

    def _settle_near(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Members of every group: copies as they come, the keepers with the size at the end of a
        key.
        """
        size = self.vector_size()
        runs, cluster = KeyRuns(), _Cluster(size, self.threshold)
        schema = self.phases()[1].schema()
        for batch in batches:
            if batch.num_rows == 0:
                continue
            runs.take(batch.column("key"))
            bounds = [0, *np.flatnonzero(runs.starts), batch.num_rows]
            for run, (begin, end) in enumerate(pairwise(bounds)):
                if run > 0:
                    yield cluster.keepers(schema)
                    cluster = _Cluster(size, self.threshold)
                for start in range(int(begin), int(end), BLOCK_ROWS):
                    count = min(BLOCK_ROWS, int(end) - start)
                    yield cluster.copies(batch.slice(start, count), schema)
        yield cluster.keepers(schema)

    def _settle_sizes(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Verdicts: the first row of a key, its keeper's, holds the size."""
        runs, size = KeyRuns(), np.zeros(1, np.int64)
        for batch in batches:
            if batch.num_rows == 0:
                continue
            runs.take(batch.column("key"))
            members = batch.column("members").to_numpy(zero_copy_only=False)
            sizes = np.concatenate([size, members[runs.starts]])
            is_keeper = batch.column("copy").to_numpy(zero_copy_only=False) == 0
            keeper, similarity = batch.column("keeper"), batch.column("similarity")
            columns = [
                batch.column("address"),
                batch.column("copy"),
                batch.column("cluster"),
                pa.array(sizes[runs.index]),
                pa.array(keeper.to_numpy(zero_copy_only=False), mask=is_keeper),
                pa.array(similarity.to_numpy(zero_copy_only=False), mask=is_keeper),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=self.verdict_schema())
            size = sizes[-1:]


class _Cluster:
    """The kept documents of one key, with how many copies each has."""

    def __init__(self, dimensions: int, threshold: float) -> None:
        self._dimensions = dimensions
        self._kept = KeptVectors(dimensions, threshold, MOST_KEPT)
        self._addresses = np.empty(64, np.uint64)
        self._numbers = np.empty(64, np.int64)
        self._copies = np.zeros(64, np.int64)

    def copies(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Rows of the documents of a block that are near a kept one."""
        address = batch.column("address").to_numpy(zero_copy_only=False).astype(np.uint64)
        if former := int(np.count_nonzero(address >= np.uint64(INDEX_BIT))):
            self._hold(batch.slice(0, former), address[:former])
            batch, address = batch.slice(former), address[former:]
        vectors = _vectors(batch.column("vector"), self._dimensions)
        before = self._kept.count
        keeper, similarity, held = self._kept.place(vectors)
        self._grow(self._kept.count)
        self._addresses[before : self._kept.count] = address[held]
        contents = key_bytes(batch.column("content"))[held]
        self._numbers[before : self._kept.count] = cluster_numbers(contents)
        copy = keeper >= 0
        keeper, similarity = keeper[copy], similarity[copy]
        numbers = self._copies[keeper] + _ranks_within(keeper) + 1
        np.add.at(self._copies, keeper, 1)
        return self._rows(keeper, address[copy], numbers, np.zeros_like(keeper), similarity, schema)

    def _hold(self, batch: pa.RecordBatch, address: np.ndarray) -> None:
        """Documents of an index, which come first: all stay, whatever they resemble."""
        before = self._kept.count
        held = slice(0, self._kept.hold(_vectors(batch.column("vector"), self._dimensions)))
        self._grow(self._kept.count)
        self._addresses[before : self._kept.count] = address[held]
        contents = key_bytes(batch.column("content"))[held]
        self._numbers[before : self._kept.count] = cluster_numbers(contents)

    def keepers(self, schema: pa.Schema) -> pa.RecordBatch:
        """Rows of the kept documents that have copies."""
        keeper = np.flatnonzero(self._copies[: self._kept.count])
        none = np.zeros_like(keeper)
        addresses, members = self._addresses[keeper], self._copies[keeper] + 1
        return self._rows(keeper, addresses, none, members, np.ones(len(keeper)), schema)

    def _rows(
        self,
        keeper: np.ndarray,
        address: np.ndarray,
        copy: np.ndarray,
        members: np.ndarray,
        similarity: np.ndarray,
        schema: pa.Schema,
    ) -> pa.RecordBatch:
        kept = self._addresses[keeper]
        columns = [
            bytes_hash_128(kept.astype("<u8").view(np.uint8).reshape(-1, 8)),
            pa.array(copy, pa.int64()),
            pa.array(address, pa.uint64()),
            pa.array(kept, pa.uint64()),
            pa.array(members, pa.int64()),
            pa.array(self._numbers[keeper], pa.int64()),
            pa.array(similarity, pa.float64()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _grow(self, count: int) -> None:
        if count > len(self._addresses):
            more = 2 * count - len(self._addresses)
            self._addresses = np.concatenate([self._addresses, np.empty(more, np.uint64)])
            self._numbers = np.concatenate([self._numbers, np.empty(more, np.int64)])
            self._copies = np.concatenate([self._copies, np.zeros(more, np.int64)])


def _ranks_within(groups: np.ndarray) -> np.ndarray:
    """int64[n]: how many equal values stand before each."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(order) else order
    lengths = np.diff(np.append(starts, len(order)))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return ranks


def _binary(vectors: np.ndarray) -> pa.FixedSizeBinaryArray:
    data = pa.py_buffer(np.ascontiguousarray(vectors))
    kind = pa.binary(vectors.shape[1])
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(vectors), [None, data])


def _vectors(column: pa.FixedSizeBinaryArray, dimensions: int) -> np.ndarray:
    data = np.frombuffer(column.buffers()[1] or b"", np.int8)
    begin = column.offset * dimensions
    found: np.ndarray = data[begin : begin + len(column) * dimensions].reshape(-1, dimensions)
    return found
