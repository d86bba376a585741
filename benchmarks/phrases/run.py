"""Speed of the filters that search lists of phrases: megabytes of text per second and core.

Each stage runs over the same batches several times, in turn; printed are the best run (the least
disturbed by other work on the machine) and the median. `url_filter` reads addresses only; its
figure is per megabyte of the text that the addresses belong to, and per address.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from curate.stages.base import Annotator
from curate.stages.quality.bad_words import BadWords
from curate.stages.quality.boilerplate import Boilerplate
from curate.stages.quality.machine_text import MachineText
from curate.stages.quality.url_filter import UrlFilter
from curate.stages.words import WordStatistics

TEXTS = {"C4": ("c4/c4-a.jsonl.gz", "en"), "Wikipedia, Korean": ("wikipedia/ko-0.jsonl.gz", "ko")}
ROUNDS = 15


def load(folder: Path, file: str, language: str) -> pa.RecordBatch:
    """The documents of a JSON lines file with the columns that the stages read."""
    with gzip.open(folder / file, "rt", encoding="utf-8", newline="\n") as lines:
        rows = [json.loads(line) for line in lines]
    return pa.RecordBatch.from_arrays(
        [
            pa.array([f"s/f#{index}" for index in range(len(rows))], pa.string()),
            pa.array([row["text"] for row in rows], pa.large_string()),
            pa.array([row.get("url") for row in rows], pa.string()),
            pa.array([language] * len(rows), pa.string()),
        ],
        ["id", "text", "url", "language"],
    )


def url_lists(folder: Path) -> UrlFilter:
    """A million domains, and a few words and rules."""
    (folder / "domains").write_text("\n".join(f"host{n}.example" for n in range(1_000_000)))
    (folder / "words").write_text("\n".join(f"word{n}" for n in range(500)))
    (folder / "rules").write_text("\n".join(f"/banner{n}/*" for n in range(500)))
    words = (str(folder / "words"),)
    return UrlFilter(
        domains=(str(folder / "domains"),),
        banned_words=words,
        soft_words=words,
        banned_subwords=words,
        adblock=(str(folder / "rules"),),
    )


def seconds(annotator: Annotator, batch: pa.RecordBatch) -> float:
    """CPU time of one pass."""
    start = time.thread_time()
    annotator.annotate(batch)
    return time.thread_time() - start


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of real texts")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        stages = [
            BadWords(path=str(data / "lists" / "ldnoobw")),
            Boilerplate(),
            MachineText(),
            url_lists(Path(folder)),
        ]
        annotators = [(stage.name, stage.annotators()[0]) for stage in stages]
        annotators.append(("words (for comparison)", WordStatistics()))
        for title, (file, language) in TEXTS.items():
            batch = load(data, file, language)
            megabytes = sum(map(len, batch.column("text").cast(pa.binary()).to_pylist())) / 1e6
            taken: dict[str, list[float]] = {name: [] for name, _ in annotators}
            for _ in range(ROUNDS):
                for name, annotator in annotators:
                    taken[name].append(seconds(annotator, batch))
            print(f"{title}: {batch.num_rows} documents, {megabytes:.1f} MB")
            for name, times in taken.items():
                best, median = min(times), statistics.median(times)
                per_row = best / batch.num_rows * 1e6
                rate, usual = megabytes / best, megabytes / median
                speeds = f"{rate:7.0f} MB/s  (median {usual:5.0f})"
                print(f"  {name:<24} {speeds}  {per_row:6.2f} µs/document")


if __name__ == "__main__":
    main()
