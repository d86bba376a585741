"""32k BPE on the same text by curate, `tokenizers` and SentencePiece: seconds and peak memory.

`python benchmarks/tokenizer_training/run.py FOLDER` trains each side in a process of its own on two
threads, one after the other, on the texts of `prepare.py`. A side that is not done in time
(`--at-most-seconds`) is ended and counts as slower.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def train(side: str, arguments: list[str], at_most: float) -> dict[str, Any]:
    """Facts of one training."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(HERE / "side.py"), side, *arguments], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    timer = threading.Timer(at_most, os.kill, (process.pid, signal.SIGKILL))
    timer.start()
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    facts: dict[str, Any] = {
        "side": side,
        "seconds": time.monotonic() - start,
        "CPU seconds": usage.ru_utime + usage.ru_stime,
        "peak MB": usage.ru_maxrss * 1024 / 1e6,
        "done": process.returncode == 0,
    }
    return facts | (json.loads(printed) if process.returncode == 0 else {})


def main() -> None:
    """Print a line per side."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--parts", type=int, default=64, help="of 16 MB")
    arguments.add_argument("--vocabulary", type=int, default=32_000)
    arguments.add_argument("--sides", default="curate,tokenizers,sentencepiece")
    arguments.add_argument("--at-most-seconds", type=float, default=1800)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for side in given.sides.split(","):
            output = Path(folder, f"{side}.json")
            sized = [str(given.folder), str(given.parts), str(given.vocabulary), str(output)]
            facts = train(side, sized, given.at_most_seconds)
            print(json.dumps(facts), flush=True)
        models = [Path(folder, f"{side}.json") for side in ("curate", "tokenizers")]
        if all(path.exists() for path in models):
            found = [json.loads(path.read_text())["model"] for path in models]
            print("curate and tokenizers made equal vocabularies and merges:", found[0] == found[1])


if __name__ == "__main__":
    main()
