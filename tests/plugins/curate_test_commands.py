"""The `curate` command as a process: started, watched through the run's events, killed, and looked
at afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
ON_PATH = [str(TESTS / "plugins"), str(TESTS / "pipeline"), str(TESTS.parent)]
LOOK_SECONDS = 0.005

PIPELINE = """\
name: small
output: out
seed: 17
sources:
  web:   {format: jsonl, paths: [web/*.jsonl]}
  wiki:  {format: jsonl, paths: ["wiki-*.jsonl.gz"], text_field: body.text}
  books: {format: text, paths: [books.txt], document: block, kind: book}
stages:
  - language: {keep: {en: 0.4}}
  - gopher_quality: {min_words: 40}
    expect_kept: [0.1, 1.0]
  - exact_dedup
tokenizer: {vocab_size: 512}
pack: {validation_fraction: 0.1}
engine:
  {shard_input_bytes: 40000, exchange_partition_bytes: 6500, batch_bytes: 30000, part_bytes: 100000}
max_bad_fraction: 0.1
"""
"""On the corpus of `tiny.write_corpus`, without its Parquet source."""

Events = list[dict[str, Any]]


def environment(**more: str) -> dict[str, str]:
    """The tests' environment with the tree on the path, plain output, and no Ray from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = dict.fromkeys([*ON_PATH, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))])
    return kept | {"PYTHONPATH": os.pathsep.join(path), "RAY_USAGE_STATS_ENABLED": "0"} | more


def curate(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "curate", *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def _hear_interrupts() -> None:
    """A shell starts background commands deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """A running command in a process group of its own, its output in files."""

    def __init__(
        self, *arguments: str, cwd: Path, output: Path, env: dict[str, str] | None = None
    ) -> None:
        self.run_folder = output
        self.seen = len(events(output))
        self._log = cwd / f"{output.name}.{time.monotonic_ns()}.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "curate", *arguments, "--set", f"output={output}"],
                cwd=cwd,
                env=env or environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_hear_interrupts,
            )

    def wait_for(self, enough: Callable[[Events], bool], timeout_s: float = 120) -> bool:
        """Look at the events of this attempt until there are enough (True), or the command ended
        before (False).
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            ended = self.process.poll() is not None
            if enough(events(self.run_folder)[self.seen :]):
                return True
            if ended:
                return False
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"not within {timeout_s} s; so far:\n{self.output()}")

    def signal(self, number: signal.Signals) -> None:
        """To the driver alone."""
        self.process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """To the whole process group, as a terminal does for Ctrl-C."""
        os.killpg(self.process.pid, number)

    def end(self, timeout_s: float = 120) -> int:
        """Its exit code."""
        return self.process.wait(timeout_s)

    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill_when(self, enough: Callable[[Events], bool]) -> bool:
        """SIGKILL the driver then; False when it was done before."""
        hit = self.wait_for(enough)
        self.process.kill()
        self.process.wait()
        return hit


def finished_shards(count: int) -> Callable[[Events], bool]:
    """True once `count` shards were done."""
    return lambda seen: sum(event["event"] == "shard_done" for event in seen) >= count


def events(output: Path) -> Events:
    """Whole lines of `events.jsonl`."""
    path = output / "events.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines(keepends=True):
        with contextlib.suppress(json.JSONDecodeError):
            if line.endswith(b"\n"):
                found.append(json.loads(line))
    return found


def attempts(output: Path) -> list[Events]:
    """Events cut into runs of the command."""
    cut: list[Events] = []
    for event in events(output):
        if event["event"] == "run_started":
            cut.append([])
        cut[-1].append(event)
    return cut


def assert_nothing_was_done_twice(output: Path) -> None:
    """Every attempt began with at least what the events of the ones before report, and did the
    rest once.
    """
    known: Counter[tuple[str, int]] = Counter()
    for attempt in attempts(output):
        turns: Counter[str] = Counter()
        started: dict[tuple[str, int], dict[str, Any]] = {}
        done: Counter[tuple[str, int]] = Counter()
        for event in attempt:
            if event["event"] == "step_started":  # once per phase of an exchange
                turns[event["step"]] += 1
                started[event["step"], turns[event["step"]]] = event
            elif event["event"] == "shard_done":
                done[event["step"], turns[event["step"]]] += 1
        for step, event in started.items():
            assert event["done"] >= known[step], (
                f"{step}: {known[step]} shards were done, {event['done']} were found"
            )
            assert done[step] <= event["total"] - event["done"], f"{step}: shards were done twice"
            known[step] = event["done"] + done[step]


def descendants(pid: int) -> set[int]:
    """Processes below `pid`, with all theirs."""
    parents = dict(_parents())
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), int(fields[1])


def command_line(pid: int) -> str:
    """Empty when the process is gone or a zombie."""
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    return ""


def wait_until_gone(pids: set[int], timeout_s: float = 30) -> set[int]:
    """Those that still live when the time is up."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and (pids := {pid for pid in pids if command_line(pid)}):
        time.sleep(LOOK_SECONDS * 10)
    return pids
