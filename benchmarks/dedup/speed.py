"""Speed of signatures and of whole passes beside the peers, in turn on the same documents.

    python benchmarks/dedup/speed.py TEXTS.parquet WORK --peer rensa=… --peer datatrove=…

Signatures: CPU seconds of shingling and signing, start-up and reading excluded. Whole pass: CPU
seconds of reading, signatures, buckets, clusters and writing the survivors, less those for 20
documents. Each figure is the median of `--rounds`, one round of every side after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path

import pyarrow.parquet as pq
from compare import ask, peers
from planted import Dice

SIGNATURES = ("curate", "datasketch", "rensa", "datatrove")
PASSES = ("curate", "datatrove", "textdedup")
SHAPE = ("0.75", "11", "11")


def write(texts: list[str], path: Path, every: int = 10) -> float:
    """Texts as JSON Lines, each tenth twice; returns their megabytes."""
    lines = [text for n, text in enumerate(texts) for _ in range(2 if n % every == 0 else 1)]
    with path.open("w", encoding="utf-8") as out:
        for number, text in enumerate(lines):
            out.write(json.dumps({"text": text, "n": number}) + "\n")
    return sum(len(text.encode()) for text in lines) / 1e6


def main() -> None:
    """Draw the documents, measure, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peer", action="append", default=[], help="name=python")
    parser.add_argument("--megabytes", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = pq.read_table(arguments.texts, columns=["text"]).column("text").to_pylist()
    dice, chosen, size = Dice("speed"), [], 0
    while size < arguments.megabytes * 1e6:
        chosen.append(texts[dice.below(len(texts))])
        size += len(chosen[-1].encode())
    whole, few = arguments.work / "whole.jsonl", arguments.work / "few.jsonl"
    megabytes, _ = write(chosen, whole), write([text[:500] for text in chosen[:20]], few)
    sides = peers(arguments.peer)

    found: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        for side in (side for side in SIGNATURES if side in sides):
            passes = "7" if side == "curate" else "1"
            answer = ask(sides[side], side, "signatures", whole, passes)
            found.setdefault(side, []).append(answer.value["seconds"])
    print(f"\n{megabytes:.1f} MB, {arguments.rounds} rounds\n")
    table(found, megabytes, "signatures")

    found = {}
    for _ in range(arguments.rounds):
        for side in (side for side in PASSES if side in sides):
            for verify in (False, True) if side == "curate" else (False,):
                name = f"{side}, verified" if verify else side
                work = arguments.work / side
                start = ask(sides[side], side, "clusters", few, work, *SHAPE, verify=verify)
                done = ask(sides[side], side, "clusters", whole, work, *SHAPE, verify=verify)
                found.setdefault(name, []).append(done.seconds - start.seconds)
    table(found, megabytes, "whole pass")


def table(found: dict[str, list[float]], megabytes: float, what: str) -> None:
    """Markdown, the peers against the first side."""
    print(f"| {what} | CPU seconds: median (all) | MB/s | curate is faster by |\n|---|---|---|---|")
    ours = statistics.median(found["curate"])
    for side, seconds in found.items():
        median = statistics.median(seconds)
        every = ", ".join(f"{each:.3g}" for each in seconds)
        times = "" if side.startswith("curate") else f"{median / ours:.0f} ×"
        print(f"| {side} | {median:.3g} ({every}) | {megabytes / median:.3g} | {times} |")
    print()


if __name__ == "__main__":
    main()
