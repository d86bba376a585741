"""Does a document cost the same in a corpus ten and a hundred times as large?

    PYTHONPATH=. python benchmarks/dedup/flat.py WORK TEXTS.parquet [--stages minhash_dedup]
        [--documents 100000,1000000,10000000] [--workers 2] [--keep]

WORK: a folder for corpus and runs (10 million documents: 40 GB). TEXTS.parquet: any real texts in a
column `text`. Runs the whole pipeline on the first documents of one corpus (`flat_corpus.py`) for
each size, with the Ray executor. The median of `--repeat` runs counts. Prints per size: seconds,
CPU seconds, the largest resident size of any worker, bytes written to exchanges; then the marginal
time per document between sizes and the ratio of the last two, which the project promises to be at
most 1.2. Starting Ray and the workers is the same for every size and falls out of the differences.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flat_corpus import SHARD_DOCUMENTS, write_corpus

EXCHANGE_KINDS = ("exchange", "visits", "shards", "settled", "verdicts", "links", "lookup")
PIPELINE = """\
name: flat
output: {output}
seed: 17
keep_intermediates: all
sources: {{web: {{format: parquet, kind: web, paths: [{paths}]}}}}
stages: [{stages}]
removed: {{text: sample}}
"""


HEADER = """\
| documents | text GB | seconds | CPU s | removed | worker MiB | driver MiB | exchange B/doc |
|---|---|---|---|---|---|---|---|"""


@dataclass
class Measured:
    """One size. worker_mib: the largest resident size that a worker reached."""

    documents: int
    text_bytes: int
    seconds: float
    cpu_seconds: float
    steps: dict[str, float]
    kept: int
    worker_mib: int
    driver_mib: int
    exchange_bytes: int


class Watch(threading.Thread):
    """Samples the resident high-water marks and the CPU time of a process and those below it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.worker_mib = self.driver_mib = 0
        self.done = threading.Event()
        self.ticks: dict[int, int] = {}

    def run(self) -> None:
        """Twice a second; the mark of a process only grows."""
        while not self.done.wait(0.5):
            self.driver_mib = max(self.driver_mib, high_water_mib(self.root))
            for pid in [self.root, *below(self.root)]:
                self.ticks[pid] = max(self.ticks.get(pid, 0), cpu_ticks(pid))
                if is_worker(pid):
                    self.worker_mib = max(self.worker_mib, high_water_mib(pid))


def cpu_ticks(pid: int) -> int:
    """CPU time so far in ticks, 0 when the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def below(root: int) -> list[int]:
    """Processes below `root`."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found


def is_worker(pid: int) -> bool:
    """A process of Ray that runs jobs, or the child of the inline executor."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    is_job = command.startswith(b"ray::") and b"Agent" not in command
    return is_job or b"multiprocessing.spawn" in command


def high_water_mib(pid: int) -> int:
    """Largest resident size so far, 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def measure(work: Path, documents: int, text_bytes: int, options: argparse.Namespace) -> Measured:
    """Run the pipeline on the first documents."""
    output = work / f"run-{documents}"
    shutil.rmtree(output, ignore_errors=True)
    shards = range(documents // SHARD_DOCUMENTS)
    paths = ", ".join(str(work / "corpus" / f"{number:05d}.parquet") for number in shards)
    pipeline = work / f"flat-{documents}.yaml"
    pipeline.write_text(PIPELINE.format(output=output, paths=paths, stages=options.stages))
    command = [sys.executable, "-m", "curate", "run", str(pipeline), "--no-report"]
    command += ["--executor", options.executor]
    if options.executor == "ray":
        command += ["--workers", str(options.workers)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watch = Watch(process.pid)
    watch.start()
    status = process.wait()
    seconds = time.monotonic() - started
    watch.done.set()
    watch.join()
    if status:
        sys.exit(f"the run of {documents:,} documents ended with status {status}")
    record = json.loads((output / "run.json").read_bytes())
    written = sum(
        path.stat().st_size
        for path in (output / "steps").rglob("*")
        if path.is_file() and path.name.split(".")[1] in EXCHANGE_KINDS
    )
    if not options.keep:
        shutil.rmtree(output)
    return Measured(
        documents,
        text_bytes,
        seconds,
        sum(watch.ticks.values()) / os.sysconf("SC_CLK_TCK"),
        record["step_seconds"],
        record["totals"]["kept"],
        watch.worker_mib,
        watch.driver_mib,
        written,
    )


def row(found: Measured) -> str:
    """A line of the table."""
    return (
        f"| {found.documents:,} | {found.text_bytes / 1e9:.2f} | {found.seconds:.1f} "
        f"| {found.cpu_seconds:.1f} "
        f"| {100 * (1 - found.kept / found.documents):.2f} % | {found.worker_mib:,} "
        f"| {found.driver_mib:,} | {found.exchange_bytes / found.documents:.0f} |"
    )


def marginal(small: Measured, large: Measured) -> tuple[float, float]:
    """Microseconds per further document: on the clock, and of all CPUs."""
    more = (large.documents - small.documents) / 1e6
    return (large.seconds - small.seconds) / more, (large.cpu_seconds - small.cpu_seconds) / more


def main() -> None:
    """Print the table of README.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("work", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--documents", default="100000,1000000")
    parser.add_argument("--stages", default="minhash_dedup")
    parser.add_argument("--executor", default="ray", choices=["ray", "inline"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="runs of every size but the largest")
    parser.add_argument("--keep", action="store_true", help="keep the run folders")
    parser.add_argument("--steps", action="store_true", help="print the seconds of every step")
    options = parser.parse_args()
    work = options.work.resolve()
    sizes = sorted(int(size) for size in options.documents.split(","))
    if any(size % SHARD_DOCUMENTS for size in sizes):
        parser.error(f"--documents: multiples of {SHARD_DOCUMENTS:,}")
    write_corpus(work / "corpus", options.texts, sizes[-1])
    print(HEADER)
    found = []
    for size in sizes:
        text_bytes = write_corpus(work / "corpus", options.texts, size)
        runs = [
            measure(work, size, text_bytes, options)
            for _ in range(1 if size == sizes[-1] else options.repeat)
        ]
        middle = min(
            runs, key=lambda run: abs(run.seconds - statistics.median(r.seconds for r in runs))
        )
        found.append(middle)
        print(row(middle), flush=True)
        if options.steps:
            for step, seconds in middle.steps.items():
                print(f"    {step}: {seconds:.1f} s", flush=True)
    costs = [marginal(small, large) for small, large in pairwise(found)]
    for (small, large), (clock, cpu) in zip(pairwise(found), costs, strict=True):
        per = f"{clock:.1f} µs per further document, {cpu:.1f} µs of CPU"
        print(f"{small.documents:,} to {large.documents:,}: {per}")
    if len(costs) > 1:
        clock, cpu = (later / earlier for earlier, later in zip(*costs[-2:], strict=True))
        print(f"ratio of the last two: {clock:.2f} (promised: at most 1.20), of CPU {cpu:.2f}")


if __name__ == "__main__":
    main()
