"""Adding a crawl to a corpus: what a run against the index of another removes is what one run over
both removes of the new documents.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from curate.errors import SpecError
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.dedup.exact import ExactDedup
from curate.stages.dedup.minhash import MinHashDedup
from curate.stages.dedup.policy import DedupExchange
from curate.stages.sources.jsonl import Jsonl

EDITS = (0, 1, 3, 30)
"""Words that a copy changes, of 120."""


def texts(start: int, end: int) -> list[str]:
    """Documents; every one of 20 is a copy of a former one with some words changed."""
    made: list[str] = []
    for number in range(end):
        dice = tiny.Dice(f"against {number}")
        if number % 2 and number > 10:
            words = made[(number * 7) % 10].split()
            for _ in range(EDITS[number // 2 % len(EDITS)]):
                words[dice.below(len(words))] = f"changed{number}"
            made.append(" ".join(words))
        else:
            made.append(" ".join(tiny.ENGLISH[dice.below(len(tiny.ENGLISH))] for _ in range(120)))
    return made[start:]


def pipeline(
    folder: Path, name: str, documents: Sequence[str], stage: DedupExchange
) -> PipelineSpec:
    (folder / "in").mkdir(exist_ok=True)
    lines = (json.dumps({"text": text}) + "\n" for text in documents)
    (folder / "in" / f"{name}.jsonl").write_text("".join(lines))
    return tiny.plain_spec(
        folder,
        folder / name,
        {"docs": Jsonl(paths=(f"{folder}/in/{name}.jsonl",))},
        tiny.entries(((stage.name, stage, {}),), ("docs",)),
        EngineConfig(shard_input_bytes=8192, exchange_partition_bytes=4096),
    )


@pytest.mark.parametrize(
    "stage",
    [
        ExactDedup(),
        ExactDedup(keep="longest"),
        MinHashDedup(threshold=0.6),
        MinHashDedup(threshold=0.6, verify=None),
    ],
    ids=["exact", "longest", "minhash", "unverified"],
)
def test_a_run_against_another_removes_what_one_run_over_both_removes(
    tmp_path: Path, stage: DedupExchange
) -> None:
    old, new = texts(0, 30), texts(30, 60)
    tiny.run(pipeline(tmp_path, "both", [*old, *new], stage))
    tiny.run(pipeline(tmp_path, "old", old, stage.model_copy(update={"index": True})))
    after = stage.model_copy(update={"against": ("old",)})
    result = tiny.run(pipeline(tmp_path, "new", new, after))
    kept = [row["text"] for row in tiny.rows(tmp_path / "new", "documents")]
    together = [row["text"] for row in tiny.rows(tmp_path / "both", "documents")]
    assert sorted(kept) == sorted(text for text in together if text in set(new) - set(old))
    removed = tiny.rows(tmp_path / "new", "removed")
    former = {row["id"]: row["text"] for row in tiny.rows(tmp_path / "old", "documents")}
    assert len(removed) >= 3
    assert any(row["duplicate_of"] in former for row in removed)
    for row in removed:
        if row["duplicate_of"] in former and isinstance(stage, ExactDedup):
            assert former[row["duplicate_of"]] == row["text"]
    assert result.record["totals"]["read"] == len(new)


@pytest.mark.parametrize("stage", [ExactDedup(), MinHashDedup(threshold=0.6)])
def test_a_run_whose_index_lies_elsewhere_by_now_does_nothing_again(
    tmp_path: Path, stage: DedupExchange
) -> None:
    """An index takes part by its content, not by its path."""
    tiny.run(pipeline(tmp_path, "old", texts(0, 20), stage.model_copy(update={"index": True})))
    new = stage.model_copy(update={"against": ("old",)})
    spec = pipeline(tmp_path, "new", texts(20, 40), new)
    tiny.run(spec)
    before = tiny.final_files(tmp_path / "new")
    (tmp_path / "old").rename(tmp_path / "archive")
    moved = stage.model_copy(update={"against": ("archive",)})
    stages = tiny.entries(((stage.name, moved, {}),), ("docs",))
    assert tiny.run(replace(spec, stages=stages)).executed == {}
    assert tiny.final_files(tmp_path / "new") == before


def test_an_index_with_other_settings_is_refused(tmp_path: Path) -> None:
    tiny.run(pipeline(tmp_path, "old", texts(0, 12), MinHashDedup(index=True, ngram=5)))
    with pytest.raises(SpecError, match=r'"ngram":5.* there, .*"ngram":7.* here'):
        tiny.run(pipeline(tmp_path, "new", texts(0, 12), MinHashDedup(against=("old",), ngram=7)))
    with pytest.raises(SpecError, match="holds no index of exact_dedup"):
        tiny.run(pipeline(tmp_path, "new", texts(0, 12), ExactDedup(against=("old",))))


def test_an_index_of_shards_without_documents(tmp_path: Path) -> None:
    """One long line reaches over many shards, which are all alike then."""
    long = [" ".join([f"{number}" for number in range(start, 9_000)]) for start in (0, 1)]
    tiny.run(pipeline(tmp_path, "old", long, ExactDedup(index=True)))
    tiny.run(pipeline(tmp_path, "new", [long[1], "other"], ExactDedup(against=("old",))))
    assert [row["text"] for row in tiny.rows(tmp_path / "new", "documents")] == ["other"]
