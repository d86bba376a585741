"""Gopher quality end to end, curate against datatrove, on the same documents in the same run.

Runs both sides in turn, each pinned to one core, and prints the table of README.md. Cost: a minute.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
FILES = (
    ("c4/c4-a.jsonl.gz", 1_000),
    ("c4/c4-b.jsonl.gz", 1_000),
    ("wikipedia/en-0.jsonl.gz", 1_000),
)
RUNS = 3


def texts(folder: Path) -> list[str]:
    """English web pages and encyclopedia articles."""
    found: list[str] = []
    for name, count in FILES:
        with gzip.open(folder / name, "rt", encoding="utf-8", newline="\n") as lines:
            found.extend(
                json.loads(line)["text"] for _, line in zip(range(count), lines, strict=False)
            )
    return found


def write_input(documents: Sequence[str], path: Path) -> int:
    """Write the documents as Parquet. Returns their UTF-8 bytes."""
    ids = [str(index) for index in range(len(documents))]
    pq.write_table(pa.table({"id": ids, "text": documents}), path, compression="zstd")
    return sum(len(text.encode()) for text in documents)


def run_side(python: str, script: str, files: Sequence[Path]) -> dict[str, float]:
    """Run one side in its own process on one core. Returns what it printed.

    files: small input for warming up, input, output.
    """
    core = min(os.sched_getaffinity(0))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = ["taskset", "-c", str(core), python, str(HERE / script), *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", required=True, help="Python of an environment with it")
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    arguments = parser.parse_args()
    sides = {
        "curate": (sys.executable, "curate_side.py"),
        "datatrove": (arguments.peer_python, "datatrove_side.py"),
    }
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as scratch:
        warm_up, source = Path(scratch) / "warm_up.parquet", Path(scratch) / "documents.parquet"
        documents = texts(arguments.data)
        write_input(documents[:20], warm_up)
        size = write_input(documents, source)
        for number in range(RUNS):
            for side, (python, script) in sides.items():
                target = Path(scratch) / side / f"{number}.parquet"
                target.parent.mkdir(exist_ok=True)
                runs[side].append(run_side(python, script, (warm_up, source, target)))
    print_table(runs, size)


def print_table(runs: dict[str, list[dict[str, float]]], size: int) -> None:
    """Medians of both sides and their ratio. size: UTF-8 bytes of text."""
    print(f"{runs['curate'][0]['read']:.0f} documents, {size / 1e6:.1f} MB of text, {RUNS} runs\n")
    print("| side | kept | wall seconds: median (all) | CPU seconds: median | MB/s |")
    print("|---|---|---|---|---|")
    medians = {}
    for side, results in runs.items():
        wall = statistics.median(result["seconds"] for result in results)
        processor = statistics.median(result["cpu_seconds"] for result in results)
        every = ", ".join(f"{result['seconds']:.3f}" for result in results)
        medians[side] = (wall, processor)
        cells = (side, results[0]["kept"], f"{wall:.3f} ({every})", f"{processor:.3f}")
        print("|", *(f"{cell} |" for cell in cells), f"{size / wall / 1e6:.2f} |")
    ratios = [medians["datatrove"][index] / medians["curate"][index] for index in (0, 1)]
    print(f"\nRatio of medians: {ratios[0]:.0f} × by wall time, {ratios[1]:.0f} × by CPU time.")


if __name__ == "__main__":
    main()
