"""Fingerprints: what a step's results depend on, and nothing else.

A step's fingerprint covers the engine format, its stages (kind, version, configuration), the
versions of the distributions they declare, the kernel digest, the model digests and its parents'
fingerprints. Names, output, executor, workers, guard rails, report options and input paths stay
out. A shard key adds the checksums of the inputs and the decisions made for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import orjson
from pydantic import BaseModel

from curate.kernels import build_digest
from curate.stages.base import Stage
from curate.stages.sources.base import Source

ENGINE_FORMAT = 4
"""Raised when the engine would cut, order or write anything differently."""

NOT_IN_RESULTS = frozenset({"paths", "license", "tags", "kind"})
"""Source fields that do not change what a reading task yields."""

Ingredients = Mapping[str, Any]


def digest(value: Any) -> str:
    """32 hex digits over canonical JSON."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def distribution_versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions; `absent` where a distribution is not installed."""
    versions = {}
    for name in sorted(set(names)):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def stage_ingredients(stage: Stage) -> Ingredients:
    """Everything of one stage (filter, annotator, editor, exchange) that decides its results."""
    return {
        "kind": stage.name,
        "version": stage.version,
        "configuration": {
            key: value
            for key, value in configuration(stage).items()
            if key not in stage.outside_results
        }
        | stage.derived_results(),
        "distributions": distribution_versions(stage.used_distributions()),
        "models": {model.name: model.sha256 for model in stage.models()},
    }


def source_ingredients(name: str, source: Source) -> Ingredients:
    """Everything of one source that decides which records its files yield."""
    fields = {
        key: value for key, value in configuration(source).items() if key not in NOT_IN_RESULTS
    }
    return {
        "source": name,
        "format": source.format,
        "version": source.version,
        "configuration": fields,
        "distributions": distribution_versions(source.used_distributions()),
    }


def configuration(model: BaseModel) -> dict[str, Any]:
    """The fields of a configuration as JSON values, sets sorted."""
    return model.model_dump(mode="json")


def step_fingerprint(ingredients: Ingredients, parents: Iterable[str]) -> str:
    """Fingerprint of a step from its ingredients and its parents' fingerprints."""
    return digest(
        {
            "engine": ENGINE_FORMAT,
            "kernels": build_digest(),
            "ingredients": ingredients,
            "parents": list(parents),
        }
    )
