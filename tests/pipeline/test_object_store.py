"""The same bytes on an object store: input and output on S3 (moto), a crash and a second start
there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
import tiny

from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import Failpoints, SimulatedCrash, SimulatedExecutor
from curate.pipeline.spec.model import PipelineSpec
from curate.storage.store import Store
from curate.tokenizer.mixture.config import MixtureConfig

SOURCES = ("web", "books")


def half(corpus: Path, output: str | Path) -> PipelineSpec:
    """Two of the four sources: every request to the server costs 10 ms."""
    spec = tiny.small_spec(corpus, output, shard_input_bytes=60_000, exchange_partition_bytes=3_000)
    found = {name: spec.sources[name] for name in SOURCES}
    stages = tuple(
        replace(
            entry,
            needs=entry.needs if i else SOURCES,
            only=entry.only and tuple(name for name in entry.only if name in SOURCES),
        )
        for i, entry in enumerate(spec.stages)
    )
    mixture = MixtureConfig(weights={"web": 2, "books": 1})
    return replace(spec, sources=found, stages=stages, mixture=mixture)


@pytest.fixture(scope="module")
def local(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("local") / "out"
    tiny.run(half(small_corpus, output))
    return tiny.final_files(output)


def test_same_bytes_on_an_object_store_also_after_a_crash(
    small_corpus: Path, local: dict[str, str], bucket: str
) -> None:
    crash = Failpoints("in_collect", 3)
    with pytest.raises(SimulatedCrash):
        tiny.run(
            half(small_corpus, f"{bucket}/run"), SimulatedExecutor(seed=2, failpoint=crash), crash
        )
    tiny.run(half(small_corpus, f"{bucket}/run"))
    assert tiny.final_files(f"{bucket}/run") == local
    assert tiny.run(half(small_corpus, f"{bucket}/run")).executed == {}
    assert not Store(f"{bucket}/run").exists("run.lock")


def test_same_bytes_with_input_and_output_on_an_object_store_from_a_child_process(
    small_corpus: Path, local: dict[str, str], bucket: str
) -> None:
    files, root = fsspec.core.url_to_fs(bucket)
    for path in small_corpus.rglob("*"):
        if path.is_file():
            files.put_file(str(path), f"{root}/corpus/{path.relative_to(small_corpus)}")
    spec = half(small_corpus, f"{bucket}/run")
    remote = {
        name: source.model_copy(
            update={
                "paths": tuple(
                    path.replace(str(small_corpus), f"{bucket}/corpus") for path in source.paths
                )
            }
        )
        for name, source in spec.sources.items()
    }
    tiny.run(replace(spec, sources=remote), InlineExecutor())
    assert tiny.final_files(f"{bucket}/run") == local
