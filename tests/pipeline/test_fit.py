"""Fits: the same artefact and the same bytes for any order, cut, executor and crash; what changes
runs again, and nothing else.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
import tiny
from curate_test_stages import HideDigits, OnePerLength, UncommonLetters
from curate_test_stages.learned import POISON, LetterCounts

from curate.errors import StageError
from curate.pipeline.chain import compile_chain
from curate.pipeline.engine import progress_of
from curate.pipeline.estimate import glance
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import Failpoints, SimulatedCrash, SimulatedExecutor
from curate.pipeline.explain import explain_document, explain_text
from curate.pipeline.fit import merged
from curate.pipeline.plan import build_plan
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec.model import PipelineSpec
from curate.stages.base import Stage
from curate.stages.quality.gopher import GopherQuality

STAGES: tuple[tuple[str, Stage, dict[str, Any]], ...] = (
    ("gopher_quality", GopherQuality(min_words=40), {}),
    ("hide_digits", HideDigits(), {"only": ("web",)}),
    ("uncommon_letters", UncommonLetters(min_common=0.93), {}),
    ("one_per_length", OnePerLength(steps=40), {"only": ("web",)}),
)
SOURCES = ("web", "books")
LETTERS = "uncommon_letters.fit.letters"
LENGTH = "one_per_length.fit.length"


def fit_spec(corpus: Path, output: Path, **engine: int) -> PipelineSpec:
    spec = tiny.small_spec(corpus, output, **engine)
    sources = {name: spec.sources[name] for name in SOURCES}
    stages = tiny.entries(STAGES, SOURCES)
    return replace(spec, sources=sources, stages=stages, tokenizer=None, pack=None)


@pytest.fixture(scope="module")
def reference(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("fit") / "out"
    tiny.run(fit_spec(small_corpus, output))
    return output


@pytest.fixture
def finished(reference: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reference, tmp_path / "finished"))


def artefact(output: Path, label: str) -> Path:
    (path,) = output.glob(f"steps/{label}-*/*.artefact-*")
    return path


def test_what_was_learned_is_kept_under_its_digest_and_used(reference: Path) -> None:
    for label in (LETTERS, LENGTH):
        path = artefact(reference, label)
        digest = path.name.split(".")[1].removeprefix("artefact-")
        assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not list(reference.glob("steps/*/*.state.*")), "states are intermediate files"
    learned = orjson.loads(artefact(reference, LETTERS).read_bytes())
    run = RunFolder(str(reference)).run()
    stages = {stage["name"]: stage for stage in run["stages"]}
    assert learned["documents"] == run["totals"]["read"] - stages["read"]["quarantined"]
    assert stages["uncommon_letters"]["removed"] and stages["one_per_length"]["removed"]
    assert set(stages["one_per_length"]["by_source"]) == {"web"}
    live = sum(len(row["text"].encode()) for row in tiny.rows(reference, "documents", ["text"]))
    removed = [
        row
        for row in tiny.rows(reference, "removed", ["stage", "text"])
        if row["stage"] in ("uncommon_letters", "one_per_length")
    ]
    live += sum(len(row["text"].encode()) for row in removed)
    assert learned["bytes"] == live, "exactly the documents that reach the stage, edited text"


def test_same_bytes_for_any_order_repetition_and_loss(
    small_corpus: Path, reference: Path, tmp_path: Path
) -> None:
    executor = SimulatedExecutor(seed=1, twice=0.2, lost=0.2)
    tiny.run(fit_spec(small_corpus, tmp_path / "out"), executor)
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)


def test_same_bytes_from_a_child_process(
    small_corpus: Path, reference: Path, tmp_path: Path
) -> None:
    tiny.run(fit_spec(small_corpus, tmp_path / "out"), InlineExecutor())
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)


@pytest.mark.parametrize(
    "sizes",
    [{"batch_bytes": 1024}, {"shard_input_bytes": 3_000}, {"shard_input_bytes": 10**7}],
    ids=str,
)
def test_same_artefacts_and_documents_for_any_cut(
    small_corpus: Path, reference: Path, tmp_path: Path, sizes: dict[str, int]
) -> None:
    result = tiny.run(fit_spec(small_corpus, tmp_path / "out", **sizes))
    if sizes.get("shard_input_bytes") == 3_000:
        assert result.executed[f"{LETTERS}.merge"] >= 2
    for label in (LETTERS, LENGTH):
        found = artefact(tmp_path / "out", label)
        assert found.read_bytes() == artefact(reference, label).read_bytes()
    columns = ["id", "text"]
    assert tiny.rows(tmp_path / "out", "documents", columns) == tiny.rows(
        reference, "documents", columns
    )


@pytest.mark.parametrize(
    ("point", "share"),
    [
        ("before_publish", 0.5),
        ("after_publish", 0.4),
        ("after_publish", 0.6),
        ("after_record", 0.5),
    ],
)
def test_same_bytes_after_a_crash(
    small_corpus: Path, reference: Path, tmp_path: Path, point: str, share: float
) -> None:
    passes = _passes(small_corpus, tmp_path / "counted")
    crash = Failpoints(point, max(1, int(passes[point] * share)))
    executor = SimulatedExecutor(seed=5, failpoint=crash)
    with pytest.raises(SimulatedCrash):
        tiny.run(fit_spec(small_corpus, tmp_path / "out"), executor, crash)
    tiny.run(fit_spec(small_corpus, tmp_path / "out"), SimulatedExecutor(seed=6))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)


_PASSES: dict[str, int] = {}


def _passes(corpus: Path, output: Path) -> dict[str, int]:
    """How often failpoints are passed in one run; counted once."""
    if not _PASSES:
        points = Failpoints()
        tiny.run(fit_spec(corpus, output), SimulatedExecutor(seed=5, failpoint=points), points)
        _PASSES.update(points.passes)
    return _PASSES


def test_a_finished_run_executes_nothing_again(small_corpus: Path, finished: Path) -> None:
    assert tiny.run(fit_spec(small_corpus, finished)).executed == {}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "keep"), [(flip, "extracted"), (Path.unlink, "all")], ids=["flipped", "gone"]
)
def test_a_damaged_artefact_is_learned_again(
    small_corpus: Path,
    finished: Path,
    reference: Path,
    damage: Callable[[Path], None],
    keep: Any,
) -> None:
    """Its consumers are forgotten, as after a kill in that moment; a fresh process reads it."""
    spec = replace(fit_spec(small_corpus, finished), keep_intermediates=keep)
    if keep == "all":
        shutil.rmtree(finished)
        tiny.run(spec)
    victim = artefact(finished, LETTERS)
    before = victim.read_bytes()
    damage(victim)
    for source in SOURCES:
        for ledger in finished.glob(f"steps/{source}.2-*/ledger.jsonl"):
            ledger.unlink()
    executed = tiny.run(spec, InlineExecutor()).executed
    assert executed[LETTERS] == 1
    assert LENGTH not in executed
    if keep == "all":
        assert set(executed) == {LETTERS, *(f"{source}.2" for source in SOURCES)}
    assert victim.read_bytes() == before
    assert tiny.final_files(finished) == tiny.final_files(reference)


def test_only_what_depends_on_the_artefact_runs_again(small_corpus: Path, finished: Path) -> None:
    spec = replace(fit_spec(small_corpus, finished), keep_intermediates="all")
    shutil.rmtree(finished)
    tiny.run(spec)
    other = tiny.with_stage(spec, "uncommon_letters", stage=UncommonLetters(min_common=0.9))
    executed = tiny.run(other).executed
    assert LETTERS not in executed and not {f"{s}.1" for s in SOURCES} & set(executed)
    assert {f"{source}.2" for source in SOURCES} <= set(executed)
    other = tiny.with_stage(spec, "uncommon_letters", stage=UncommonLetters(common=25))
    assert {LETTERS, "web.1", "web.2"} <= set(tiny.run(other).executed)


def test_a_document_on_which_learning_fails_is_quarantined(tmp_path: Path) -> None:
    corpus = tiny.write_corpus(tmp_path / "corpus", tiny.SMALL)
    text = (corpus / "books.txt").read_text(encoding="utf-8")
    (corpus / "books.txt").write_text(text.replace(". ", f". {POISON}. ", 1), encoding="utf-8")
    result = tiny.run(fit_spec(corpus, tmp_path / "out"))
    counts = {stage["name"]: stage for stage in result.record["stages"]}
    assert counts["uncommon_letters"]["quarantined"] == 1
    (row,) = [row for row in tiny.rows(tmp_path / "out", "quarantine") if row["stage"] != "read"]
    assert row["stage"] == "uncommon_letters" and "cannot be counted" in row["message"]


def test_the_plan_shows_what_is_learned_and_who_uses_it(
    small_corpus: Path, reference: Path
) -> None:
    spec = fit_spec(small_corpus, reference)
    plan = build_plan(spec)
    assert plan.steps[LETTERS].kind == "fit"
    assert plan.steps[LETTERS].parents == tuple(f"{source}.1" for source in SOURCES)
    assert LETTERS in plan.steps["books.2"].parents
    progress = progress_of(spec, plan, InlineExecutor())
    assert progress[LETTERS] == (1, 1)
    estimate = glance(spec, plan)
    assert 0 < estimate.kept_share < 1


def test_a_segment_without_edits_ends_in_a_sidecar(small_corpus: Path, tmp_path: Path) -> None:
    spec = fit_spec(small_corpus, tmp_path)
    plan = build_plan(spec)
    first, second, *_ = plan.chains["books"]
    assert first.learns is not None and not first.materialise and first.exchange is None
    assert second.uses == first.learns
    assert plan.chains["web"][0].materialise, "its text was edited"
    lone = compile_chain("web", spec.stages[2:3])
    assert [len(segment.operations) for segment in lone] == [0, 2]


def test_explain_knows_rules_on_what_was_learned(small_corpus: Path, reference: Path) -> None:
    (row, *_) = [
        row
        for row in tiny.rows(reference, "removed", ["id", "stage"])
        if row["stage"] == "uncommon_letters"
    ]
    found = explain_document(RunFolder(str(reference)), row["id"])
    (line,) = [line for line in found.rules if line.stage == "uncommon_letters"]
    assert line.verdict == "removed here" and line.value is not None and line.value < 0.93
    alone = explain_text(fit_spec(small_corpus, reference), "The text. " * 30)
    told = {line.stage: line.verdict for line in alone.rules}
    assert told["uncommon_letters"] == told["one_per_length"] == "needs a run"


def test_a_state_above_its_bound_is_an_error() -> None:
    fit = LetterCounts()
    large = pa.table([[0] * 1000], schema=fit.state())

    class Careless(LetterCounts):
        def merge(self, states: object) -> pa.Table:
            return large

    with pytest.raises(StageError, match=r"8,000 bytes, declared are at most 2,048"):
        merged(Careless(), ())
