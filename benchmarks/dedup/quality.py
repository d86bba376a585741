"""What is found of planted near-duplicates, and what is removed wrongly, beside the peers.

    python benchmarks/dedup/quality.py TEXTS.parquet WORK --peer rensa=… --peer datatrove=…

`planted.py` makes the pairs. Their exact Jaccard similarity (5-grams of our normalised words) is
known, so that the share of pairs found per bin can be held against 1-(1-s^r)^b; all sides get the
same bands and rows. Every member of a cluster but its first document counts as removed: rightly if
it has the threshold's similarity with that first document.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from compare import HERE, ask, peers

from curate.kernels.minhash import ShingleSpec, jaccard, shingle_sets

SIDES = ("curate", "datatrove", "textdedup", "rensa")
THRESHOLD, BANDS, ROWS = 0.75, 11, 11
EDGES = np.round(np.arange(0.5, 1.0001, 0.05), 2)


class Corpus:
    """A planted corpus with its truth."""

    def __init__(self, texts: Path, path: Path, pairs: int, originals: int) -> None:
        command = [sys.executable, str(HERE / "planted.py"), str(texts), str(path)]
        sizes = ["--pairs", str(pairs), "--originals", str(originals)]
        subprocess.run([*command, *sizes], check=True)
        self.path = path
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.sets = shingle_sets(pa.array([r["text"] for r in rows], pa.large_string()), SPEC)
        copies = [row for row in rows if "copy_of" in row]
        self.copy = np.array([row["n"] for row in copies])
        self.original = np.array([row["copy_of"] for row in copies])
        self.edit = np.array([row["edit"] for row in copies])
        self.similarity = jaccard(self.sets, self.copy, self.original)


SPEC = ShingleSpec()


def found_pairs(corpus: Corpus, clusters: list[object]) -> np.ndarray:
    """bool per planted pair: both documents are in one cluster."""
    pairs = zip(corpus.copy, corpus.original, strict=True)
    return np.array([clusters[a] is not None and clusters[a] == clusters[b] for a, b in pairs])


def removals(corpus: Corpus, clusters: list[object]) -> tuple[np.ndarray, np.ndarray]:
    """Removed documents, and their similarity with the first document of their cluster."""
    first: dict[object, int] = {}
    pairs = []
    for number, cluster in enumerate(clusters):
        if cluster is not None and first.setdefault(cluster, number) != number:
            pairs.append((number, first[cluster]))
    removed, kept = np.array(pairs, np.int64).reshape(-1, 2).T
    return removed, jaccard(corpus.sets, removed, kept)


def recall_table(corpus: Corpus, answers: dict[str, list[object]]) -> None:
    """Per bin of exact similarity: pairs, the formula's mean over them, what each side found."""
    expected = 1 - (1 - corpus.similarity**ROWS) ** BANDS
    found = {side: found_pairs(corpus, clusters) for side, clusters in answers.items()}
    print(f"| exact Jaccard | pairs | 1-(1-s^{ROWS})^{BANDS} | {' | '.join(found)} |")
    print("|---" * (3 + len(found)) + "|")
    for low, high in pairwise(EDGES):
        last = high >= 1
        inside = (corpus.similarity >= low) & ((corpus.similarity < high) | last)
        if not inside.any():
            continue
        shares = " | ".join(f"{each[inside].mean():.3f}" for each in found.values())
        mean = expected[inside].mean()
        print(f"| {low:.2f} to {high:.2f} | {inside.sum()} | {mean:.3f} | {shares} |")
    print()


def removal_table(corpus: Corpus, answers: dict[str, list[object]]) -> None:
    """Precision and recall of removals at the threshold."""
    edits = sorted(set(corpus.edit))
    print(f"| side | removed | precision | recall | {' | '.join(edits)} |")
    print("|---" * (4 + len(edits)) + "|")
    wanted = corpus.similarity >= THRESHOLD
    for side, clusters in answers.items():
        removed, similarity = removals(corpus, clusters)
        gone = np.isin(corpus.copy, removed)
        precision = (similarity >= THRESHOLD).mean()
        recalls = [gone[wanted & (corpus.edit == edit)] for edit in edits]
        shares = " | ".join(f"{each.mean():.3f}" if len(each) else "–" for each in recalls)
        recall = gone[wanted].mean()
        print(f"| {side} | {len(removed)} | {precision:.4f} | {recall:.3f} | {shares} |")
    print()


def main() -> None:
    """Plant, deduplicate, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peer", action="append", default=[], help="name=python")
    parser.add_argument("--pairs", type=int, default=14_000, help="for curate alone")
    parser.add_argument("--peer-pairs", type=int, default=2_000)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    sides = peers(arguments.peer)
    shape = (str(THRESHOLD), str(BANDS), str(ROWS))

    def answer(corpus: Corpus, side: str, *, verify: bool = False) -> list[object]:
        work = arguments.work / side
        done = ask(sides[side], side, "clusters", corpus.path, work, *shape, verify=verify)
        clusters: list[object] = done.value["clusters"]
        return clusters

    large = Corpus(arguments.texts, arguments.work / "large.jsonl", arguments.pairs, 2_000)
    recall_table(large, {"curate": answer(large, "curate")})
    small = Corpus(arguments.texts, arguments.work / "small.jsonl", arguments.peer_pairs, 1_000)
    answers = {side: answer(small, side) for side in SIDES if side in sides}
    recall_table(small, answers)
    removal_table(small, answers | {"curate, verified": answer(small, "curate", verify=True)})


if __name__ == "__main__":
    main()
