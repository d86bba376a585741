"""What every side of the comparison has in common: its texts, and how its answers are written.

`<python> benchmarks/dedup/<name>_side.py signatures TEXTS.jsonl PASSES` prints the CPU seconds of
the fastest pass over the texts (shingles and signatures; reading and start-up are not counted).
`… clusters TEXTS.jsonl WORK THRESHOLD BANDS ROWS` deduplicates a file and prints for every line the
number of its cluster, or null.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Clusters = Sequence[int | str | None]


def texts(path: str) -> list[str]:
    """The texts of a JSON Lines file."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def run(
    signatures: Callable[[list[str]], Callable[[], object]] | None,
    clusters: Callable[[str, Path, float, int, int], Clusters] | None,
) -> None:
    """signatures: prepares a pass over the texts, which is then called and timed."""
    command, path = sys.argv[1:3]
    if command == "signatures" and signatures is not None:
        work = signatures(texts(path))
        seconds = []
        for _ in range(int(sys.argv[3])):
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        print(json.dumps({"seconds": min(seconds)}))
    elif command == "clusters" and clusters is not None:
        threshold, bands, rows = float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
        found = clusters(path, Path(sys.argv[3]), threshold, bands, rows)
        print(json.dumps({"clusters": list(found)}))
    else:
        sys.exit(f"this side knows no {command}")


class UnionFind:
    """Clusters from pairs: the smallest member names its cluster."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def root(self, node: int) -> int:
        while self._parent.setdefault(node, node) != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node

    def join(self, left: int, right: int) -> None:
        low, high = sorted((self.root(left), self.root(right)))
        self._parent[high] = low

    def clusters(self, nodes: int) -> list[int | None]:
        """By node; None for a node that nobody joined."""
        roots = [self.root(node) if node in self._parent else None for node in range(nodes)]
        counts: dict[int | None, int] = {}
        for root in roots:
            counts[root] = counts.get(root, 0) + 1
        return [root if counts[root] > 1 else None for root in roots]
