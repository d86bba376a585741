"""datatrove 0.10.1: stage 1 alone, and its four stages as its example chains them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from side import Clusters, run


def signatures(texts: list[str]) -> Callable[[], object]:
    """Its shingles and signatures, written nowhere."""
    config = MinhashConfig(n_grams=5, num_buckets=11, hashes_per_bucket=11)
    stage = MinhashDedupSignature(os.devnull, config=config)

    def work() -> None:
        for text in texts:
            shingles = stage.get_shingles(text)
            if shingles.size:
                stage.get_signature(shingles)

    return work


def clusters(path: str, work: Path, threshold: float, bands: int, rows: int) -> Clusters:
    """Signatures, buckets (one worker per bucket, in turn), clusters, filter."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copy(path, work / "in.jsonl")
    config = MinhashConfig(n_grams=5, num_buckets=bands, hashes_per_bucket=rows)
    reader = JsonlReader(str(work), glob_pattern="in.jsonl")
    chains = (
        [reader, MinhashDedupSignature(str(work / "signatures"), config=config)],
        [MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"), config=config)],
        [
            MinhashDedupCluster(
                str(work / "buckets"), str(work / "ids"), config=config, save_cluster_id=True
            )
        ],
        [
            reader,
            MinhashDedupFilter(
                str(work / "ids"),
                exclusion_writer=JsonlWriter(str(work / "removed"), compression=None),
                load_cluster_ids=True,
            ),
            JsonlWriter(str(work / "kept"), compression=None),
        ],
    )
    for number, chain in enumerate(chains):
        tasks = bands if number == 1 else 1
        log = str(work / "logs" / str(number))
        LocalPipelineExecutor(pipeline=chain, tasks=tasks, workers=1, logging_dir=log).run()
    found: dict[int, int | None] = {}
    for folder in ("kept", "removed"):
        for part in (work / folder).rglob("*.jsonl"):
            for line in part.read_text(encoding="utf-8").splitlines():
                meta = json.loads(line)["metadata"]
                cluster = meta.get("minhash_cluster_id")
                found[meta["n"]] = None if cluster == -1 else cluster
    return [found[number] for number in sorted(found)]


if __name__ == "__main__":
    run(signatures, clusters)
