"""Starting or joining Ray for a command. Only the command line does this, never the library."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from curate.errors import CurateError


@contextmanager
def ray_session(address: str | None, workers: int | None) -> Iterator[str]:
    """A connected Ray for the duration of the block; yields a short description.

    address: of a cluster to join (`auto`, `host:port`, `ray://…`); inside a Ray job or with
    RAY_ADDRESS set the cluster is joined too; otherwise Ray starts on this machine with `workers`
    CPUs (all by default). Raises CurateError when joining fails.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    joins = address is not None or "RAY_ADDRESS" in os.environ
    try:
        if joins:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            # "local": without it Ray would join whatever cluster was last started on this machine.
            ray.init(
                address="local",
                num_cpus=workers,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = address or os.environ.get("RAY_ADDRESS", "this machine")
        raise CurateError(
            f"no Ray at {where}: {error}. Check the address, and that RAY_AUTH_MODE and "
            "RAY_AUTH_TOKEN are those of the cluster"
        ) from error
    try:
        from curate.pipeline.executors.ray import cluster_cpus

        cpus = cluster_cpus()
        yield f"ray: {cpus} cpus" + (" (joined)" if joins else "")
    finally:
        ray.shutdown()
