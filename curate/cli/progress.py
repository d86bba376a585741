"""What a run says while it works: a live table on a terminal, plain lines elsewhere.

Plain: one line when a step ends, and one every few seconds of a step that takes longer.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from curate.pipeline.status import was_freed

PLAIN_SECONDS = 5.0
"""Between two plain lines of one step."""


@dataclass
class StepProgress:
    """One step on the screen. Bytes are text bytes; rates count what this process did, not what was
    cached.
    """

    label: str
    total: int
    done: int
    cached: int
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    rows: int = 0
    kept: int = 0
    bytes: int = 0
    printed: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return max(1e-3, (self.ended or time.monotonic()) - self.started)

    def rate(self) -> str:
        if not self.bytes and not self.rows:
            return ""
        megabytes = self.bytes / self.seconds() / 1e6
        return f"{megabytes:,.1f} MB/s  {self.rows / self.seconds():,.0f} rows/s"

    def kept_share(self) -> str:
        return f"kept {self.kept / self.rows:.1%}" if self.rows else ""

    def eta(self) -> str:
        worked = self.done - self.cached
        if self.ended is not None or worked <= 0 or self.done >= self.total:
            return ""
        seconds = int(self.seconds() / worked * (self.total - self.done))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return (
            f"ETA {hours:d}:{minutes:02d}:{seconds:02d}"
            if hours
            else f"ETA {minutes:02d}:{seconds:02d}"
        )


class Progress:
    """Listens to events; use as a context manager around the run."""

    def __init__(self, console: Console, header: str) -> None:
        self._console, self._header = console, header
        self._steps: dict[str, StepProgress] = {}
        self._removed: Counter[str] = Counter()
        self._again: set[str] = set()
        self._read = 0
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        self._console.print(self._header, markup=False, soft_wrap=True)
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                refresh_per_second=4,
                get_renderable=self._render,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "step_started" and event["total"]:
            self._steps[event["step"]] = StepProgress(
                event["step"], event["total"], event["done"], event["done"]
            )
        elif kind == "shard_done" and event["step"] in self._steps:
            self._advance(self._steps[event["step"]], event)
        elif kind == "step_done" and event["step"] in self._steps:
            step = self._steps[event["step"]]
            step.ended = time.monotonic()
            self._line(step)
        elif was_freed(event):
            if event["step"] not in self._again:
                self._again.add(event["step"])
                text = f"  {event['step']}: once more, its intermediate files were freed"
                self._console.print(text, markup=False, soft_wrap=True)
        elif kind in ("repair", "worker_crashed", "worker_lost", "decision"):
            details = {key: value for key, value in event.items() if key not in ("event", "time")}
            text = ", ".join(f"{key} {value}" for key, value in details.items())
            self._console.print(f"  {kind.replace('_', ' ')}: {text}", markup=False, soft_wrap=True)

    def _advance(self, step: StepProgress, event: dict[str, Any]) -> None:
        step.done = min(step.total, step.done + 1)
        step.rows += event["rows"]
        step.kept += event["kept"]
        step.bytes += event["bytes"]
        self._removed.update(event["removed"])
        if step.label.endswith(".read"):
            self._read += event["rows"]
        late = time.monotonic() - step.printed > PLAIN_SECONDS
        if self._live is None and late and step.done < step.total:
            step.printed = time.monotonic()
            self._line(step)

    def _line(self, step: StepProgress) -> None:
        if self._live is None:
            cached = f"({step.cached} cached)" if step.cached else ""
            parts = [
                f"{step.label:24} {step.done:>6}/{step.total} shards",
                step.rate(),
                step.kept_share(),
                step.eta(),
                cached,
            ]
            self._console.print(
                "  " + "  ".join(part for part in parts if part), markup=False, soft_wrap=True
            )

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for step in list(self._steps.values())[-12:]:
            bar = ProgressBar(total=step.total, completed=step.done, width=24)
            counts = Text(f"{step.done}/{step.total} shards", justify="right")
            table.add_row(
                "  " + step.label, bar, counts, step.rate(), step.kept_share(), step.eta()
            )
        removed = (
            "  ".join(
                f"{name} {count / self._read:.1%}" for name, count in self._removed.most_common(6)
            )
            if self._read
            else ""
        )
        return Group(table, Text(f"  removed so far: {removed}") if removed else Text(""))
