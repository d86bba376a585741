"""Speed of the encode step, whole: Parquet to `.bin`/`.idx`, on one core, beside `tokenizers` and
datatrove.

    python benchmarks/encode/run.py --data ../shared/data --datatrove PYTHON -o table.md

Every side runs in a process of its own, on texts it has not seen; speeds are bytes of text per CPU
second. *start-up* is the first part of the corpus (a cold cache), *steady* all later parts with
their share of the token files. Peers get the first `--peer-megabytes` of the corpus.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import SpecError
from curate.pipeline.executors.worker import ALLOCATOR_VARIABLES, THREAD_VARIABLES
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train

HERE = Path(__file__).parent
TRAINED_MEGABYTES = 20
MODELS: dict[str, tuple[dict[str, Any], float]] = {
    "bpe": ({"vocab_size": 32_000}, inf),
    "bytes": ({"model": "bytes"}, inf),
    "unigram": ({"model": "unigram", "vocab_size": 16_000}, 16),
    "wordpiece": ({"model": "wordpiece", "vocab_size": 16_000}, 16),
}
"""Configuration, and how many MB of the corpus are encoded with it at most."""


def texts_of(data: Path, names: list[str]) -> list[str]:
    """Texts of JSON lines below the folder of real texts."""
    found = []
    for name in names:
        with gzip.open(data / name, "rt", encoding="utf-8") as lines:
            found += [json.loads(line)["text"] for line in lines]
    return found


def first_megabytes(texts: list[str], megabytes: float) -> list[str]:
    """The first texts, up to so many MB."""
    left, kept = megabytes * 1e6, []
    for text in texts:
        if left <= 0:
            break
        kept.append(text)
        left -= len(text.encode())
    return kept


def write(path: Path, texts: list[str]) -> Path:
    """Texts with ids as Parquet."""
    ids = [str(number) for number in range(len(texts))]
    pq.write_table(pa.table({"id": ids, "text": pa.array(texts, pa.large_string())}), path)
    return path


def call(*arguments: object) -> dict[str, Any]:
    """The JSON that a side prints last."""
    command = [str(each) for each in arguments]
    environment = {
        **os.environ,
        **ALLOCATOR_VARIABLES,
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measure(
    language: str, texts: list[str], model: str, options: argparse.Namespace, folder: Path
) -> str:
    """One line of the table."""
    settings, most = MODELS[model]
    config = TokenizerConfig(**settings)
    sample = pa.array(first_megabytes(texts, TRAINED_MEGABYTES), pa.large_string())
    tokenizer = folder / f"{model}-{language}.json"
    tokenizer.write_bytes(train(count_texts([sample], config), config).tokenizer_json)
    size = min(most, sum(len(text.encode()) for text in texts) / 1e6)
    own_texts = write(folder / "own.parquet", first_megabytes(texts, size))
    peer = write(folder / "peer.parquet", first_megabytes(texts, options.peer_megabytes))
    parts = min(options.parts, max(2, int(size / 8)))
    warm_up = write(folder / "warm_up.parquet", first_megabytes(texts, 0.1))
    starts, steady, bare, other = [], [], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=folder) as store:
            own = call(
                sys.executable,
                HERE / "curate_side.py",
                own_texts,
                tokenizer,
                store,
                parts,
                "auto",
            )
        whole, first = sum(own["bytes"]), own["bytes"][0]
        later = whole - first
        seconds = sum(own["seconds"][1:]) + own["assemble_seconds"] * later / whole
        starts.append(first / own["seconds"][0] / 1e6)
        steady.append(later / seconds / 1e6)
        bare.append(speed_of(call(sys.executable, HERE / "library_side.py", peer, tokenizer)))
        if options.datatrove and model != "bytes":
            # It leaves out what it has done before in the same folder.
            place = tempfile.mkdtemp(dir=folder)
            command = (HERE / "datatrove_side.py", warm_up, peer, tokenizer, place)
            other.append(speed_of(call(options.datatrove, *command)))
    speed = median(steady)
    cells = [language, model, own["backend"], f"{whole / 1e6:.0f}"]
    cells += [f"{median(starts):.1f}", f"{speed:.1f}"]
    cells += [f"{median(bare):.2f}", f"{speed / median(bare):.1f}"]
    cells += [f"{median(other):.2f}", f"{speed / median(other):.1f}"] if other else ["–", "–"]
    return f"| {' | '.join(cells)} |"


def speed_of(side: dict[str, Any]) -> float:
    """MB per second."""
    return float(side["bytes"] / side["seconds"] / 1e6)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--english", type=Path, help="Parquet with a column text, instead")
    parser.add_argument("--korean", type=Path, help="Parquet with a column text, instead")
    parser.add_argument("--datatrove", help="Python of an environment with datatrove")
    parser.add_argument("--parts", type=int, default=6, help="at most; one has 8 MB or more")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-megabytes", type=float, default=4)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    files = {
        "English": (options.english, ["wikipedia/en-0.jsonl.gz", "wikipedia/en-1.jsonl.gz"]),
        "Korean": (options.korean, ["wikipedia/ko-0.jsonl.gz", "wikipedia/ko-1.jsonl.gz"]),
    }
    lines = [
        "| text | model | backend | MB | start-up MB/s | steady MB/s | `tokenizers` MB/s | × "
        "| datatrove MB/s | × |",
        f"|---|---|---|{'---:|' * 7}",
    ]
    print(*lines, sep="\n")
    with tempfile.TemporaryDirectory() as place:
        for language, (own, names) in files.items():
            texts = (
                texts_of(options.data, names)
                if own is None
                else pq.read_table(own, columns=["text"]).column("text").to_pylist()
            )
            for model in options.models:
                try:
                    line = measure(language, texts, model, options, Path(place))
                except SpecError as error:
                    line = f"| {language} | {model} | {error} |"
                print(line, flush=True)
                lines.append(line)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
