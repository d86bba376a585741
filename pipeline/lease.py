"""One driver per run folder: `run.lock` with a heartbeat. A second driver is refused with the first
one's host and age.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid

import orjson

from curate.errors import CurateError
from curate.storage.store import DamagedFile, Store

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
PATH = "run.lock"


class Lease:
    """Held from `acquire` to `release`; a thread renews the heartbeat."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._identity = uuid.uuid4().hex
        self._started = time.time()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        """Raises CurateError while another driver is alive: its heartbeat is fresh and, on this
        host, its process exists.
        """
        if not self._store.create_exclusively(PATH, self._entry()):
            with contextlib.suppress(ValueError, KeyError, TypeError, DamagedFile):
                self._refuse_if_alive(orjson.loads(self._store.read(PATH)))
            self._write()
        self._thread = threading.Thread(target=self._renew, name="curate-lease", daemon=True)
        self._thread.start()

    def _refuse_if_alive(self, other: dict[str, object]) -> None:
        age_s = time.time() - float(str(other["heartbeat"]))
        host, pid = str(other["host"]), int(str(other["pid"]))
        here = host == socket.gethostname()
        alive = age_s < STALE_SECONDS and (not here or _process_exists(pid))
        if alive and not (here and pid == os.getpid()):
            raise CurateError(
                f"{self._store.url}: another run works on this folder (host {host}, process "
                f"{pid}, heartbeat {age_s:.0f} s ago); "
                f"wait for it, stop it, or delete {PATH} if you are sure that it is gone"
            )

    def _entry(self) -> bytes:
        entry = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "identity": self._identity,
            "started": self._started,
            "heartbeat": time.time(),
        }
        return orjson.dumps(entry)

    def _write(self) -> None:
        self._store.publish(PATH, self._entry())

    def _renew(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                self._write()

    def release(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._store.delete(PATH)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
