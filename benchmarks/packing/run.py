"""What every packing strategy does to documents, and how fast: web-like lengths, those of runs.

    python -m benchmarks.packing.run [RUN …] [--documents 1000000] [--sequence-length 2048 8192]

Prints Markdown. Seconds are CPU time of making the whole plan (pieces and rows, as stored), the
median of three.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist

import numpy as np

from curate.tokenizer.files.reader import TokenFiles
from curate.tokenizer.packing.best_fit import best_fit_classes
from curate.tokenizer.packing.report import STRATEGIES, LengthTotals, PlanTotals
from curate.tokenizer.packing.rows import PackingSettings, pack, piece_type

MEDIAN_TOKENS, DEVIATION = 403, 1.1
SHORTEST_BUCKET = 256
REPEATS = 3


def web_like(documents: int) -> np.ndarray:
    """Lognormal lengths (median 403 tokens, sigma 1.1), by the golden ratio through the quantiles:
    the same on every machine.
    """
    normal = NormalDist()
    quantiles = np.array([normal.inv_cdf((i + 0.5) / 65_536) for i in range(65_536)])
    places = (np.arange(documents, dtype=np.uint64) * np.uint64(40_503)) % np.uint64(65_536)
    lengths = np.exp(np.log(MEDIAN_TOKENS) + DEVIATION * quantiles[places])
    jitter = (np.arange(documents) * 0.6180339887498949) % 1.0
    return np.maximum(1, lengths * (0.98 + 0.04 * jitter)).astype(np.int32)


def lengths_of(run: str) -> np.ndarray:
    """Of the train split, in document order."""
    files = TokenFiles(Path(run) / "tokens")
    return np.concatenate([files.dataset(i).lengths for i in range(len(files.datasets))])


def rows_of_table(name: str, lengths: np.ndarray, sequence_length: int) -> Iterator[str]:
    """A line of Markdown per strategy."""
    dtype = piece_type(len(lengths))
    numbers = np.arange(len(lengths), dtype=np.int64)
    for strategy in STRATEGIES:
        settings = PackingSettings(strategy, sequence_length, SHORTEST_BUCKET)
        totals = LengthTotals(settings)
        totals.add(lengths)
        seconds, stored = [], 0
        for _ in range(REPEATS):
            began = time.process_time()
            made = PlanTotals()
            stored = 0
            for group in pack([(numbers, lengths)], settings, dtype):
                made.add(group)
                stored += group.starts.nbytes + group.pieces.nbytes
            seconds.append(time.process_time() - began)
        figures = made.correct(totals.figures(strategy), strategy)
        percent = figures.percent()
        yield (
            f"| {name} | {len(lengths):,} | {sequence_length:,} | {strategy} | {figures.rows:,} | "
            f"{percent['padding']:.4f} % | {percent['fewest_padding']:.4f} % | "
            f"{percent['cut']:.2f} % | {percent['truncated']:.2f} % | "
            f"{percent['discarded']:.2f} % | "
            f"{statistics.median(seconds):.2f} | {100 * stored / (2 * figures.tokens):.2f} % |"
        )


def placing_milliseconds(lengths: np.ndarray, sequence_length: int) -> float:
    """Of best-fit decreasing alone."""
    counts = np.bincount(lengths % sequence_length, minlength=sequence_length + 1)
    counts[0] = 0
    took = []
    for _ in range(REPEATS):
        began = time.process_time()
        best_fit_classes(counts, sequence_length)
        took.append(1000 * (time.process_time() - began))
    return statistics.median(took)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="*", help="folders of finished runs")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--sequence-length", type=int, nargs="+", default=[2048, 8192])
    options = parser.parse_args()
    sets = {"web-like": web_like(options.documents)}
    sets |= {Path(run).name: lengths_of(run) for run in options.runs}
    print(
        "| lengths | documents | row | strategy | rows | padding | least possible | cut | "
        "cut needlessly | discarded | CPU s | plan, of .bin (uint16) |"
    )
    print("|" + "---|" * 12)
    for name, lengths in sets.items():
        for sequence_length in options.sequence_length:
            for row in rows_of_table(name, lengths, sequence_length):
                print(row)
    print("\nPlacing alone (best-fit decreasing on the histogram), ms of CPU:")
    for documents in (10_000, 100_000, 1_000_000):
        lengths = web_like(documents)
        took = [
            f"{size:,}: {placing_milliseconds(lengths, size):.1f}" for size in (512, 2048, 8192)
        ]
        print(f"* {documents:,} documents; rows of {', '.join(took)}")


if __name__ == "__main__":
    main()
