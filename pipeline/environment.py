"""The environment that bytes depend on, recorded by the run and checked by every worker before its
first job.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from functools import cache

import curate
from curate.errors import StageError
from curate.kernels import build_digest
from curate.pipeline.fingerprint import distribution_versions

ALWAYS = ("pyarrow", "numpy", "xxhash", "orjson")
"""Distributions that every step writes through."""


def capture_environment(distributions: Iterable[str]) -> dict[str, str]:
    """curate, Python minor version, CPU architecture, kernel build, versions of the declared
    distributions.
    """
    versions = distribution_versions((*ALWAYS, *distributions))
    return {
        "curate": curate.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "architecture": platform.machine(),
        "kernels": build_digest()[:16],
        **{f"distribution {name}": version for name, version in versions.items()},
    }


@cache
def _own(distributions: tuple[str, ...]) -> dict[str, str]:
    return capture_environment(distributions)


def check_environment(expected: dict[str, str]) -> None:
    """Raises StageError when this process would not write the same bytes as the driver's
    environment.
    """
    prefix = "distribution "
    names = tuple(key.removeprefix(prefix) for key in expected if key.startswith(prefix))
    own = _own(names)
    different = [
        f"{key}: {own.get(key)} here, {value} in the run"
        for key, value in expected.items()
        if own.get(key) != value
    ]
    if different:
        raise StageError(
            f"this worker's environment differs from the run's ({'; '.join(different)}); install "
            "the same versions"
        )
