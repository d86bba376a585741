"""semantic_dedup in runs: the same artefact and survivors for any cut, order and executor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec.model import PipelineSpec
from curate.stages.dedup.semantic import SemanticDedup

STAGE = SemanticDedup(
    threshold=0.97,
    dimensions=16,
    bucket_bits=12,
    sample_documents=60,
    cluster_documents=20,
    min_characters=100,
    prefer=("books",),
)
SOURCES = ("web", "books")


def semantic_spec(corpus: Path, output: Path, **engine: int) -> PipelineSpec:
    spec = tiny.small_spec(corpus, output, **engine)
    sources = {name: spec.sources[name] for name in SOURCES}
    stages = tiny.entries((("semantic_dedup", STAGE, {}),), SOURCES)
    return replace(spec, sources=sources, stages=stages, tokenizer=None, pack=None)


@pytest.fixture(scope="module")
def reference(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("semantic") / "out"
    tiny.run(semantic_spec(small_corpus, output))
    return output


def artefact(output: Path) -> bytes:
    (path,) = output.glob("steps/semantic_dedup.fit.lsa-*/*.artefact-*")
    return path.read_bytes()


def test_a_run_removes_names_and_counts(reference: Path) -> None:
    removed = tiny.rows(reference, "removed")
    assert len(removed) > 5
    kept = {row["id"] for row in tiny.rows(reference, "documents", ["id"])}
    for row in removed:
        assert row["rule"] == "duplicate" and row["duplicate_of"] in kept
        assert 0.97 <= row["similarity"] <= 1.0
        assert row["semantic_dedup.cluster_size"] >= 2
    run = RunFolder(str(reference)).run()
    assert run["determinism"] == {"weakest": "platform", "stage": "semantic_dedup"}
    (stage,) = [each for each in run["stages"] if each["name"] == "semantic_dedup"]
    assert stage["counts"]["too_short"] > 0
    assert len({row["semantic_dedup.cluster"] for row in removed}) > 1


def test_same_bytes_from_a_child_process_in_any_order(
    small_corpus: Path, reference: Path, tmp_path: Path
) -> None:
    """The child has one BLAS thread, this process as many as the machine."""
    for name, executor in (
        ("inline", InlineExecutor()),
        ("simulated", SimulatedExecutor(seed=3, twice=0.2, lost=0.2)),
    ):
        tiny.run(semantic_spec(small_corpus, tmp_path / name), executor)
        assert artefact(tmp_path / name) == artefact(reference)
        assert tiny.final_files(tmp_path / name) == tiny.final_files(reference)


@pytest.mark.parametrize(
    "sizes",
    [
        {"shard_input_bytes": 6_000, "batch_bytes": 1_500},
        {"shard_input_bytes": 10**7, "exchange_partition_bytes": 10**7},
        {"exchange_partition_bytes": 1_024, "exchange_fan_in": 2},
    ],
    ids=str,
)
def test_same_survivors_for_any_cut(
    small_corpus: Path, reference: Path, tmp_path: Path, sizes: dict[str, int]
) -> None:
    tiny.run(semantic_spec(small_corpus, tmp_path / "out", **sizes))
    assert artefact(tmp_path / "out") == artefact(reference)
    for folder in ("documents", "removed"):
        found, wanted = (tiny.rows(output, folder) for output in (tmp_path / "out", reference))
        for row in (*found, *wanted):
            row.pop("address", None)  # names the shard
        assert found == wanted
