"""One Ray for all tests of the executors, and a pipeline with a document that can make trouble."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny
from curate_test_failures import MARK

from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.base import Stage
from curate.stages.dedup.exact import ExactDedup
from curate.stages.sources.jsonl import Jsonl

CPUS = 8
Pipeline = Callable[[Path, Stage], PipelineSpec]


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[None]:
    """A local Ray with 8 logical CPUs, whatever the machine has."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if "ray" not in sys.modules:  # Ray reads its mode once, when it is imported
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 32}
    import ray

    ray.init(
        address="local",
        num_cpus=CPUS,
        object_store_memory=80 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def marked_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 documents in two files; one asks for trouble."""
    folder = tmp_path_factory.mktemp("marked")
    dice = tiny.Dice("marked")
    texts = [tiny.prose(dice, tiny.ENGLISH, 60) for _ in range(80)]
    texts[50] += f" {MARK}."
    for name, part in (("a", texts[:40]), ("b", texts[40:])):
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps({"text": text}) + "\n" for text in part)
        )
    return folder


@pytest.fixture(scope="session")
def troubled(marked_texts: Path) -> Pipeline:
    """(output, stage) -> a pipeline with that stage between a source and a dedup."""

    def pipeline(output: Path, stage: Stage) -> PipelineSpec:
        sources = {"web": Jsonl(paths=(f"{marked_texts}/*.jsonl",))}
        stages = ((stage.name, stage, {}), ("exact_dedup", ExactDedup(), {}))
        plain = tiny.spec(marked_texts, output)
        return PipelineSpec(
            name="troubled",
            output=str(output),
            seed=1,
            sources=sources,
            stages=tiny.entries(stages, ("web",)),
            tokenizer=None,
            pack=None,
            engine=EngineConfig(shard_input_bytes=4_000, document_timeout_s=20),
            removed=plain.removed,
            report=plain.report,
            max_bad_fraction=0.1,
            keep_intermediates="extracted",
            path="",
            folder=str(marked_texts),
            text="",
        )

    return pipeline
