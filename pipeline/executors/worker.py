"""Inside a worker: run one job under a watchdog, alone and document by document where it crashed
before.

The fast path arms `faulthandler.dump_traceback_later(exit=True)` per batch: it fires even while C
code holds the GIL. Careful mode runs the job in a child process that writes the current document to
a marker before touching it and limits its CPU time by ITIMER_PROF with the default action, which
ends the process inside any C code.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass

from curate.pipeline.environment import check_environment
from curate.pipeline.executors.base import (
    Crashed,
    Damaged,
    Done,
    Failed,
    GaveUp,
    Outcome,
    WorkerSetup,
)
from curate.pipeline.job import Job, JobContext, LeavesOut, Watch
from curate.storage.store import DamagedFile, Store

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
ALLOCATOR_VARIABLES = {"MIMALLOC_PURGE_DELAY": "5000"}
"""Milliseconds after which Arrow's allocator gives freed pages back. With its 10 they are gone
before the next batch and cost a tenth of the CPU time of a filter chain to get again.
"""
BATCH_TIMEOUT_FACTOR = 10
"""Wall seconds for a batch in the fast path, in units of one document's CPU limit."""
SLEEP_FACTOR = 10
"""Wall seconds for one document in careful mode, in the same unit: ends code that waits without
using CPU.
"""

PARENT_CHECK_SECONDS = 0.5


def single_threaded() -> None:
    """One thread per worker: parallelism comes from jobs."""
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def keep_freed_pages() -> None:
    """For processes started from now on: Arrow reads the variables when it is loaded."""
    for name, value in ALLOCATOR_VARIABLES.items():
        os.environ.setdefault(name, value)


def end_with_parent(parent: int) -> None:
    """End this process within a second after its parent died, also in the middle of a job.

    What it had published by then is complete and named by its key, so the next run can use it.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="curate-parent-watch", daemon=True).start()


class BatchWatch:
    """Ends the process when one batch takes longer than ten documents may."""

    single = False

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def begin(self, document: str, stage: str) -> None:
        faulthandler.dump_traceback_later(self._timeout_s, exit=True)

    def end(self) -> None:
        faulthandler.cancel_dump_traceback_later()


class DocumentWatch:
    """Marks each document before it is worked on and limits its CPU time."""

    single = True

    def __init__(self, marker: str, timeout_s: float) -> None:
        self._file = os.open(marker, os.O_WRONLY | os.O_CREAT)
        self._timeout_s = timeout_s
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def begin(self, document: str, stage: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{stage}\t{document}".encode("utf-8", "surrogatepass"), 0)
        signal.setitimer(signal.ITIMER_PROF, self._timeout_s)
        faulthandler.dump_traceback_later(self._timeout_s * SLEEP_FACTOR, exit=True)

    def end(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
        os.ftruncate(self._file, 0)


def run_job(setup: WorkerSetup, job: Job, watch: Watch) -> Outcome:
    """Run a job in this process and translate how it ended."""
    context = JobContext(Store(setup.store_url), setup.engine, setup.seed, watch)
    try:
        check_environment(setup.environment)
        return Done(job.run(context))
    except DamagedFile as error:
        return Damaged(error.path, error.reason)
    except Exception as error:
        return Failed(type(error).__name__, str(error), traceback.format_exc())
    finally:
        watch.end()


def run_fast(setup: WorkerSetup, job: Job) -> Outcome:
    """The ordinary way."""
    return run_job(setup, job, BatchWatch(setup.engine.document_timeout_s * BATCH_TIMEOUT_FACTOR))


@dataclass(frozen=True)
class _Attempt:
    """How one careful attempt ended: an outcome, or the document that killed the child."""

    outcome: Outcome | None
    document: str = ""
    stage: str = ""
    exit_code: int = 0


def run_careful(setup: WorkerSetup, job: Job) -> Outcome:
    """Run a job in child processes; a document that kills two of them in a row is given up, where
    the job can do without it.
    """
    first = _attempt(setup, job)
    if first.outcome is not None:
        return first.outcome
    second = _attempt(setup, job)
    if second.outcome is not None:
        return second.outcome
    if not first.document and not second.document:
        return Crashed(f"the worker {_reason(second.exit_code, setup)}, outside any document")
    if not first.document or (first.document, first.stage) != (second.document, second.stage):
        return Crashed(f"the worker died twice, at '{first.document}' and at '{second.document}'")
    reason = _reason(second.exit_code, setup)
    if not isinstance(job, LeavesOut):
        return Crashed(f"'{second.document}' {reason}, and this step can leave nothing out")
    return GaveUp(second.document, second.stage, reason)


def _reason(exit_code: int, setup: WorkerSetup) -> str:
    if exit_code == -signal.SIGPROF:
        return f"took more than {setup.engine.document_timeout_s:g} s of CPU time, twice, alone"
    if exit_code < 0:
        return f"ended the process with {signal.Signals(-exit_code).name}, twice, alone"
    seconds = setup.engine.document_timeout_s * SLEEP_FACTOR
    return f"ended the process or made no progress for {seconds:g} s, twice, alone"


def _attempt(setup: WorkerSetup, job: Job) -> _Attempt:
    with tempfile.TemporaryDirectory(prefix="curate-careful-") as folder:
        with open(os.path.join(folder, "job.pickle"), "wb") as file:
            pickle.dump((setup, job), file)
        command = [sys.executable, "-m", "curate.pipeline.executors.careful", folder]
        command.append(str(os.getpid()))
        exit_code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
        answer = os.path.join(folder, "outcome.pickle")
        if exit_code == 0 and os.path.exists(answer):
            with open(answer, "rb") as file:
                return _Attempt(pickle.load(file))
        stage, document = _read_marker(os.path.join(folder, "marker"))
        return _Attempt(None, document, stage, exit_code)


def _read_marker(path: str) -> tuple[str, str]:
    if not os.path.exists(path):
        return "", ""
    with open(path, encoding="utf-8", errors="surrogatepass") as file:
        stage, _, document = file.read().partition("\t")
    return stage, document


def careful_child(folder: str, parent: int) -> None:
    """What the child process of careful mode does: read the job, run it, write the outcome."""
    end_with_parent(parent)
    single_threaded()
    with open(os.path.join(folder, "job.pickle"), "rb") as file:
        setup, job = pickle.load(file)
    watch = DocumentWatch(os.path.join(folder, "marker"), setup.engine.document_timeout_s)
    outcome = run_job(setup, job, watch)
    with open(os.path.join(folder, "outcome.pickle"), "wb") as file:
        pickle.dump(outcome, file)
