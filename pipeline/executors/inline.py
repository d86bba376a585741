"""The inline executor: one child process at a time, no Ray. A crash in native code costs the child,
not the run.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from curate.pipeline.executors.base import Completion, Crashed, WorkerSetup
from curate.pipeline.executors.worker import (
    end_with_parent,
    keep_freed_pages,
    run_careful,
    run_fast,
    single_threaded,
)
from curate.pipeline.job import Job


class InlineExecutor:
    """Runs jobs one after the other in a child process."""

    name = "inline"
    slots = 1

    def __init__(self) -> None:
        self._queue: deque[tuple[tuple[str, int], Job, bool]] = deque()
        self._setup: WorkerSetup | None = None
        self._process: Any = None
        self._pipe: Connection | None = None
        self._running: tuple[str, int] | None = None

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def submit(self, token: tuple[str, int], job: Job, careful: bool = False) -> None:
        self._queue.append((token, job, careful))

    def capacity(self) -> int:
        return 2

    def next(self, timeout_s: float) -> Completion | None:
        if self._running is None and not self._queue:
            return None
        try:
            pipe = self._connection()
            if self._running is None:
                self._running, job, careful = self._queue.popleft()
                pipe.send((job, careful))
            if not pipe.poll(timeout_s):
                return None
            outcome = pipe.recv()
        except (EOFError, ConnectionError):
            outcome = Crashed(self._end_of_child())
        token, self._running = self._running, None
        assert token is not None
        return Completion(token, outcome)

    def _connection(self) -> Connection:
        if self._pipe is None:
            assert self._setup is not None
            keep_freed_pages()
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(self._setup, theirs, os.getpid()), daemon=False
            )
            with _interrupts_wait():
                self._process.start()
            theirs.close()
        return self._pipe

    def _end_of_child(self) -> str:
        self._process.join()
        code = self._process.exitcode
        self._process, self._pipe = None, None
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the worker ended with {how}"

    def stop(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process, self._pipe, self._running = None, None, None
        self._queue.clear()


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """A child is started whole or not at all, and with Ctrl-C blocked: it must not die of one while
    it is importing.
    """
    waiting: list[int] = []
    handlers: list[tuple[int, Any]] = []
    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            handler = signal.signal(number, lambda number, frame: waiting.append(number))
            handlers.append((number, handler))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers:
            signal.signal(number, handler)
        for number in waiting:
            signal.raise_signal(number)


def _serve(setup: WorkerSetup, pipe: Connection, parent: int) -> None:
    """The child's loop. Ctrl-C is the parent's business; a vanished parent ends the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    single_threaded()
    while True:
        try:
            job, careful = pipe.recv()
            pipe.send(run_careful(setup, job) if careful else run_fast(setup, job))
        except (EOFError, ConnectionError):
            return
