"""What does `line_dedup` cost, Parquet to Parquet, beside dolma's deduplication of paragraphs?

    PYTHONPATH=. python benchmarks/dedup/lines.py WORK TEXTS.parquet [--megabytes 50] [--repeat 3]
        [--dolma PATH]

TEXTS.parquet: any real texts in a column `text` (and `url`). Curate runs its whole pipeline (read,
hash, four passes, edit, write) with the inline executor, once without and once with the stage, in
turns; what the stage costs is the difference. CPU seconds of the process and its children, medians
of `--repeat`. dolma (1.2, Rust, a Bloom filter of 1 GB): `dolma dedupe` of paragraphs on the same
texts as gzip JSON Lines, which marks them and leaves cutting to `dolma mix`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PIPELINE = """\
name: lines
output: {output}
sources: {{web: {{format: parquet, kind: web, paths: [{corpus}]}}}}
stages: [{stages}]
removed: {{text: none}}
"""
STAGES = {
    "nothing": "normalize_whitespace",
    "line": "normalize_whitespace, line_dedup",
    "paragraph": "normalize_whitespace, line_dedup: {unit: paragraph}",
    "sentences": "normalize_whitespace, line_dedup: {unit: sentences, min_characters: 0}",
}
DOLMA = """\
documents: [{folder}/documents/*.gz]
dedupe:
  name: paragraphs
  paragraphs: {{attribute_name: duplicates}}
  skip_empty: true
bloom_filter:
  file: {folder}/bloom.bin
  read_only: false
  size_in_bytes: 1073741824
  desired_false_positive_rate: 0.0001
  estimated_doc_count: 100000000
processes: 1
"""


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Of a command and its children. Raises RuntimeError with its output when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def corpus(texts: Path, path: Path, megabytes: float) -> float:
    """The first texts of a file, up to a size; returns the size in MB."""
    table = pq.read_table(texts)
    table = table.select([name for name in ("text", "url") if name in table.schema.names])
    sizes = pc.cumulative_sum(pc.binary_length(table.column("text")).cast(pa.int64()))
    table = table.slice(0, pc.sum(pc.less_equal(sizes, int(megabytes * 1e6))).as_py())
    pq.write_table(table, path, row_group_size=2_000)
    return float(pc.sum(pc.binary_length(table.column("text")).cast(pa.int64())).as_py()) / 1e6


def curate_side(work: Path, stages: str) -> float:
    """CPU seconds of a whole run."""
    output = work / "out"
    shutil.rmtree(output, ignore_errors=True)
    file = work / "lines.yaml"
    file.write_text(PIPELINE.format(output=output, corpus=work / "corpus.parquet", stages=stages))
    command = [sys.executable, "-m", "curate", "run", str(file), "--executor", "inline"]
    return cpu_seconds(command, Path.cwd())


def dolma_side(work: Path, dolma: str) -> float:
    """CPU seconds of marking repeated paragraphs."""
    folder = work / "dolma"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "documents").mkdir(parents=True)
    texts = pq.read_table(work / "corpus.parquet", columns=["text"]).column("text")
    with gzip.open(folder / "documents" / "0.json.gz", "wt", compresslevel=1) as file:
        for number, text in enumerate(texts.to_pylist()):
            file.write(json.dumps({"id": str(number), "text": text, "source": "web"}) + "\n")
    (folder / "dedupe.yaml").write_text(DOLMA.format(folder=folder))
    return cpu_seconds([dolma, "-c", str(folder / "dedupe.yaml"), "dedupe"], folder)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dolma", default=None, help="path of the command")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    size = corpus(options.texts, work / "corpus.parquet", options.megabytes)
    seconds: dict[str, list[float]] = {name: [] for name in STAGES}
    peer: list[float] = []
    for _ in range(options.repeat):
        for name, stages in STAGES.items():
            seconds[name].append(curate_side(work, stages))
        if options.dolma:
            peer.append(dolma_side(work, options.dolma))
    found = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{size:.0f} MB of text\n")
    print("| unit | CPU s of the run | of the stage | MB/s of the stage | MB/s of the run |")
    print("|---|---|---|---|---|")
    for name, time in found.items():
        own = time - found["nothing"]
        rate = "–" if name == "nothing" else f"{size / max(own, 1e-9):.1f}"
        print(f"| {name} | {time:.1f} | {own:.1f} | {rate} | {size / time:.1f} |")
    if peer:
        time = statistics.median(peer)
        print(f"| dolma dedupe, paragraphs (marks only) | {time:.1f} | | | {size / time:.1f} |")


if __name__ == "__main__":
    main()
