"""What a run says while it works, where there is no terminal: a line per step, no line twice."""

from __future__ import annotations

import io

from rich.console import Console

from curate.cli import progress
from curate.cli.progress import Progress


def test_the_end_of_a_slow_step_is_said_once(monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    out = io.StringIO()
    with Progress(Console(file=out, width=200), "name") as shown:
        shown({"event": "step_started", "step": "web.read", "total": 2, "done": 0})
        for _ in range(2):
            shown(
                {
                    "event": "shard_done",
                    "step": "web.read",
                    "rows": 5,
                    "kept": 5,
                    "bytes": 10,
                    "removed": {},
                }
            )
        shown({"event": "step_done", "step": "web.read", "total": 2})
    counts = [line.split("shards")[0].split()[-1] for line in out.getvalue().splitlines()[1:]]
    assert counts == ["1/2", "2/2"]


def test_freed_intermediates_are_no_damage():
    out = io.StringIO()
    freed = {"event": "repair", "step": "code.1", "reason": "the file is missing"}
    damaged = {"event": "repair", "step": "code.2", "reason": "4 bytes, recorded were 5"}
    with Progress(Console(file=out, width=200), "name") as shown:
        for path in ("steps/a", "steps/b"):
            shown({**freed, "path": path})
        shown({**damaged, "path": "steps/c"})
    assert out.getvalue().splitlines()[1:] == [
        "  code.1: once more, its intermediate files were freed",
        "  repair: step code.2, reason 4 bytes, recorded were 5, path steps/c",
    ]
