"""A corpus of any size for benchmarks of deduplication: realistic lengths, a fixed duplicate rate.

Document n is a function of n and the sentences alone: 4 to about 33 sentences, drawn; median about
1.2 kB, at most 4 kB. One in ten is a copy of an earlier document, every second of these with a few
words behind it. Sentences come from real text, so that n-grams and lengths of words are real.
"""

from __future__ import annotations

import multiprocessing
import statistics
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.kernels.draw import Purpose, draw_many
from curate.kernels.sentences import sentences

SEED = 17
MEDIAN_BYTES, SIGMA, MOST_BYTES = 1_200, 0.6, 4_000
LEAST_SENTENCES = 4
"""Fewer would make documents equal by chance, and more of them in a larger corpus."""
SENTENCE_BYTES = (40, 240)
POOL = 400_000
COPIES = 10
"""One document in so many is a copy."""
SHARD_DOCUMENTS = 50_000


def sentence_pool(source: Path) -> pa.LargeStringArray:
    """Distinct sentences of the column `text`, in order, with their white space made single."""
    found: dict[str, None] = {}
    for batch in pq.ParquetFile(source).iter_batches(1_000, columns=["text"], use_threads=False):
        lists = sentences(batch.column(0).cast(pa.large_string()))
        for sentence in lists.flatten().to_pylist():
            joined = " ".join(sentence.split())
            if SENTENCE_BYTES[0] <= len(joined.encode()) <= SENTENCE_BYTES[1]:
                found[joined] = None
        if len(found) >= POOL:
            break
    return pa.array(list(found)[:POOL], pa.large_string())


def drawn(purpose: str, numbers: np.ndarray) -> np.ndarray:
    """uint64[n]: a draw per number."""
    keys = pc.binary_join_element_wise(purpose, pa.array(numbers).cast(pa.string()), "/")
    return draw_many(SEED, Purpose.SAMPLE, keys)


def originals(numbers: np.ndarray) -> np.ndarray:
    """int64[n]: the document that each one is a copy of, itself for nine in ten."""
    found = numbers.copy()
    while True:
        draws = drawn("copy", found)
        is_copy = (draws % np.uint64(COPIES) == 0) & (found > 0)
        if not is_copy.any():
            return found
        earlier = (draws >> np.uint64(16)) % np.maximum(found, 1).astype(np.uint64)
        found = np.where(is_copy, earlier.astype(np.int64), found)


def scrambled(values: np.ndarray) -> np.ndarray:
    """uint64[n]: the finaliser of SplitMix64, a further draw from a draw."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


def texts(pool: pa.LargeStringArray, start: int, end: int) -> pa.LargeStringArray:
    """Documents `start` to `end` - 1."""
    numbers = np.arange(start, end)
    roots = originals(numbers)
    seeds = drawn("text", roots)
    mean = float(pc.mean(pc.binary_length(pool)).as_py()) + 1
    bell = statistics.NormalDist()
    spread = np.array([bell.inv_cdf((step + 0.5) / 1024) for step in range(1024)])
    wanted = MEDIAN_BYTES * np.exp(SIGMA * spread[(seeds & np.uint64(1023)).astype(np.int64)])
    counts = np.rint(wanted / mean).astype(np.int64).clip(LEAST_SENTENCES, int(MOST_BYTES / mean))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    with np.errstate(over="ignore"):
        step = place.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        picks = scrambled(np.repeat(seeds, counts) + step) % np.uint64(len(pool))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), pool.take(pa.array(picks)))
    joined = pc.binary_join(lists, pa.scalar(" ", pa.large_string()))
    marked = (roots != numbers) & (numbers % 2 == 0)
    mark = pc.binary_join_element_wise("(seen", pa.array(numbers).cast(pa.string()), "times)", " ")
    text = pa.large_string()
    ending = pc.if_else(pa.array(marked), mark.cast(text), pa.scalar("", text))
    whole = pc.binary_join_element_wise(joined, ending, pa.scalar(" ", text))
    return pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(whole), 0, MOST_BYTES)


def _write(folder: Path, pool: pa.LargeStringArray, number: int) -> int:
    """One shard. Returns its bytes of text."""
    start = number * SHARD_DOCUMENTS
    end = start + SHARD_DOCUMENTS
    target = folder / f"{number:05d}.parquet"
    if target.exists():
        held = pq.read_metadata(target)
        return int(held.metadata[b"text_bytes"])
    schema = pa.schema([pa.field("text", pa.large_string())])
    batches = [
        pa.record_batch([texts(pool, at, at + 10_000)], schema) for at in range(start, end, 10_000)
    ]
    size = sum(int(pc.sum(pc.binary_length(batch.column(0))).as_py()) for batch in batches)
    noted = schema.with_metadata({"text_bytes": str(size)})
    temporary = target.with_suffix(".tmp")
    with pq.ParquetWriter(temporary, noted, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(noted.metadata))
    temporary.rename(target)
    return size


def write_corpus(folder: Path, source: Path, documents: int, processes: int = 2) -> int:
    """Shards of the first documents (a multiple of SHARD_DOCUMENTS), kept for the next run. Returns
    their bytes of text.

    The corpus of 100,000 documents is the beginning of that of a million.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "sentences.parquet"
    if not stored.exists():
        pq.write_table(pa.table({"text": sentence_pool(source)}), stored)
    pool = pq.read_table(stored).column("text").combine_chunks()
    shards = range(documents // SHARD_DOCUMENTS)
    work = partial(_write, folder, pool)
    with multiprocessing.get_context("spawn").Pool(processes) as workers:
        return sum(workers.map(work, shards, chunksize=1))
