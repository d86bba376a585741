"""Latent semantic indexing (Deerwester et al. 1990) without a vocabulary: the encoder that needs no
model weights.

Learned from a sample of the documents: a text is a bag of hashed words, word pairs and character
n-grams (`kernels/hashed_features.py`), weighted by (1 + ln count) × (ln((1 + n) / (1 + df)) + 1),
of length one; a truncated SVD of these bags gives `dimensions` directions; centres of clusters come
from k-means over the sample's vectors. The sample is the `sample_documents` texts with the smallest
draws, so it does not depend on how the corpus is cut or ordered, and equal texts enter once.

What is learned is rounded to integers: from then on, vectors and cosines are the same on every
machine. The learning itself is floating point in one thread, hence `determinism` `platform`.

Cost: learning, measured on 8,192 documents of 1.9 kB: see benchmarks/dedup/semantic.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from scipy.cluster.vq import kmeans2
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from curate.kernels.draw import DRAWS, Purpose, draw_many
from curate.kernels.hashed_features import (
    FeatureSpec,
    Projection,
    embedded_features,
    hashed_features,
)
from curate.stages.base import Fit
from curate.stages.dedup.cosine import unit_rows

SAMPLE_CHARACTERS = 4_096
"""Of a text that the sample keeps; bounds its bytes."""
SAMPLE_SHARE = 16
"""A document enters the draw with probability at least 16 × sample / documents read, so the sample
is full as long as a sixteenth of them reach the stage; shards stay small.
"""
SAMPLE_PER_CLUSTER = 4
"""Fewest sample documents behind a centre."""
COUNT_WEIGHT = 256
"""Fixed point of the weights of counts; the last count that has one of its own is 255."""
DENSE_DOCUMENTS = 4
"""Samples below this many documents per dimension are decomposed by their Gram matrix."""
KMEANS_ITERATIONS = 20
BLOCK_BUCKETS = 1 << 14
"""Buckets whose directions are computed at once; bounds the memory of learning."""
TINY = 1e-300
"""In the place of zero below a fraction line."""


@dataclass(frozen=True)
class Latent:
    """What was learned. centres: int8, clusters × dimensions."""

    spec: FeatureSpec
    projection: Projection
    centres: np.ndarray

    def embed(self, text: pa.LargeStringArray) -> np.ndarray:
        """int8[n, dimensions]; zeros for a text without a known feature."""
        return embedded_features(text, self.spec, self.projection)

    def to_bytes(self) -> bytes:
        """One line of JSON, then the arrays."""
        shape = {"spec": list(self.spec), "dimensions": self.centres.shape[1]}
        shape |= {"clusters": len(self.centres), "counts": len(self.projection.count_weights)}
        arrays = (self.projection.weights, self.projection.count_weights, self.projection.table)
        parts = [orjson.dumps(shape) + b"\n", *(each.tobytes() for each in arrays)]
        return b"".join([*parts, self.centres.tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes) -> Latent:
        """What `to_bytes` made."""
        head, _, body = data.partition(b"\n")
        shape = orjson.loads(head)
        spec = FeatureSpec(*shape["spec"])
        buckets, dimensions = 1 << spec.bucket_bits, shape["dimensions"]
        sizes = [2 * buckets, 2 * shape["counts"], buckets * dimensions]
        ends = np.cumsum(sizes)
        weights, counts, table, centres = np.split(np.frombuffer(body, np.uint8), ends)
        projection = Projection(
            weights.view(np.uint16),
            counts.view(np.uint16),
            table.view(np.int8).reshape(buckets, dimensions),
        )
        return cls(spec, projection, centres.view(np.int8).reshape(-1, dimensions))


class SampleFit(Fit):
    """Learns from the documents with the smallest draws."""

    sample_documents: int = Field(ge=1)
    cluster_documents: int = Field(ge=1)
    seed: int = Field(ge=0)
    halvings: int = Field(default=0, description="a document is drawn with probability 2^-halvings")
    clusters: int = Field(default=1, description="centres to learn")

    def sized(self, documents: int) -> Self:
        """The number of clusters and the rate of the draw follow the documents read."""
        halvings = 0
        while documents >> (halvings + 1) >= SAMPLE_SHARE * self.sample_documents:
            halvings += 1
        most = max(1, self.sample_documents // SAMPLE_PER_CLUSTER)
        wanted = -(-documents // self.cluster_documents)
        clusters = min(most, max(1, wanted))
        return self.model_copy(update={"halvings": halvings, "clusters": clusters})

    def max_state_bytes(self) -> int:
        """Texts of 4 bytes per character, their offsets and draws."""
        return self.sample_documents * (4 * SAMPLE_CHARACTERS + 16) + 64

    def state(self) -> pa.Schema:
        """The sample."""
        return pa.schema([pa.field("draw", pa.uint64()), pa.field("text", pa.large_string())])

    def partial(self, batch: pa.RecordBatch) -> pa.Table:
        text = batch.column("text")
        draws = draw_many(self.seed, Purpose.FIT, text)
        drawn = draws < np.uint64((DRAWS >> self.halvings) - 1)
        drawn &= pc.binary_length(text).to_numpy(zero_copy_only=False) > 0
        kept = pa.array(drawn)
        texts = pc.utf8_slice_codeunits(text.filter(kept), 0, SAMPLE_CHARACTERS)
        return self.merge([pa.table([pa.array(draws[drawn]), texts], schema=self.state())])

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """The smallest draws; one row per draw."""
        table = pa.concat_tables([self.state().empty_table(), *states]).combine_chunks()
        by_draw = pc.sort_indices(table, [("draw", "ascending"), ("text", "ascending")])
        draws = table.column("draw").to_numpy()[by_draw.to_numpy()]
        first = np.ones(len(draws), np.bool_)
        first[1:] = draws[1:] != draws[:-1]
        return table.take(by_draw.filter(pa.array(first))[: self.sample_documents])

    def texts(self, state: pa.Table) -> pa.LargeStringArray:
        """Those of the sample, in one piece."""
        texts = state.column("text").combine_chunks()
        if isinstance(texts, pa.ChunkedArray):
            texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], texts.type)
        return texts


class LatentFit(SampleFit):
    """Learns the directions and the centres."""

    name: ClassVar[str] = "lsa"
    version: ClassVar[int] = 1
    determinism: ClassVar = "platform"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "scipy")

    dimensions: int = Field(ge=2, le=1024)
    bucket_bits: int = Field(ge=8, le=18)
    word_pairs: bool
    characters: int = Field(ge=0, le=16)
    whitening: float = Field(ge=0, le=1)

    def finish(self, state: pa.Table) -> bytes:
        texts = self.texts(state)
        spec = FeatureSpec(self.bucket_bits, self.word_pairs, self.characters)
        with threadpool_limits(1):
            projection = self._projection(texts, spec)
            vectors = embedded_features(texts, spec, projection)
            centres = centres_of(vectors, self.clusters, self.seed)
        return Latent(spec, projection, centres).to_bytes()

    def _projection(self, texts: pa.LargeStringArray, spec: FeatureSpec) -> Projection:
        bags = hashed_features(texts, spec)
        buckets, documents = 1 << spec.bucket_bits, len(texts)
        counts = np.minimum(np.arange(1, 256), 255)
        count_weights = np.rint(COUNT_WEIGHT * (1 + np.log(counts))).astype(np.uint16)
        found = np.bincount(bags.buckets, minlength=buckets)
        rarity = np.log((1 + documents) / (1 + found)) + 1
        rarity[found < 2] = 0.0  # of one document: it tells nothing about two
        values = count_weights[np.minimum(bags.counts, 255) - 1] * rarity[bags.buckets]
        matrix = csr_matrix((values, bags.buckets, bags.first), shape=(documents, buckets))
        lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
        matrix = csr_matrix(diags_array(1 / np.maximum(np.ravel(lengths), TINY)) @ matrix)
        left = self._left_vectors(matrix)
        table = np.zeros((buckets, self.dimensions), np.int8)
        weights = np.zeros(buckets)
        by_bucket = matrix.T.tocsr()
        for start in range(0, buckets, BLOCK_BUCKETS):
            block = slice(start, start + BLOCK_BUCKETS)
            directions = by_bucket[block] @ left
            largest = np.abs(directions).max(axis=1)
            weights[block] = rarity[block] * largest
            table[block] = np.rint(directions / np.maximum(largest, TINY)[:, None] * 127)
        scale = 65_535 / max(float(weights.max()), TINY)
        return Projection(np.rint(weights * scale).astype(np.uint16), count_weights, table)

    def _left_vectors(self, matrix: csr_matrix) -> np.ndarray:
        """float64[documents, dimensions]: the left singular vectors, strongest first, each divided
        by its singular value to the power 1 + `whitening`, so that the transposed matrix times them
        gives the directions; zeros where the sample has fewer. Found as eigenvectors of the
        products of documents (ARPACK): SciPy's `svds` would hold all directions several times.
        """
        documents = matrix.shape[0]
        if documents >= DENSE_DOCUMENTS * self.dimensions:
            back = matrix.T.tocsr()
            products = LinearOperator(
                (documents, documents),
                matvec=lambda vector: matrix @ (back @ vector),
                dtype=np.float64,
            )
            start = np.ones(documents) / np.sqrt(documents)
            squares, left = eigsh(products, self.dimensions, v0=start)
        else:
            squares, left = np.linalg.eigh((matrix @ matrix.T).toarray())
        sizes = np.sqrt(np.maximum(squares, 0.0))
        order = [index for index in np.argsort(-sizes, kind="stable") if sizes[index] > 1e-6]
        found = np.zeros((documents, self.dimensions))
        for place, index in enumerate(order[: self.dimensions]):
            vector = left[:, index]
            sign = 1.0 if vector[np.argmax(np.abs(vector))] > 0 else -1.0
            found[:, place] = sign * vector / sizes[index] ** (1 + self.whitening)
        return found


def centres_of(vectors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """int8[at most `clusters`, dimensions]: k-means over unit vectors (Lloyd), started by k-means++
    with draws, in one thread. One centre of zeros where there is no vector.
    """
    vectors = vectors[vectors.any(axis=1)]
    if len(vectors) == 0 or clusters == 1:
        return np.zeros((1, vectors.shape[1]), np.int8)
    units = unit_rows(vectors)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cluster keeps its centre
        start = units[_first_centres(units, min(clusters, len(units)), seed)]
        centres, _ = kmeans2(units, start, iter=KMEANS_ITERATIONS, minit="matrix")
    largest = np.abs(centres).max(axis=1)
    scaled = centres / np.maximum(largest, TINY)[:, None] * 127
    rounded: np.ndarray = np.rint(scaled).astype(np.int8)
    return np.unique(rounded[rounded.any(axis=1)], axis=0)


def _first_centres(units: np.ndarray, clusters: int, seed: int) -> list[int]:
    """k-means++ (Arthur and Vassilvitskii 2007): each next centre is drawn in proportion to its
    squared distance from those before it.
    """
    names = pa.array([f"centre {number}" for number in range(clusters)], pa.string())
    shares = draw_many(seed, Purpose.FIT, names).astype(np.float64) / DRAWS
    distance = np.ones(len(units))
    chosen: list[int] = []
    for share in shares:
        total = np.cumsum(distance)
        if total[-1] <= 0.0:
            break
        place = min(int(np.searchsorted(total, share * total[-1], side="right")), len(units) - 1)
        chosen.append(place)
        distance = np.minimum(distance, np.maximum(0.0, 2.0 - 2.0 * (units @ units[place])))
        distance[place] = 0.0
    return chosen
