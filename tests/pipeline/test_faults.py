"""Documents that raise, crash, hang or sleep cost themselves and nothing else; guard rails stop a
run that goes wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
from curate_test_failures import Deadly, DiesLater, Heedless
from curate_test_stages import Fragile, HideDigits
from curate_test_stages.fragile import EXIT, HANG, RAISE, SEGFAULT, SLEEP

from curate.errors import CurateError, DataError, GuardRailError, StageError
from curate.pipeline.driver import Driver, Step, load_decisions, parse_decisions
from curate.pipeline.engine import Run
from curate.pipeline.environment import capture_environment
from curate.pipeline.events import SilentEvents
from curate.pipeline.executors.base import WorkerSetup
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.job import Decision, JobContext
from curate.pipeline.read import ReadJob
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.base import Stage
from curate.stages.dedup.exact import ExactDedup
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.html import Html
from curate.stages.sources.jsonl import Jsonl
from curate.storage.store import Store

DOCUMENTS = 24


def pipeline(
    folder: Path, output: Path, marks: Mapping[int, str], timeout_s: float = 0.4
) -> PipelineSpec:
    """One source of short documents, some of which ask `Fragile` to fail; two further stages around
    it.
    """
    folder.mkdir(exist_ok=True)
    texts = [f"document {n} {marks.get(n, 'is fine')} " + "word " * n for n in range(DOCUMENTS)]
    (folder / "docs.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    stages: tuple[tuple[str, Stage, dict[str, Any]], ...] = (
        ("hide_digits", HideDigits(), {}),
        ("fragile", Fragile(), {}),
        ("exact_dedup", ExactDedup(), {}),
    )
    return tiny.plain_spec(
        folder,
        output,
        {"docs": Jsonl(paths=(f"{folder}/docs.jsonl",))},
        tiny.entries(stages, ("docs",)),
        EngineConfig(shard_input_bytes=1024, batch_bytes=1024, document_timeout_s=timeout_s),
    )


def number_of(row: Mapping[str, Any]) -> int:
    return int(row["text"].count("word"))


def test_documents_on_which_a_stage_raises_are_quarantined_one_by_one(tmp_path: Path) -> None:
    result = tiny.run(pipeline(tmp_path / "in", tmp_path / "out", {3: RAISE, 4: RAISE, 17: RAISE}))
    bad = tiny.rows(tmp_path / "out", "quarantine")
    assert [number_of(row) for row in bad] == [3, 4, 17]
    for row in bad:
        assert (row["stage"], row["fate"], row["error"]) == (
            "fragile",
            "quarantined",
            "stage_failed",
        )
        assert "ValueError: as asked" in row["message"]
        assert row["raw"].decode() == row["text"]
        assert row["hide_digits.digits"] is not None, "signals measured before are kept"
    assert len(tiny.rows(tmp_path / "out", "documents")) == DOCUMENTS - 3
    assert result.record["totals"]["decisions"] == 0


@pytest.mark.parametrize("mark", [pytest.param(EXIT, marks=pytest.mark.slow), SEGFAULT, HANG])
def test_a_document_that_kills_or_hangs_native_code_is_given_up(tmp_path: Path, mark: str) -> None:
    output = tmp_path / "out"
    spec = pipeline(tmp_path / "in", output, {11: mark})
    result = tiny.run(spec, InlineExecutor())
    assert result.record["totals"]["decisions"] == 1
    (decision,) = [
        json.loads(line) for line in (output / "decisions.jsonl").read_text().splitlines()
    ]
    (bad,) = tiny.rows(output, "quarantine")
    assert number_of(bad) == 11
    assert decision["id"] == bad["id"]
    assert decision["stage"] == bad["stage"] == "fragile"
    assert bad["error"] == "given_up"
    assert bad["message"] == decision["reason"]
    assert sorted(number_of(row) for row in tiny.rows(output, "documents")) == [
        n for n in range(DOCUMENTS) if n != 11
    ]
    bytes_of_the_run = tiny.final_files(output)

    assert tiny.run(spec, InlineExecutor()).executed.get("docs.read") is None
    assert tiny.final_files(output) == bytes_of_the_run, "the same folder again"

    replayed = tmp_path / "replayed"
    again = Run(
        replace(spec, output=str(replayed)),
        SimulatedExecutor(),
        replay=str(output / "decisions.jsonl"),
    ).execute()
    assert again.record["totals"]["decisions"] == 1
    assert tiny.final_files(replayed) == bytes_of_the_run, (
        "another machine with the decisions, without a crash"
    )


class NotedWatch:
    """Careful mode that only notes."""

    single = True

    def __init__(self) -> None:
        self.notes: list[str] = []

    def begin(self, document: str, stage: str) -> None:
        self.notes.append(f"begin {document}")

    def end(self) -> None:
        self.notes.append("end")


def test_while_the_next_record_is_read_no_document_is_at_work(tmp_path: Path) -> None:
    """What kills the reader then must not be laid at the door of the page before."""
    for name in "abc":
        (tmp_path / f"{name}.html").write_text(f"<p>{name} " + "some text of a page " * 30)
    source, watch = Html(paths=(f"{tmp_path}/*.html",)), NotedWatch()
    splits = tuple(split for file in source.files(".") for split in source.splits(file, 2**20))
    context = JobContext(Store(str(tmp_path / "out")), EngineConfig(), 1, watch)
    ReadJob("read-0", "0" * 32, "web", source, splits).run(context)
    each = [[f"begin web/{name}.html#0", "end"] for name in "abc"]
    assert watch.notes == [*each[0], *each[1], *each[2], "end"]


def test_damaged_lines_of_decisions_are_passed_over_and_other_files_refused(tmp_path: Path) -> None:
    sound = b'{"id": "web/a#0", "stage": "read", "reason": "slow"}\n'
    for damaged in (b"", b"5\n", b"[]\n", b"{}\n", b'{"id": 1, "stage": 2, "reason": 3}\n', b'{"i'):
        assert parse_decisions(sound + damaged) == [Decision("web/a#0", "read", "slow")]
    (tmp_path / "other.jsonl").write_text('{"text": "a document"}\n')
    driver = Driver(
        Store(str(tmp_path)),
        InlineExecutor(),
        SilentEvents(Store(str(tmp_path))),
        lambda name: None,
    )
    with pytest.raises(DataError, match="holds no decision"):
        driver.replay(str(tmp_path / "other.jsonl"))


@pytest.mark.slow
def test_a_document_that_sleeps_without_cpu_is_given_up(tmp_path: Path) -> None:
    result = tiny.run(pipeline(tmp_path / "in", tmp_path / "out", {5: SLEEP}), InlineExecutor())
    assert result.record["totals"]["decisions"] == 1
    (bad,) = tiny.rows(tmp_path / "out", "quarantine")
    assert number_of(bad) == 5
    assert "no progress" in bad["message"]


@pytest.mark.parametrize(
    ("job", "message", "decisions"),
    [
        (Deadly, r"deadly: 'partition 3' ended the process .* can leave nothing out", 0),
        (Heedless, r"deadly: 'partition 3' ended the process .* was given up before", 1),
        (DiesLater, r"deadly: the worker ended the process .* outside any document", 0),
    ],
)
def test_a_step_that_cannot_leave_out_what_kills_it_fails_the_run(
    tmp_path: Path, job: type[Deadly], message: str, decisions: int
) -> None:
    store, executor = Store(str(tmp_path)), InlineExecutor()
    executor.start(WorkerSetup(store.url, EngineConfig(), 1, capture_environment(())))
    driver = Driver(store, executor, SilentEvents(store), lambda name: None)
    step = Step("deadly-0", "deadly", 1, lambda index: job("deadly-0", "0" * 32))
    try:
        with pytest.raises(StageError, match=message):
            driver.run([step])
    finally:
        executor.stop()
    assert len(load_decisions(store)) == decisions


def test_expect_kept_stops_the_run_and_says_what_to_look_at(
    small_corpus: Path, tmp_path: Path
) -> None:
    spec = tiny.small_spec(small_corpus, tmp_path / "out")
    spec = tiny.with_stage(
        spec, "gopher_quality", stage=GopherQuality(min_words=150), expect_kept=(0.95, 1.0)
    )
    with pytest.raises(
        GuardRailError, match=r"'gopher_quality' kept .* expect_kept is \[0\.95, 1\].*word_count"
    ) as caught:
        tiny.run(spec)
    assert caught.value.exit_code == 3
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "stopped"
    assert record["error"]["message"] == str(caught.value)
    assert not tiny.final_files(tmp_path / "out"), "nothing was published"
    widened = tiny.with_stage(spec, "gopher_quality", expect_kept=(0.1, 1.0))
    executed = tiny.run(widened).executed
    assert not {"web.read", "web.1"} & set(executed), (
        "the answer to a guard rail costs nothing that was done"
    )


def test_max_bad_fraction_stops_the_run_and_names_the_source(
    small_corpus: Path, tmp_path: Path
) -> None:
    spec = replace(tiny.small_spec(small_corpus, tmp_path / "out"), max_bad_fraction=0.001)
    with pytest.raises(
        GuardRailError, match=r"max_bad_fraction is 0\.10 %.*|max_bad_fraction is 0\.10%.*'web'"
    ):
        tiny.run(spec)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "stopped"


FULL_DISK = """
import resource, signal, sys, tiny, pathlib
corpus, output, limit = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from curate.errors import CurateError
try:
    tiny.run(tiny.small_spec(corpus, output))
except CurateError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("limit_bytes", [20_000, 75_000])
def test_a_disk_that_takes_no_more_fails_the_run_which_continues_later(
    small_corpus: Path, small_reference: Path, tmp_path: Path, limit_bytes: int
) -> None:
    """The limit on file size is the full disk that a test can have without being root: writes end
    in OSError.
    """
    command = [
        sys.executable,
        "-c",
        FULL_DISK,
        str(small_corpus),
        str(tmp_path / "out"),
        str(limit_bytes),
    ]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stdout
    if (tmp_path / "out" / "run.json").exists():
        assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"
    else:
        assert limit_bytes == 20_000, "not even run.json found room"
    assert not list((tmp_path / "out").rglob("*.tmp")), "half-written files are gone"
    assert not tiny.final_files(tmp_path / "out")
    executed = tiny.run(tiny.small_spec(small_corpus, tmp_path / "out")).executed
    assert limit_bytes == 20_000 or set(executed).isdisjoint(
        {"web.read", "web.1", "exact_dedup.settle", "web.3"}
    )
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(small_reference)


def test_a_source_file_that_vanishes_fails_the_run_and_names_it(
    small_corpus: Path, tmp_path: Path
) -> None:
    corpus = Path(shutil.copytree(small_corpus, tmp_path / "corpus"))
    spec = tiny.small_spec(corpus, tmp_path / "out")

    class Vandal(SimulatedExecutor):
        def start(self, setup: Any) -> None:
            (corpus / "books.txt").unlink()
            super().start(setup)

    with pytest.raises(CurateError, match=r"books\.txt"):
        tiny.run(spec, Vandal())
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"


def test_one_empty_source_does_not_switch_a_guard_rail_off(
    small_corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    spec = tiny.small_spec(small_corpus, tmp_path / "out")
    found = {**spec.sources, "void": Jsonl(paths=(str(tmp_path / "empty.jsonl"),))}
    spec = replace(spec, sources=found, stages=tiny.entries(tiny.STAGES, tuple(found)))
    with pytest.raises(GuardRailError, match="gopher_quality"):
        tiny.run(tiny.with_stage(spec, "gopher_quality", expect_kept=(0.99, 1.0)))
