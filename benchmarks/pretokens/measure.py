"""MB/s per core of counting pre-tokens, and the memory of the table.

`python benchmarks/pretokens/measure.py ../shared/data` (about a minute). CPU time (user and system,
all threads) of interleaved runs over the same texts, the median of five; one thread. *New* counts
into an empty table, *known* the same texts again, as most pieces of a large corpus are known.
Texts: English Wikipedia and C4; Korean Wikipedia.
Peers: `gigatoken.train_bpe` with a vocabulary of bytes and one token, which counts pieces (of
gpt2's pattern) and learns nothing; the pre-tokenizer of `tokenizers` and a `Counter`, on 2 MB.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

import gigatoken
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.pretokens import PretokenCounter, PretokenPattern
from curate.tokenizer.training.patterns import cutter

RUNS = 5
PART_BYTES = 2_000_000
PATTERNS: tuple[PretokenPattern, ...] = ("gpt2", "gpt4", "metaspace", "words")


def texts(data: Path, names: list[str]) -> pa.LargeStringArray:
    """The texts of gzip files of JSON lines."""
    found = []
    for name in names:
        with gzip.open(data / name, "rt", encoding="utf-8") as file:
            found += [json.loads(line)["text"] for line in file]
    return pa.array(found, pa.large_string())


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, all threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def first_pass(text: pa.LargeStringArray, pattern: PretokenPattern) -> PretokenCounter:
    """Count into an empty table."""
    counter = PretokenCounter(pattern)
    counter.add(text)
    return counter


def by_gigatoken(data: bytes) -> None:
    """Its trainer without merges: reading, cutting and counting."""
    gigatoken.train_bpe(data, 257, ["<|endoftext|>"])


def by_tokenizers(text: list[str], pattern: PretokenPattern) -> None:
    """Pieces as Python strings in a Counter."""
    cut = cutter(pattern, "pattern")
    counts: Counter[str] = Counter()
    for each in text:
        counts.update(piece for piece, _ in cut.pre_tokenize_str(each))


def measure(name: str, text: pa.LargeStringArray) -> None:
    """Print what was measured of one corpus."""
    size = pc.sum(pc.binary_length(text)).as_py()
    joined = "\0".join(text.to_pylist()).encode()
    ends = pc.cumulative_sum(pc.binary_length(text))
    part = text.slice(0, int(pc.sum(pc.less(ends, PART_BYTES)).as_py()))
    part_bytes = pc.sum(pc.binary_length(part)).as_py()
    strings = part.to_pylist()
    speeds: dict[str, list[float]] = {}

    def add(what: str, size: int, work: Callable[[], object]) -> None:
        speeds.setdefault(what, []).append(size / cpu_seconds(work) / 1e6)

    tables = {pattern: first_pass(text, pattern) for pattern in PATTERNS}
    bytes_each = {name: table.memory_bytes / table.distinct for name, table in tables.items()}
    for _ in range(RUNS):
        for pattern, table in tables.items():
            add(f"{pattern}, new", size, partial(first_pass, text, pattern))
            add(f"{pattern}, known", size, partial(table.add, text))
        add("gigatoken, new", size, partial(by_gigatoken, joined))
        add("tokenizers, gpt4", part_bytes, partial(by_tokenizers, strings, "gpt4"))
    print(f"\n{name}: {size / 1e6:.1f} MB in {len(text):,} documents")
    for what, found in speeds.items():
        print(f"  {what:18} {statistics.median(found):8.1f} MB/s")
    for pattern, table in tables.items():
        print(f"  {pattern:18} {table.distinct:9,} pieces, {bytes_each[pattern]:.1f} bytes each")


def main() -> None:
    """Both corpora."""
    data = Path(sys.argv[1])
    english = ["wikipedia/en-0.jsonl.gz", "wikipedia/en-1.jsonl.gz", "c4/c4-a.jsonl.gz"]
    measure("English", texts(data, english))
    measure("Korean", texts(data, ["wikipedia/ko-0.jsonl.gz", "wikipedia/ko-1.jsonl.gz"]))


if __name__ == "__main__":
    main()
