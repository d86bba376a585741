"""text-dedup 0.4.0: its MinHash command with xxh3 (its fastest hash) in one process."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

from side import Clusters, run, texts


def clusters(path: str, work: Path, threshold: float, bands: int, rows: int) -> Clusters:
    """Its clusters are the roots of its union-find."""
    from text_dedup.minhash import main

    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    options = {
        "path": "json",
        "data_files": path,
        "split": "train",
        "cache_dir": str(work / "cache"),
        "output": str(work / "out"),
        "column": "text",
        "threshold": threshold,
        "b": bands,
        "r": rows,
        "num_perm": bands * rows,
        "ngram": 5,
        "min_length": 5,
        "hash_func": "xxh3",
        "num_proc": 1,
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    main([*arguments, "--debug"], standalone_mode=False)
    with (work / "out" / "uf.pkl").open("rb") as file:
        saved = pickle.load(file)
    return _clusters(dict(saved.parent), len(texts(path)))


def _clusters(parent: dict[int, int], documents: int) -> Clusters:
    def root(node: int) -> int:
        while parent.get(node, node) != node:
            node = parent[node]
        return node

    roots = [root(number) for number in range(documents)]
    joined = {root for number, root in enumerate(roots) if root != number}
    return [root if root in joined else None for root in roots]


if __name__ == "__main__":
    run(None, clusters)
