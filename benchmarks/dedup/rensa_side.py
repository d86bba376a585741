"""rensa 0.5: its fastest documented way from texts to signatures, and its LSH index."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from rensa import RMinHash, RMinHashLSH
from side import Clusters, UnionFind, run, texts

WORD = re.compile(r"\w+")


def shingles(text: str) -> list[str]:
    """5-grams of lower-case words."""
    words = WORD.findall(text.lower())
    return [" ".join(words[n : n + 5]) for n in range(len(words) - 4)]


def signatures(every: list[str]) -> Callable[[], object]:
    """5-grams of lower-case words, 128 values, all documents in one native call."""

    def work() -> object:
        sets = [shingles(text) for text in every]
        return RMinHash.digest_matrix_from_token_sets(sets, num_perm=128, seed=1)

    return work


def clusters(path: str, work: Path, threshold: float, bands: int, rows: int) -> Clusters:
    """Components of what the index answers."""
    index = RMinHashLSH(threshold=threshold, num_perm=bands * rows, num_bands=bands)
    found, every = UnionFind(), texts(path)
    for number, text in enumerate(every):
        signature = RMinHash(num_perm=bands * rows, seed=1)
        parts = shingles(text)
        if not parts:
            continue
        signature.update(parts)
        for other in index.query(signature):
            found.join(number, other)
        index.insert(number, signature)
    return found.clusters(len(every))


if __name__ == "__main__":
    run(signatures, clusters)
