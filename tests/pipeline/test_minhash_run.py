"""Near-duplicates in whole runs: the same survivors for any executor, order, shard size and number
of partitions.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from curate.pipeline.executors.base import Executor
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import PipelineSpec, StageEntry
from curate.stages.dedup.minhash import MinHashDedup
from curate.stages.sources.jsonl import Jsonl

STAGE = MinHashDedup(threshold=0.75, permutations=64)
SIZES = {
    "shard_input_bytes": 20_000,
    "exchange_partition_bytes": 12_000,
    "exchange_fan_in": 4,
    "batch_bytes": 5_000,
}
REPORTED = ("id", "source", "duplicate_of", "duplicate_source", "similarity", "text")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources; every third document comes again with a few other words, some of them twice."""
    folder = tmp_path_factory.mktemp("near")
    dice = tiny.Dice("near")
    texts: list[str] = []
    for number in range(60):
        text = tiny.prose(dice, tiny.ENGLISH, 60 + dice.below(80))
        texts.append(text)
        for _ in range(2 if number % 9 == 0 else number % 3 == 0):
            words = text.split()
            words[dice.below(len(words))] = "entirely"
            texts.append(" ".join(words).upper())
    texts += [texts[0]] * 5 + ["too short", ""]
    for name, part in (("web", texts[::2]), ("wiki", texts[1::2])):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in part)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def pipeline(corpus: Path, output: Path, stage: MinHashDedup = STAGE, **sizes: int) -> PipelineSpec:
    found = {name: Jsonl(kind="web", paths=(f"{name}.jsonl",)) for name in ("web", "wiki")}
    whole = tiny.spec(corpus, output, **(SIZES | sizes))
    entry = StageEntry(stage.name, stage, tuple(found))
    return replace(whole, sources=found, stages=(entry,), tokenizer=None, pack=None)


def survivors(output: Path) -> tuple[list[str], list[dict[str, object]]]:
    kept = [str(row["id"]) for row in tiny.rows(output, "documents", ["id"])]
    return kept, tiny.rows(output, "removed", list(REPORTED))


@pytest.fixture(scope="module")
def reference(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("reference") / "out"
    tiny.run(pipeline(corpus, output))
    return output


def test_removed_names_the_kept_document_and_the_similarity(reference: Path) -> None:
    kept, removed = survivors(reference)
    assert len(removed) >= 25
    for row in removed:
        assert row["duplicate_of"] in kept
        assert str(row["duplicate_of"]).startswith(str(row["duplicate_source"]))
        assert 0.75 <= float(str(row["similarity"])) <= 1
    record = json.loads((reference / "run.json").read_text(encoding="utf-8"))
    (stage,) = [stage for stage in record["stages"] if stage["name"] == "minhash_dedup"]
    assert stage["counts"]["too_short"] == 2
    assert stage["removed"] == len(removed)


@pytest.mark.parametrize(
    "executor",
    [InlineExecutor(), SimulatedExecutor(seed=3, twice=0.1, lost=0.1)],
    ids=["inline", "simulated"],
)
def test_same_bytes_for_any_executor(
    corpus: Path, reference: Path, tmp_path: Path, executor: Executor
) -> None:
    tiny.run(pipeline(corpus, tmp_path / "out"), executor)
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)


@pytest.mark.parametrize(
    "sizes",
    [
        {"exchange_partition_bytes": 10_000_000},
        {"exchange_partition_bytes": 3_000, "exchange_fan_in": 2},
        {"shard_input_bytes": 5_000, "batch_bytes": 1_024},
        {"shard_input_bytes": 10_000_000, "batch_bytes": 10_000_000},
    ],
    ids=str,
)
def test_same_survivors_for_any_size(
    corpus: Path, reference: Path, tmp_path: Path, sizes: dict[str, int]
) -> None:
    tiny.run(pipeline(corpus, tmp_path / "out", **sizes))
    assert survivors(tmp_path / "out") == survivors(reference)


def test_components_on_files_are_those_in_memory(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = MinHashDedup(permutations=64, bands=32, rows=2, ngram=2, verify=None)
    tiny.run(pipeline(corpus, tmp_path / "memory", loose))
    monkeypatch.setattr("curate.stages.dedup.minhash.IN_MEMORY_ROWS", 0)
    result = tiny.run(pipeline(corpus, tmp_path / "files", loose))
    assert survivors(tmp_path / "files") == survivors(tmp_path / "memory")
    assert len(survivors(tmp_path / "files")[1]) > 30
    assert result.executed["minhash_dedup.settle"] > 0


@pytest.mark.parametrize("verified", [True, False])
def test_a_new_crawl_is_compared_with_the_index_of_a_former_run(
    corpus: Path, tmp_path: Path, verified: bool
) -> None:
    """The former run's documents all stay; what resembles one of them goes and names it."""
    fields = {"permutations": 64} | ({} if verified else {"verify": None})
    texts = [json.loads(line)["text"] for line in (corpus / "web.jsonl").read_text().splitlines()]
    halves = {"old": texts[:30], "new": [*texts[30:], *(f"{text} indeed" for text in texts[:30])]}
    for name, part in halves.items():
        (tmp_path / name).mkdir()
        lines = "".join(json.dumps({"text": text}) + "\n" for text in part)
        (tmp_path / name / "web.jsonl").write_text(lines, encoding="utf-8")

    def one_source(name: str, stage: MinHashDedup) -> Path:
        whole = pipeline(tmp_path / name, tmp_path / f"run-{name}", stage)
        entry = StageEntry(stage.name, stage, ("web",))
        tiny.run(replace(whole, sources={"web": whole.sources["web"]}, stages=(entry,)))
        return tmp_path / f"run-{name}"

    old = one_source("old", MinHashDedup(index=True, **fields))
    new = one_source("new", MinHashDedup(against=(str(old),), **fields))
    known = {
        str(row["id"]): str(row["text"]) for row in tiny.rows(old, "documents", ["id", "text"])
    }
    gone = {str(row["text"]): row for row in survivors(new)[1]}
    long_enough = [text for text in known.values() if len(text.split()) >= 20]
    assert len(long_enough) > 15
    for text in long_enough:
        row = gone[f"{text} indeed"]
        assert known[str(row["duplicate_of"])] == text
