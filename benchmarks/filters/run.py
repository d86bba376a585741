"""The FineWeb chain, end to end on one core: curate on a large file, and beside its peers on 5 MB.

    PYTHONPATH=. python benchmarks/filters/run.py CORPUS WORK [--peer NAME=PYTHON ...] [--large]

CORPUS: what `benchmarks/corpus` built. WORK: folder for inputs and outputs. NAME: datatrove, dolma
or datajuicer. Prints the tables of README.md. Cost: with all three peers, some ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from prepare import first_bytes, prepare, write

from curate.pipeline.executors.worker import ALLOCATOR_VARIABLES

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
RUNS = 3
WARM_UP_BYTES = 100_000
Figures = dict[str, float]


def run_side(python: str, script: str, arguments: Sequence[object]) -> Figures:
    """Run one side in its own process on one core. Returns what it printed last."""
    core = min(os.sched_getaffinity(0))
    environment = {
        **os.environ,
        **ALLOCATOR_VARIABLES,  # as every worker of curate has them; others do not look at them
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
    }
    command = ["taskset", "-c", str(core), python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{script}:\n{done.stderr[-3000:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def megabytes(path: Path) -> float:
    """Text of a file, UTF-8, in MB."""
    return float(
        pc.sum(pc.binary_length(pq.read_table(path, columns=["text"])["text"])).as_py() / 1e6
    )


def large(work: Path, names: Sequence[str]) -> None:
    """curate alone on whole files: end to end, and what its kernels took."""
    print("| input | MB | documents | kept | MB/s wall (all runs) | MB/s CPU | kernels, MB/s CPU |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        source = work / f"{name}.parquet"
        size = megabytes(source)
        runs = [curate(work, source, passes=1) for _ in range(RUNS)]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        every = ", ".join(f"{size / run['seconds']:.0f}" for run in runs)
        cells = (
            name,
            f"{size:.0f}",
            f"{middle['read']:.0f}",
            f"{middle['kept'] / middle['read']:.1%}",
            f"{size / middle['seconds']:.1f} ({every})",
            f"{size / middle['cpu_seconds']:.1f}",
            f"{size / middle['kernel_seconds']:.1f}",
        )
        print("|", " | ".join(cells), "|", flush=True)


def curate(work: Path, source: Path, passes: int) -> Figures:
    """One run of ours."""
    target = work / "out" / f"curate-{source.name}"
    stages = HERE / ("stages_cjk_thai.yaml" if "cjk" in source.stem else "stages.yaml")
    files = (work / "warm_up.parquet", source, target, stages, passes)
    return run_side(sys.executable, "curate_side.py", files)


def compared(work: Path, source: Path, peers: dict[str, str]) -> None:
    """All sides in turn, three times, on the slice."""
    runs: dict[str, list[Figures]] = {side: [] for side in ("curate", *peers)}
    size = megabytes(source)
    for number in range(RUNS):
        runs["curate"].append(curate(work, source, passes=5))
        for side, python in peers.items():
            target = work / "out" / f"{side}-{number}.parquet"
            files = (work / "warm_up.parquet", source, target)
            runs[side].append(run_side(python, f"{side}_side.py", files))
    ours = statistics.median(run["cpu_seconds"] for run in runs["curate"])
    print(f"\n{source.stem}: {runs['curate'][0]['read']:.0f} documents, {size:.1f} MB\n")
    print("| side | kept | wall seconds: median (all) | CPU seconds | MB/s CPU | curate is |")
    print("|---|---|---|---|---|---|")
    for side, results in runs.items():
        wall = statistics.median(run["seconds"] for run in results)
        processor = statistics.median(run["cpu_seconds"] for run in results)
        every = ", ".join(f"{run['seconds']:.2f}" for run in results)
        speed = f"{processor:.2f} | {size / processor:.2f} | {processor / ours:.0f} ×"
        print(f"| {side} | {results[0]['kept']:.0f} | {wall:.2f} ({every}) | {speed} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--large", action="store_true", help="also the whole files, curate alone")
    arguments = parser.parse_args()
    prepare(arguments.corpus, arguments.work)
    (arguments.work / "out").mkdir(exist_ok=True)
    warm_up = first_bytes(pq.read_table(arguments.work / "slice.parquet"), WARM_UP_BYTES)
    write(warm_up, arguments.work / "warm_up.parquet")
    if arguments.large:
        large(arguments.work, ("english", "cjk_thai"))
    peers = dict(peer.split("=", 1) for peer in arguments.peer)
    if peers:
        compared(arguments.work, arguments.work / "slice.parquet", peers)


if __name__ == "__main__":
    main()
