"""Starts the sides of the comparison, each in the environment of its program."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent


class Answer(NamedTuple):
    """What a side printed, and the CPU seconds of its process and of those it started."""

    value: dict[str, Any]
    seconds: float


def peers(arguments: list[str]) -> dict[str, str]:
    """`name=python` of every peer; curate itself runs in this environment."""
    return {"curate": sys.executable} | dict(each.split("=", 1) for each in arguments)


def ask(python: str, side: str, *arguments: str | Path, verify: bool = False) -> Answer:
    """Run one command of a side on one core."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    environment = os.environ | threads | {"CURATE_VERIFY": str(int(verify))}
    environment["HF_DATASETS_OFFLINE"] = "1"
    command = [python, str(HERE / f"{side}_side.py"), *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Answer(json.loads(done.stdout.strip().splitlines()[-1]), seconds)
