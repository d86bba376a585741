"""`against:` for a stage that learns: new documents are compared by what the former run learned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from curate.errors import CurateError, SpecError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.dedup.semantic import SemanticDedup
from curate.stages.sources.jsonl import Jsonl

STAGE = SemanticDedup(
    threshold=0.95, dimensions=12, bucket_bits=12, sample_documents=60, cluster_documents=10
)
FIRST, OLD, NEW = range(40), range(40, 70), range(70, 100)


def text_of(number: int) -> str:
    """Every third text is a former one with its sentences in another order."""
    if number % 3 == 2 and number > 6:
        sentences = text_of(number * 5 // 9).split(". ")
        return ". ".join(sentences[1:] + sentences[:1])
    return tiny.prose(tiny.Dice(f"semantic {number}"), tiny.ENGLISH, 70)


def pipeline(folder: Path, name: str, numbers: list[int], stage: SemanticDedup) -> PipelineSpec:
    (folder / "in").mkdir(exist_ok=True)
    lines = (json.dumps({"text": text_of(n), "url": f"http://a.org/{n}"}) + "\n" for n in numbers)
    (folder / "in" / f"{name}.jsonl").write_text("".join(lines))
    return tiny.plain_spec(
        folder,
        folder / name,
        {"docs": Jsonl(paths=(f"{folder}/in/{name}.jsonl",), url_field="url")},
        tiny.entries((("semantic_dedup", stage, {}),), ("docs",)),
        EngineConfig(shard_input_bytes=8192, exchange_partition_bytes=4096),
        keep_intermediates="none",
    )


def run(folder: Path, name: str, numbers: list[int], stage: SemanticDedup) -> dict[str, object]:
    """url -> similarity to what stays, None for a document that stays."""
    tiny.run(pipeline(folder, name, numbers, stage), SimulatedExecutor(seed=len(name)))
    found: dict[str, object] = {}
    for row in tiny.rows(folder / name, "removed"):
        found[row["url"]] = row["similarity"]
    kept = {row["url"]: None for row in tiny.rows(folder / name, "documents")}
    return found | kept


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `first`, which learns, and `old` against it."""
    folder = tmp_path_factory.mktemp("meanings")
    run(folder, "first", list(FIRST), STAGE.model_copy(update={"index": True}))
    more = STAGE.model_copy(update={"index": True, "against": ("first",)})
    run(folder, "old", list(OLD), more)
    return folder


def test_new_documents_go_as_in_one_run_with_that_encoder(former: Path) -> None:
    both = run(former, "both", [*OLD, *NEW], STAGE.model_copy(update={"against": ("first",)}))
    stage = STAGE.model_copy(update={"against": ("first", "old")})
    new = run(former, "new", list(NEW), stage)
    assert new == {url: both[url] for url in new}
    assert sum(found is not None for found in new.values()) > 5
    ids = {row["id"] for name in ("first", "old") for row in tiny.rows(former / name, "documents")}
    named = [row["duplicate_of"] for row in tiny.rows(former / "new", "removed")]
    assert any(name in ids for name in named)
    assert tiny.run(pipeline(former, "again", list(NEW), stage)).executed["docs.1"] > 0
    steps = [path.name for path in (former / "new" / "steps").iterdir()]
    assert not any(".fit." in name for name in steps), "nothing is learned again"


def test_a_document_that_stays_is_never_far_from_its_index(former: Path) -> None:
    """A corpus that was not deduplicated: all of it stays and is compared with."""
    everything = STAGE.model_copy(update={"index": True, "max_copies": 10_000})
    run(former, "corpus", [*FIRST, *OLD], everything)
    stage = STAGE.model_copy(update={"against": ("corpus",)})
    found = run(former, "copies", list(OLD), stage)
    assert all(each is not None for each in found.values())


def test_indexes_that_were_learned_apart_are_refused(former: Path) -> None:
    run(former, "apart", list(NEW), STAGE.model_copy(update={"index": True}))
    with pytest.raises(SpecError, match=r"learned apart.*make the second one against the first"):
        run(former, "no", list(NEW), STAGE.model_copy(update={"against": ("first", "apart")}))
    other = STAGE.model_copy(update={"against": ("first",), "whitening": 1.0})
    with pytest.raises(SpecError, match=r'"whitening":0\.5.* there, .*"whitening":1\.0.* here'):
        run(former, "no", list(NEW), other)


def test_a_damaged_artefact_of_an_index_is_named(former: Path, tmp_path: Path) -> None:
    run(tmp_path, "own", list(FIRST), STAGE.model_copy(update={"index": True}))
    (tmp_path / "own" / "index" / "semantic_dedup" / "learned-lsa.bin").write_bytes(b"x")
    with pytest.raises(CurateError, match=r"learned-lsa\.bin.*the pipeline that wrote it mends it"):
        run(tmp_path, "no", list(NEW), STAGE.model_copy(update={"against": ("own",)}))
