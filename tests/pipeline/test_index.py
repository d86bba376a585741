"""`against:` — a former run's documents take part through its index, without their text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import tiny
from curate_test_stages import Kindred

from curate.errors import CurateError, SpecError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.publish import verify_published
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.base import Stage
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.jsonl import Jsonl
from curate.storage.store import Store

WORDS = "ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew".split()
OLD, NEW = range(40), range(40, 60)


def text_of(number: int) -> str:
    """Documents form chains: (0, 1), (1, 2), … by first and last words in turn; chains of six."""
    dice = tiny.Dice(f"index {number}")
    chain, place = number % 10, number // 10
    middle = " ".join(WORDS[dice.below(len(WORDS))] for _ in range(12))
    return f"first{chain}x{place // 2} {middle} {number} last{chain}x{(place + 1) // 2}"


def pipeline(
    folder: Path,
    numbers: Sequence[int],
    output: Path,
    stage: Stage,
    before: tuple[tuple[str, Stage, dict[str, object]], ...] = (),
    **engine: int,
) -> PipelineSpec:
    """A run over some of the documents."""
    folder.mkdir(exist_ok=True, parents=True)
    name = f"{numbers[0]:03d}-{numbers[-1]:03d}.jsonl"
    lines = (json.dumps({"text": text_of(number)}) + "\n" for number in numbers)
    (folder / name).write_text("".join(lines))
    sizes = {"shard_input_bytes": 1024, "exchange_partition_bytes": 1024, "exchange_fan_in": 3}
    return tiny.plain_spec(
        folder,
        output,
        {"docs": Jsonl(paths=(f"{folder}/{name}",))},
        tiny.entries((*before, ("kindred", stage, {})), ("docs",)),
        EngineConfig(**(sizes | {"batch_bytes": 1024} | engine)),
    )


def results(output: Path, numbers: Sequence[int]) -> list[tuple[str, int | None, int | None]]:
    """(text, place, masked) of these documents, in document order."""
    rows = tiny.rows(output, "documents", ["text", "kindred.place", "kindred.masked"])
    found = [(r["text"], r["kindred.place"], r["kindred.masked"]) for r in rows]
    return found[-len(numbers) :]


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the old documents that keeps an index; its input is gone."""
    folder = tmp_path_factory.mktemp("former")
    tiny.run(pipeline(folder / "in", OLD, folder / "out", Kindred(index=True)))
    shutil.rmtree(folder / "in")
    return folder / "out"


def test_an_index_says_what_it_is_and_is_part_of_what_the_run_publishes(former: Path) -> None:
    manifest = json.loads((former / "index" / "kindred" / "manifest.json").read_text())
    assert manifest["stage"] == "kindred"
    assert manifest["parameters"] == {"tag": ""}
    assert sum(shard["ids"]["rows"] for shard in manifest["shards"]) == len(OLD)
    assert sum(shard["rows"]["rows"] for shard in manifest["shards"]) == 2 * len(OLD)
    assert len(manifest["shards"]) > 2
    names = {path for path in tiny.final_files(former) if path.startswith("index/")}
    assert len(names) == 1 + 3 * len(manifest["shards"])
    assert verify_published(Store(str(former)))[1] == []


@pytest.mark.parametrize("small_rows", [0, 10_000])
def test_new_documents_find_the_families_that_one_run_over_all_finds(
    former: Path, tmp_path: Path, small_rows: int
) -> None:
    tiny.run(pipeline(tmp_path / "in", [*OLD, *NEW], tmp_path / "all", Kindred()))
    stage = Kindred(against=(str(former),), small_rows=small_rows)
    spec = pipeline(tmp_path / "in", NEW, tmp_path / "new", stage)
    record = tiny.run(spec, SimulatedExecutor(seed=2)).record
    assert results(tmp_path / "new", NEW) == results(tmp_path / "all", NEW)
    assert all(place is not None and place >= 4 for _, place, _ in results(tmp_path / "new", NEW))
    assert record["totals"]["read"] == len(NEW)
    assert tiny.run(spec).executed == {}


def test_what_is_removed_names_the_document_of_the_former_run(former: Path, tmp_path: Path) -> None:
    stage = Kindred(against=(str(former / "index" / "kindred"),), max_masked=0)
    tiny.run(pipeline(tmp_path / "in", NEW, tmp_path / "new", stage))
    old = {row["id"] for row in tiny.rows(former, "documents", ["id"])}
    removed = tiny.rows(tmp_path / "new", "removed", ["duplicate_of", "duplicate_source"])
    assert len(removed) > 10
    assert {row["duplicate_source"] for row in removed} == {"docs"}
    assert all(row["duplicate_of"] in old for row in removed)


@pytest.mark.parametrize(
    "engine", [{"exchange_partition_bytes": 2**20}, {"batch_bytes": 2**20}], ids=str
)
def test_same_bytes_of_an_index_for_any_cut(
    former: Path, tmp_path: Path, engine: dict[str, int]
) -> None:
    spec = pipeline(tmp_path / "in", OLD, tmp_path / "out", Kindred(index=True), **engine)
    tiny.run(spec, SimulatedExecutor(seed=9))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(former)


def test_an_index_holds_what_the_stage_kept(tmp_path: Path) -> None:
    stage = Kindred(index=True, max_masked=0)
    spec = pipeline(tmp_path / "in", OLD, tmp_path / "out", stage)
    after = tiny.entries((("long", GopherQuality(min_words=15), {}),), ("kindred",))
    record = tiny.run(replace(spec, stages=(*spec.stages, *after))).record
    manifest = json.loads((tmp_path / "out" / "index" / "kindred" / "manifest.json").read_text())
    kept = next(s["kept"] for s in record["stages"] if s["name"] == "kindred")
    assert 0 < kept < len(OLD)
    assert sum(shard["ids"]["rows"] for shard in manifest["shards"]) == kept


def test_several_indexes_take_part_together(tmp_path: Path) -> None:
    halves = (range(20), range(20, 40))
    for number, half in enumerate(halves):
        output = tmp_path / f"half{number}"
        tiny.run(pipeline(tmp_path / "in", half, output, Kindred(index=True)))
    tiny.run(pipeline(tmp_path / "in", [*OLD, *NEW], tmp_path / "all", Kindred()))
    stage = Kindred(against=("../half0", "../half1"))
    tiny.run(pipeline(tmp_path / "in", NEW, tmp_path / "new", stage))
    assert results(tmp_path / "new", NEW) == results(tmp_path / "all", NEW)


class Newer(Kindred):
    version: ClassVar[int] = 2


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Kindred(tag="other"), r'another parameters: {"tag":""} there, {"tag":"other"} here'),
        (Newer(), "another version: 1 there, 2 here"),
    ],
)
def test_another_configuration_or_version_is_refused_with_both_printed(
    former: Path, tmp_path: Path, stage: Kindred, message: str
) -> None:
    stage = stage.model_copy(update={"against": (str(former),)})
    with pytest.raises(SpecError, match=message):
        tiny.run(pipeline(tmp_path / "in", NEW, tmp_path / "new", stage))
    assert not (tmp_path / "new").exists()


def test_a_run_without_an_index_is_refused(tmp_path: Path) -> None:
    tiny.run(pipeline(tmp_path / "in", OLD, tmp_path / "plain", Kindred()))
    for path in ("../plain", "../nowhere"):
        with pytest.raises(SpecError, match="holds no index of kindred"):
            tiny.run(pipeline(tmp_path / "in", NEW, tmp_path / "new", Kindred(against=(path,))))


def test_a_damaged_index_fails_the_run_and_names_the_file(former: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(former, tmp_path / "former"))
    victim = broken / "index" / "kindred" / "rows-00000.sliced"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    spec = pipeline(tmp_path / "in", NEW, tmp_path / "new", Kindred(against=(str(broken),)))
    with pytest.raises(CurateError, match=r"rows-00000\.sliced.*the pipeline that wrote it"):
        tiny.run(spec)
    (broken / "index" / "kindred" / "manifest.json").write_text("{")
    with pytest.raises(CurateError, match=r"manifest\.json is damaged"):
        tiny.run(spec)
