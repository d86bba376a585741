"""curate: the kernel, and whole runs of `minhash_dedup`, which verify where CURATE_VERIFY is 1."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from side import Clusters, run

from curate.kernels.minhash import Bands, ShingleSpec, band_keys, optimal_bands, permutations


def signatures(texts: list[str]) -> Callable[[], object]:
    """Shingles, signatures of 128 values and the keys of their bands."""
    text = pa.array(texts, pa.large_string())
    functions, shape = permutations(128, 1), Bands(*optimal_bands(0.75, 128), wide=True)
    return lambda: band_keys(text, ShingleSpec(), functions, shape)


def clusters(path: str, work: Path, threshold: float, bands: int, rows: int) -> Clusters:
    """A run of the command line."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    verify = f"{{jaccard: {threshold}}}" if os.environ.get("CURATE_VERIFY") == "1" else "null"
    pipeline = work / "pipeline.yaml"
    pipeline.write_text(
        "name: dedup\noutput: out\nsources:\n"
        f"  web: {{format: jsonl, kind: web, paths: [{Path(path).resolve()}]}}\n"
        f"stages:\n  - minhash_dedup: {{bands: {bands}, rows: {rows}, verify: {verify}}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "curate", "run", str(pipeline), "--executor", "inline"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[int, int | None] = {}
    for folder in ("documents", "removed"):
        for part in sorted((work / "out" / folder).rglob("*.parquet")):
            names = ["meta", "minhash_dedup.cluster"]
            for row in pq.read_table(part, columns=names).to_pylist():
                found[json.loads(row["meta"])["n"]] = row["minhash_dedup.cluster"]
    return [found[number] for number in sorted(found)]


if __name__ == "__main__":
    run(signatures, clusters)
