"""Events of a run: one JSON per line in `events.jsonl`, and whoever else listens (the progress
display).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from curate.storage.store import Store

Listener = Callable[[dict[str, Any]], None]
FLUSH_SECONDS = 0.5
REMOTE_FLUSH_SECONDS = 30.0


class Events:
    """Collects events and appends them to the run folder every few seconds."""

    def __init__(self, store: Store, listeners: tuple[Listener, ...] = ()) -> None:
        self._store, self._listeners = store, listeners
        self._lines: list[bytes] = []
        self._every_s = FLUSH_SECONDS if store.is_local else REMOTE_FLUSH_SECONDS
        self._flushed = time.monotonic()

    def emit(self, event: str, **values: Any) -> None:
        """One event with any JSON values."""
        entry = {"time": round(time.time(), 3), "event": event, **values}
        self._lines.append(orjson.dumps(entry) + b"\n")
        for listener in self._listeners:
            listener(entry)
        urgent = self._store.is_local and event != "shard_done"
        if urgent or time.monotonic() - self._flushed > self._every_s:
            self.flush()

    def flush(self) -> None:
        """Append what waits."""
        if self._lines:
            self._store.append("events.jsonl", b"".join(self._lines))
            self._lines = []
        self._flushed = time.monotonic()


class SilentEvents(Events):
    """Tells nobody and writes nothing."""

    def emit(self, event: str, **values: Any) -> None:
        """Drop the event."""
