"""Peak memory of a worker, step by step, for an input and the same input eight times.

`python benchmarks/worker_memory/run.py FILE.jsonl` copies the file into a temporary folder, runs
gopher_quality and exact_dedup with the inline executor on one and on eight copies in one file, and
prints the largest resident size of the worker seen in each step (sampled every 50 ms).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PIPELINE = """\
name: memory
output: {output}
sources: {{a: {{format: jsonl, paths: [{file}]}}}}
stages: [gopher_quality, exact_dedup]
"""


def resident_mib(pid: int) -> int:
    """Resident size of a process, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def current_step(output: Path) -> str:
    """Label of the step that started last."""
    log = output / "events.jsonl"
    events = [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []
    started = [event["step"] for event in events if event["event"] == "step_started"]
    return started[-1] if started else "start"


def measure(folder: Path, file: Path) -> dict[str, int]:
    """Peak of the worker in MiB by step."""
    output = folder / f"run-{file.stem}"
    pipeline = folder / f"{file.stem}.yaml"
    pipeline.write_text(PIPELINE.format(output=output, file=file))
    command = [sys.executable, "-m", "curate", "run", str(pipeline)]
    command += ["--executor", "inline", "--no-report"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks: dict[str, int] = {}
    while process.poll() is None:
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        )
        step = current_step(output)
        sizes = [resident_mib(int(pid)) for pid in found.stdout.split()]
        peaks[step] = max([peaks.get(step, 0), *sizes])
        time.sleep(0.05)
    return peaks


def main(source: Path) -> None:
    """Measure one copy and eight."""
    with tempfile.TemporaryDirectory(prefix="curate-memory-") as name:
        folder = Path(name)
        for copies in (1, 8):
            file = folder / f"x{copies}.jsonl"
            with file.open("wb") as target:
                for _ in range(copies):
                    with source.open("rb") as data:
                        shutil.copyfileobj(data, target)
            print(f"{file.stat().st_size / 1e6:,.0f} MB:", measure(folder, file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
