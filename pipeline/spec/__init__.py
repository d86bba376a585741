"""The pipeline file: YAML to a typed, checked `PipelineSpec`, every error with its position."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.pipeline.spec.model import PipelineSpec


def load(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    check_inputs: bool = True,
) -> PipelineSpec:
    """Read and check a pipeline file; see `curate.pipeline.spec.loader.load`.

    The import waits until the call, because `pipeline.dag` reads the types of this package.
    """
    from curate.pipeline.spec.loader import load as load_file

    return load_file(path, overrides, environment, check_inputs=check_inputs)
