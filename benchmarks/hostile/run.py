"""Seconds that each text kernel takes for 20 MB of one thing said over and over.

Such documents are the worst case of n-gram counts, hash tables and segmenters. Every kernel is run
on every document three times, in turn; printed is the median CPU time of the slowest document per
kernel. The tests assert that the time is linear in the size; here are the seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import pyarrow as pa

from curate.kernels.measure import FAMILIES, Request, measure
from curate.kernels.repair import suspect_lines
from curate.kernels.sentences import sentence_counts
from curate.kernels.whitespace import normalized_whitespace
from curate.stages.quality.fineweb import FineWebLines

UNITS = [
    *("a", "a ", "a a a ", "a b ", "ab.", "é ", "한 ", "漢", "\u0301", "\u3000", "🇩", " "),
    *("\n", "\r\n", "a\n", "a\n\n", " \n", ".\n", "\0\n", "- ...\n", ". ", "1 ", "http://a "),
    *("&", "<", "#"),
]
OPTIONS = {"ngrams": (10, 5), "fineweb": FineWebLines().options()}  # of families that need them
ROUNDS = 3


def kernels() -> dict[str, Callable[[pa.LargeStringArray], object]]:
    """What is measured, by name: each family of signals alone, and the passes that are none."""
    families = {
        name: partial(measure, requests=[Request(name, OPTIONS.get(name, ()))], words="uax29_alone")
        for name in FAMILIES
    }
    return families | {
        "sentences": sentence_counts,
        "repair": lambda text: suspect_lines(text, form="NFC", ligatures=True),
        "white space": lambda text: normalized_whitespace(
            text, keep_indentation=True, max_newlines=2
        ),
    }


def cpu_seconds(kernel: Callable[[pa.LargeStringArray], object], unit: str, size: int) -> float:
    """CPU time of one pass over one document of `size` bytes."""
    text = pa.array([unit * (size // len(unit.encode()))], pa.large_string())
    start = time.process_time()
    kernel(text)
    return time.process_time() - start


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=20_000_000, help="of each document")
    size = parser.parse_args().bytes
    measured = kernels()
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name, kernel in measured.items():
            for unit in UNITS:
                seconds.setdefault((name, unit), []).append(cpu_seconds(kernel, unit, size))
    print("| kernel | `a a a …` | slowest document | its time |\n|---|---|---|---|")
    for name in measured:
        medians = {unit: statistics.median(seconds[name, unit]) for unit in UNITS}
        slowest = max(medians, key=medians.__getitem__)
        spelled = slowest.encode("unicode_escape").decode()
        print(
            f"| {name} | {medians['a a a ']:.2f} s | `{spelled}` | {medians[slowest]:.2f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
