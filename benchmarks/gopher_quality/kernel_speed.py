"""Speed of the text kernels on one core, by CPU time: the best of many passes over real texts."""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.hashes import text_hash_128
from curate.kernels.measure import Request, measure
from curate.kernels.normalize import normalized_text

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = {"English": "c4/c4-a.jsonl.gz", "Korean": "wikipedia/ko-0.jsonl.gz"}
PASSES = 60
FAMILIES = {
    "words": Request("words"),
    "lines": Request("lines"),
    "repetition": Request("repetition"),
    "fineweb": Request("fineweb", (30,)),
}
KERNELS: dict[str, Callable[[pa.LargeStringArray], object]] = {
    **{
        name: partial(lambda request, text: measure(text, [request]), request)
        for name, request in FAMILIES.items()
    },
    "these four in one pass": lambda text: measure(text, list(FAMILIES.values())),
    "normalized_text": normalized_text,
    "text_hash_128": text_hash_128,
}


def megabytes_per_second(kernel: Callable[[pa.LargeStringArray], object], text: pa.Array) -> float:
    """Text bytes per CPU second in the best pass."""
    best = float("inf")
    for _ in range(PASSES):
        start = time.process_time()
        kernel(text)
        best = min(best, time.process_time() - start)
    return float(text.nbytes / best / 1e6)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    folder = parser.parse_args().data
    texts = {}
    for language, name in FILES.items():
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            texts[language] = pa.array(
                [json.loads(line)["text"] for line in lines], pa.large_string()
            )
    print(f"instructions: {_native.instruction_set()}\n")
    print("| kernel |", *(f"{language} MB/s |" for language in texts))
    print("|---|", *("---|" for _ in texts))
    for name, kernel in KERNELS.items():
        speeds = [f"{megabytes_per_second(kernel, text):.0f} |" for text in texts.values()]
        print(f"| {name} |", *speeds)


if __name__ == "__main__":
    main()
