"""`substring_dedup` in whole runs: MB/s per core, memory, exchange bytes; beside a suffix array.

    python benchmarks/dedup/substring.py TEXTS.parquet [--megabytes 100] [--suffix-megabytes 32]

Takes the first megabytes of the column `text`, and a quarter of them. Runs `curate run` with the
inline executor on both, with and without the stage. The stage's cost is the difference of the CPU
time of both runs (all processes); its memory the largest resident size of the worker.

With `pydivsufsort` installed (not needed by curate): builds suffix array and LCP of the first
`--suffix-megabytes`, finds the repeated windows in them, and compares every text that the stage
left with what the array says. About four minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.kernels.substrings import cut_spans

WINDOW = 220
BETWEEN = b"\xff"
"""Between documents: a byte that no UTF-8 text holds, so that no window spans two."""
PIPELINE = """\
name: substring
output: {output}
sources: {{texts: {{format: parquet, paths: [{file}]}}}}
stages: [{stages}]
engine: {{shard_input_bytes: 64 MiB}}
"""
STAGES = {"without": "{document_length: {min_characters: 0}}", "with": "substring_dedup"}


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    cpu_seconds: float
    worker_mib: int


def head(file: Path, megabytes: float) -> pa.Table:
    """The first documents of a file, with at most that much text."""
    batches, left = [], megabytes * 1e6
    for batch in pq.ParquetFile(file).iter_batches(4096, columns=["text"]):
        sizes = np.cumsum(pc.binary_length(batch.column(0)).to_numpy(zero_copy_only=False))
        batches.append(batch.slice(0, int(np.searchsorted(sizes, left, side="right"))))
        left -= sizes[-1]
        if left <= 0:
            break
    table = pa.Table.from_batches(batches)
    return table.cast(pa.schema([pa.field("text", pa.large_string())]))


def resident_mib(pid: int | str, what: str = "VmRSS") -> int:
    """Resident size of a process, or its peak (VmHWM); 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(what)), 0)


def run(folder: Path, file: Path, name: str) -> tuple[Cost, Path]:
    """One run to the end."""
    output = folder / f"{file.stem}-{name}"
    pipeline = folder / f"{output.name}.yaml"
    pipeline.write_text(PIPELINE.format(output=output, file=file, stages=STAGES[name]))
    command = [sys.executable, "-m", "curate", "run", str(pipeline)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [*command, "--executor", "inline", "--no-report"], stdout=subprocess.DEVNULL
    )
    largest = 0
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        largest = max([largest, *(resident_mib(int(pid)) for pid in pids)])
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"curate run {pipeline} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, largest), output


def measured(folder: Path, table: pa.Table) -> Path:
    """Prints one line about a table of texts; returns the run with the stage."""
    megabytes = pc.sum(pc.binary_length(table.column("text"))).as_py() / 1e6
    file = folder / f"texts{round(megabytes)}.parquet"
    pq.write_table(table, file, row_group_size=8192)
    without, _ = run(folder, file, "without")
    costs, output = run(folder, file, "with")
    record = json.loads((output / "run.json").read_text())
    stage = next(each for each in record["stages"] if each["name"] == "substring_dedup")
    exchange = stage["exchange"]
    seconds = costs.cpu_seconds - without.cpu_seconds
    print(
        f"{megabytes:8.1f} MB {table.num_rows:8,} documents: {seconds:6.1f} s of CPU time more, "
        f"{megabytes / seconds:5.1f} MB/s per core; worker {costs.worker_mib} MiB "
        f"({without.worker_mib} without); exchange {json.dumps(exchange)}",
        flush=True,
    )
    return output


def suffix_array_spans(texts: list[bytes]) -> tuple[list[list[int]], float, float]:
    """Repeated windows of texts (keep the first) by suffix array and LCP array; CPU seconds of both
    arrays; bytes of memory per byte of text, the text included.
    """
    from pydivsufsort import divsufsort, kasai

    text = b"".join(each + BETWEEN for each in texts)
    before = resident_mib("self")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    started = time.process_time()
    suffixes = divsufsort(text)
    common = kasai(text, suffixes)
    seconds = time.process_time() - started
    peak = 2**20 * (resident_mib("self", "VmHWM") - before)
    ends = np.cumsum([len(each) + 1 for each in texts])
    starts = np.concatenate([[True], common[: len(text) - 1] < WINDOW])
    first = np.minimum.reduceat(suffixes, np.flatnonzero(starts))[np.cumsum(starts) - 1]
    document, own = (np.searchsorted(ends, place, side="right") for place in (suffixes, first))
    whole = suffixes + WINDOW < ends[document]
    later = whole & (suffixes != first) & ((document != own) | (suffixes - first >= WINDOW))
    opened, closed = (
        np.bincount(suffixes[later] + side, minlength=len(text)) for side in (0, WINDOW)
    )
    removed = np.cumsum(opened[: len(text)] - closed[: len(text)]) > 0
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], removed, [False]])))
    spans: list[list[int]] = [[] for _ in texts]
    begins = np.concatenate([[0], ends])
    for begin, end in bounds.reshape(-1, 2).tolist():
        number = int(np.searchsorted(ends, begin, side="right"))
        spans[number] += [begin - int(begins[number]), end - int(begins[number])]
    return spans, seconds, 1 + peak / len(text)


def compare(folder: Path, table: pa.Table) -> None:
    """The suffix array's speed and memory, and whether it cuts the same."""
    texts = [text.encode() for text in table.column("text").to_pylist()]
    megabytes = sum(map(len, texts)) / 1e6
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        spans, seconds, factor = process.submit(suffix_array_spans, texts).result()
    print(
        f"suffix array and LCP of {megabytes:.0f} MB in one piece: {megabytes / seconds:.1f} MB/s "
        f"per core, {factor:.1f} bytes of memory per byte of text"
    )
    text = table.column("text").combine_chunks()
    lists = pa.array(spans, pa.list_(pa.uint32()))
    expected = cut_spans(text, lists, 0).column("text").to_pylist()
    output = measured(folder, table)
    parts = sorted((output / "documents").rglob("*.parquet"))
    left = [text for part in parts for text in pq.read_table(part).column("text").to_pylist()]
    same = left == [
        after for before, after in zip(texts, expected, strict=True) if after or not before
    ]
    cut = 1 - sum(len(text.encode()) for text in left) / sum(map(len, texts))
    print(
        f"texts cut by both are {'equal' if same else 'DIFFERENT'}; {cut:.2%} of the bytes removed"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--suffix-megabytes", type=float, default=32)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        for megabytes in (options.megabytes / 4, options.megabytes):
            measured(folder, head(options.texts, megabytes))
        if importlib.util.find_spec("pydivsufsort") is None:
            print("pydivsufsort is not installed: no suffix array to compare with")
        else:
            compare(folder, head(options.texts, options.suffix_megabytes))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
