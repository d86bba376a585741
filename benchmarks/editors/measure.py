"""MB/s per core of every editor and of the filters of character, code and length figures.

`python benchmarks/editors/measure.py ../shared/data` (about a minute). Per text and stage
the median CPU time of five interleaved runs over one batch of 32 MiB at most, one thread. Texts: C4
(English), Wikipedia (English, Korean), FLORES lines of 41 languages, Python files of the standard
library.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from curate.stages.base import Editor, Filter, Stage
from curate.stages.catalogue import load_stage

STAGES = (
    "unicode_repair",
    "remove_markup",
    "emoji_to_text",
    "normalize_whitespace",
    "ratios",
    "document_length",
    "code_quality",
)
BATCH_BYTES = 32 * 2**20
RUNS = 5


def json_lines(path: Path, key: str = "text") -> Iterator[str]:
    """The texts of a gzip file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)[key]


def python_files() -> Iterator[str]:
    """The Python files of the running standard library, except its tests."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in path.parts and "test" not in path.parts:
            yield path.read_text("utf-8", "replace")


def flores(folder: Path) -> Iterator[str]:
    """Blocks of 20 lines, every fifth language."""
    blocks: dict[str, list[str]] = {}
    with gzip.open(folder / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            blocks.setdefault(row["language"], []).append(row["text"])
    for language in sorted(blocks)[::5]:
        lines = blocks[language]
        for start in range(0, len(lines), 20):
            yield "\n".join(lines[start : start + 20])


def batch_of(texts: Iterator[str]) -> pa.RecordBatch:
    """Texts up to the size of a batch."""
    kept, size = [], 0
    for text in texts:
        kept.append(text)
        size += len(text.encode())
        if size > BATCH_BYTES:
            break
    return pa.RecordBatch.from_arrays([pa.array(kept, pa.large_string())], ["text"])


def run(stage: Stage, batch: pa.RecordBatch) -> float:
    """Seconds of CPU time of one pass."""
    start = time.process_time()
    if isinstance(stage, Editor):
        stage.edit(batch)
    elif isinstance(stage, Filter):
        for annotator in stage.annotators():
            annotator.annotate(batch)
    return time.process_time() - start


def main() -> None:
    """Print a Markdown table."""
    folder = Path(sys.argv[1])
    texts = {
        "C4": batch_of(json_lines(folder / "c4" / "c4-a.jsonl.gz")),
        "Wikipedia en": batch_of(json_lines(folder / "wikipedia" / "en-0.jsonl.gz")),
        "Wikipedia ko": batch_of(json_lines(folder / "wikipedia" / "ko-0.jsonl.gz")),
        "FLORES, 41 languages": batch_of(flores(folder)),
        "Python files": batch_of(python_files()),
    }
    wanted = sys.argv[2:] or STAGES
    bounds = {"document_length": {"min_characters": 1, "min_words": 1, "min_lines": 1}}
    stages = {name: load_stage(name)(**bounds.get(name, {})) for name in wanted}
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(RUNS):
        for name, stage in stages.items():
            for title, batch in texts.items():
                seconds.setdefault((name, title), []).append(run(stage, batch))
    sizes = {title: batch.nbytes / 1e6 for title, batch in texts.items()}
    print("| MB/s per core | " + " | ".join(f"{t} ({sizes[t]:.0f} MB)" for t in texts) + " |")
    print("|---" * (len(texts) + 1) + "|")
    for name in stages:
        speeds = (sizes[t] / statistics.median(seconds[name, t]) for t in texts)
        print(f"| {name} | " + " | ".join(f"{speed:.0f}" for speed in speeds) + " |")


if __name__ == "__main__":
    main()
