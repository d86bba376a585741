"""What do millions of identical documents cost? One cluster, one hot key in every exchange.

    PYTHONPATH=. python benchmarks/dedup/identical.py WORK [--documents 100000,1000000,5000000]
        [--stages exact_dedup,minhash_dedup,line_dedup,substring_dedup] [--executor inline]

WORK: a folder for corpus and runs. Every document is one English page of 1.2 kB. Runs the whole
pipeline with each stage and prints per size what `flat.py` prints: seconds, CPU seconds, largest
resident sizes, bytes of exchange per document; then CPU time per further document between sizes,
which stays the same where time is linear. All documents but one must go.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from flat import HEADER, Measured, marginal, measure, row
from flat_corpus import SHARD_DOCUMENTS

STAGES = "exact_dedup,minhash_dedup,line_dedup,substring_dedup"
LINES = (
    "The harbour of the old town lies behind two moles of grey stone, which storms break in winter",
    "Fishing boats come back before noon and sell what they caught from the steps of the quay",
    "Above the water stands the house of the pilots, a tower of four floors with a lamp on top",
    "Until the railway came, all letters for the islands went through its narrow office on Mondays",
    "Visitors can climb the stairs between May and September, and see the ferries leave at seven",
    "The museum shows charts, a compass that lay in the sand, and the diaries of a harbour master",
)


def page() -> str:
    """About 1.2 kB, in lines."""
    return "\n".join(f"{line}, as {name} wrote." for name in ("Ann", "Bo") for line in LINES)


def write_corpus(folder: Path, documents: int) -> int:
    """Shards that are not there yet; bytes of text of `documents`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = page()
    table = pa.table({"text": pa.array([text], pa.large_string()).take(pa.array([0] * 1_000))})
    for number in range(documents // SHARD_DOCUMENTS):
        path = folder / f"{number:05d}.parquet"
        if not path.exists():
            with pq.ParquetWriter(path, table.schema, compression="zstd") as file:
                for _ in range(SHARD_DOCUMENTS // 1_000):
                    file.write_table(table)
    return documents * len(text.encode())


def main() -> None:
    """Print a table per stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("work", type=Path)
    parser.add_argument("--documents", default="100000,1000000")
    parser.add_argument("--stages", default=STAGES)
    parser.add_argument("--executor", default="inline", choices=["ray", "inline"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="keep the run folders")
    options = parser.parse_args()
    work = options.work.resolve()
    sizes = sorted(int(size) for size in options.documents.split(","))
    if any(size % SHARD_DOCUMENTS for size in sizes):
        parser.error(f"--documents: multiples of {SHARD_DOCUMENTS:,}")
    stages = options.stages.split(",")
    for stage in stages:
        options.stages = stage
        print(f"\n{stage}\n{HEADER}", flush=True)
        found: list[Measured] = []
        for size in sizes:
            found.append(measure(work, size, write_corpus(work / "corpus", size), options))
            print(row(found[-1]), flush=True)
            if found[-1].kept != 1:
                sys.exit(f"{stage} kept {found[-1].kept:,} of {size:,} identical documents")
        for small, large in pairwise(found):
            _, cpu = marginal(small, large)
            per = f"{cpu:.1f} µs of CPU per further document"
            print(f"{small.documents:,} to {large.documents:,}: {per}")


if __name__ == "__main__":
    main()
