"""Starting or joining Ray for a command. The library never does this; only the command line does.

A Ray that the command starts is its own: it never joins what else runs on the machine, has a token
of its own (nothing is written to the home folder), reports nothing to anyone, and ends with the
command, also when that is killed.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from curate.errors import CurateError

OBJECT_STORE_BYTES = 128 * 2**20
"""Jobs hand over files, not objects: results stay below 1 kB."""

CONNECT_SECONDS = 10.0
JOIN_ATTEMPTS = 5
"""One a second; Ray's default of 20 would keep a wrong token waiting as long."""


@contextmanager
def ray_session(address: str | None, workers: int | None) -> Iterator[str]:
    """A connected Ray for the duration of the block; yields a short description.

    address: of a cluster to join (`auto`, `host:port`, `ray://…`); inside a Ray job or with
    RAY_ADDRESS set the cluster is joined too; otherwise Ray starts on this machine with `workers`
    CPUs (all by default). Raises CurateError when that fails.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    joined = address or os.environ.get("RAY_ADDRESS")
    if joined:
        _join(joined)
    else:
        _start(workers)
    import ray

    try:
        from curate.pipeline.executors.ray import cluster_cpus

        yield f"ray: {cluster_cpus()} cpus" + (" (joined)" if joined else "")
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", str(JOIN_ATTEMPTS))
    import ray

    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CurateError(
            f"cannot join the Ray cluster at {address}: {_sentence(error)}\n"
            "Check the address, and that RAY_AUTH_MODE=token and RAY_AUTH_TOKEN are exported here "
            "as on the cluster."
        ) from error


def _knock(address: str) -> None:
    """Raises OSError when nobody listens at `host:port`: Ray itself would ask again for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _start(workers: int | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:  # read once, at its import
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    import ray

    from curate.pipeline.executors.worker import keep_freed_pages

    keep_freed_pages()
    try:
        # Without "local" Ray would join whatever cluster was last started on this machine.
        ray.init(
            address="local",
            num_cpus=workers,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CurateError(
            f"Ray does not start on this machine: {_sentence(error)}\n"
            "`curate doctor` says what is wrong; `--executor inline` runs without Ray."
        ) from error


def _sentence(error: Exception) -> str:
    """The first line of what Ray says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
