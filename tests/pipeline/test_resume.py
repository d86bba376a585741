"""Promise 1 and the cost of a change: what an edit, a damaged file or a second start runs again,
and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from curate.errors import CurateError, DataError, SpecError
from curate.pipeline.publish import FINAL_FOLDERS, verify_published
from curate.stages.quality.gopher import GopherQuality
from curate.storage.store import Store
from curate.tokenizer.config import TokenizerConfig

AFTER_LANGUAGE = ("gopher_quality", "exact_dedup", "crowded_openings", "same_but_case")


def test_a_finished_run_executes_nothing_again(small_corpus: Path, finished: Path) -> None:
    before = tiny.final_files(finished)
    result = tiny.run(tiny.small_spec(small_corpus, finished))
    assert result.executed == {}
    assert result.record["status"] == "done"
    assert tiny.final_files(finished) == before


def test_names_and_guard_rails_and_report_change_nothing(
    small_corpus: Path, finished: Path
) -> None:
    spec = tiny.small_spec(small_corpus, finished)
    spec = tiny.with_stage(spec, "gopher_quality", expect_kept=(0.0, 0.99))
    spec = replace(
        spec,
        report=spec.report.model_copy(update={"title": "another", "examples": 3}),
        max_bad_fraction=0.5,
    )
    web = spec.sources["web"].model_copy(
        update={"license": "CC0-1.0", "tags": ("x",), "kind": "web"}
    )
    spec = replace(
        spec, sources={**spec.sources, "web": web}, text="another text", path="/elsewhere.yaml"
    )
    assert tiny.run(spec).executed == {}


def test_the_output_folder_can_be_moved(small_corpus: Path, finished: Path, tmp_path: Path) -> None:
    finished.rename(tmp_path / "moved")
    assert tiny.run(tiny.small_spec(small_corpus, tmp_path / "moved")).executed == {}


def test_a_bound_runs_again_what_depends_on_it_and_never_reads(
    small_corpus: Path, finished: Path, tmp_path: Path
) -> None:
    stricter = {"stage": GopherQuality(min_words=150)}
    result = tiny.run(
        tiny.with_stage(tiny.small_spec(small_corpus, finished), "gopher_quality", **stricter)
    )
    assert not [step for step in result.executed if step.endswith(".read")]
    assert {f"{source}.1" for source in tiny.SOURCES} <= set(result.executed)
    fresh = tmp_path / "fresh"
    tiny.run(tiny.with_stage(tiny.small_spec(small_corpus, fresh), "gopher_quality", **stricter))
    assert tiny.final_files(finished) == tiny.final_files(fresh)
    tiny.run(tiny.small_spec(small_corpus, finished))
    back = tmp_path / "back"
    tiny.run(tiny.small_spec(small_corpus, back))
    assert tiny.final_files(finished) == tiny.final_files(back)


def test_a_late_bound_leaves_the_steps_before_it(small_corpus: Path, finished: Path) -> None:
    spec = replace(tiny.small_spec(small_corpus, finished), keep_intermediates="all")
    tiny.run(spec)
    kept_all = finished.parent / "all"
    tiny.run(replace(tiny.small_spec(small_corpus, kept_all), keep_intermediates="all"))
    changed = tiny.with_stage(
        replace(tiny.small_spec(small_corpus, kept_all), keep_intermediates="all"),
        "long_enough",
        stage=GopherQuality(min_words=150),
    )
    result = tiny.run(changed)
    untouched = {f"{source}.{step}" for source in tiny.SOURCES for step in ("read", "1")} | {
        "exact_dedup.settle"
    }
    assert not untouched & set(result.executed)
    assert {f"{source}.2" for source in tiny.SOURCES} <= set(result.executed)


def test_intermediates_that_were_collected_are_made_again_for_a_late_bound(
    small_corpus: Path, finished: Path, tmp_path: Path
) -> None:
    changes = {"stage": GopherQuality(min_words=150)}
    result = tiny.run(
        tiny.with_stage(tiny.small_spec(small_corpus, finished), "long_enough", **changes)
    )
    assert not [step for step in result.executed if step.endswith(".read")]
    tiny.run(
        tiny.with_stage(tiny.small_spec(small_corpus, tmp_path / "fresh"), "long_enough", **changes)
    )
    assert tiny.final_files(finished) == tiny.final_files(tmp_path / "fresh")


def test_another_vocabulary_runs_the_tokenizer_and_the_tokens_only(
    small_corpus: Path, finished: Path
) -> None:
    spec = replace(
        tiny.small_spec(small_corpus, finished), tokenizer=TokenizerConfig(vocab_size=600)
    )
    executed = tiny.run(spec).executed
    assert set(executed) <= {
        "tokenizer",
        "tokens.encode",
        "tokens.plan",
        "tokens.files",
        "tokens.index",
        "tokens.pack",
    }
    assert "tokenizer" in executed


def test_another_file_does_not_read_the_others_again(tmp_path: Path) -> None:
    corpus = tiny.write_corpus(tmp_path / "corpus", tiny.SMALL)
    tiny.run(tiny.small_spec(corpus, tmp_path / "out"))
    text = next(tiny.documents("new", 1))
    (corpus / "web" / "0-first-in-order.jsonl").write_text(json.dumps({"text": text}) + "\n")
    executed = tiny.run(tiny.small_spec(corpus, tmp_path / "out")).executed
    assert {step: jobs for step, jobs in executed.items() if step.endswith(".read")} == {
        "web.read": 1
    }
    tiny.run(tiny.small_spec(corpus, tmp_path / "fresh"))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(tmp_path / "fresh")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def delete(path: Path) -> None:
    path.unlink()


READERS = {
    ("web.read", "rows"): "web.1",
    ("books.2", "rows"): "books.3",
    ("wiki.1", "exchange"): "exact_dedup.consolidate",
    ("kindred.settle.1.1.last", "visits"): "kindred.visit.2",
    ("kindred.settle.1.1.last", "shards"): "kindred.visit.2",
    ("kindred.visit.2", "exchange"): "kindred.consolidate.2",
    ("kindred.settle.1.0.1-", "exchange"): "kindred.settle.1.1.1",
    ("wiki.5", "sidecar"): "wiki.6",
}
"""What reads a file, where that is not the second segment of `wiki`."""


@pytest.mark.parametrize(
    ("damage", "step", "kind", "again"),
    [
        (flip, "web.read", "rows", {"web.read": 1}),
        (truncate, "web.read", "rows", {"web.read": 1}),
        (delete, "web.read", "rows", {"web.read": 1}),
        (flip, "wiki.1", "sidecar", {"wiki.1": 1}),
        (flip, "wiki.1", "exchange", {"wiki.1": 1}),
        (delete, "wiki.1", "exchange", {"wiki.1": 1}),
        (flip, "exact_dedup.settle", "verdicts", {"exact_dedup.settle": 1}),
        (truncate, "exact_dedup.lookup", "lookup", {"exact_dedup.lookup": 1}),
        (flip, "books.2", "rows", {"books.2": 1}),
        (flip, "kindred.settle.1.1.last", "visits", {"kindred.settle": 1}),
        (delete, "kindred.settle.1.1.last", "shards", {"kindred.settle": 1}),
        (truncate, "kindred.visit.2", "exchange", {"kindred.visit": 1}),
        (flip, "kindred.settle.1.0.1-", "exchange", {"kindred.settle": 1}),
        (flip, "wiki.5", "sidecar", {"wiki.5": 1}),
    ],
)
def test_a_damaged_intermediate_is_found_and_only_it_is_made_again(
    small_corpus: Path,
    kept_all: Path,
    small_reference: Path,
    damage: Callable[[Path], None],
    step: str,
    kind: str,
    again: dict[str, int],
) -> None:
    """Everything that reads the file is forgotten first, as after a kill in that moment."""
    victim = max(kept_all.glob(f"steps/{step}*/*.{kind}.*"), key=lambda path: path.stat().st_size)
    before = victim.read_bytes()
    damage(victim)
    later = READERS.get((step, kind), "wiki.2")
    forgotten: Counter[str] = Counter()
    for ledger in kept_all.glob(f"steps/{later}*/ledger.jsonl"):
        forgotten[".".join(later.split(".")[:2])] += len(ledger.read_bytes().splitlines())
        ledger.unlink()
    spec = replace(tiny.small_spec(small_corpus, kept_all), keep_intermediates="all")
    executed = tiny.run(spec).executed
    assert Counter(executed) - forgotten == Counter(again)
    assert victim.read_bytes() == before
    assert tiny.final_files(kept_all) == tiny.final_files(small_reference)


@pytest.fixture(scope="module")
def kept_all_once(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that keeps every intermediate file."""
    output = tmp_path_factory.mktemp("kept_all") / "out"
    tiny.run(replace(tiny.small_spec(small_corpus, output), keep_intermediates="all"))
    return output


@pytest.fixture
def kept_all(kept_all_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept_all_once, tmp_path / "kept_all"))


@pytest.mark.parametrize(
    ("damage", "folder"),
    [
        *((delete, folder) for folder in FINAL_FOLDERS),
        (truncate, "documents"),
        (truncate, "tokens"),
    ],
)
def test_a_final_file_that_is_gone_or_short_is_made_again(
    small_corpus: Path,
    finished: Path,
    small_reference: Path,
    damage: Callable[[Path], None],
    folder: str,
) -> None:
    victim = next(path for path in sorted((finished / folder).rglob("*")) if path.is_file())
    damage(victim)
    executed = tiny.run(tiny.small_spec(small_corpus, finished)).executed
    assert tiny.final_files(finished) == tiny.final_files(small_reference)
    assert not [step for step in executed if step.endswith(".read")]


def test_verify_finds_a_flipped_byte_in_a_final_file_and_the_next_run_mends_it(
    small_corpus: Path, finished: Path, small_reference: Path
) -> None:
    victims = [
        next(path for path in sorted((finished / folder).rglob("*")) if path.is_file())
        for folder in FINAL_FOLDERS
    ]
    for victim in victims:
        flip(victim)
    checked, damaged = verify_published(Store(str(finished)))
    assert checked > len(victims)
    assert len(damaged) == len(victims)
    tiny.run(tiny.small_spec(small_corpus, finished))
    assert tiny.final_files(finished) == tiny.final_files(small_reference)
    assert verify_published(Store(str(finished)))[1] == []


def test_a_flipped_byte_in_documents_is_mended_when_the_tokenizer_reads_it(
    small_corpus: Path, finished: Path, tmp_path: Path
) -> None:
    flip(next(iter(sorted((finished / "documents").rglob("*.parquet")))))
    tokenizer = TokenizerConfig(vocab_size=600)
    tiny.run(replace(tiny.small_spec(small_corpus, finished), tokenizer=tokenizer))
    tiny.run(replace(tiny.small_spec(small_corpus, tmp_path / "fresh"), tokenizer=tokenizer))
    assert tiny.final_files(finished) == tiny.final_files(tmp_path / "fresh")


@pytest.mark.parametrize(
    "tail",
    [b'{"key": "00', b"\x00\xff garbage\n", b"5\n", b'{"key": "zz", "files": [], "counts": {}}\n'],
)
def test_a_torn_ledger_line_costs_nothing_but_its_own_job(
    small_corpus: Path, finished: Path, small_reference: Path, tail: bytes
) -> None:
    for ledger in finished.glob("steps/*/ledger.jsonl"):
        with ledger.open("ab") as file:
            file.write(tail)
    assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {}
    ledger = next(finished.glob("steps/web.read*/ledger.jsonl"))
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[1:-1]) + lines[0][: len(lines[0]) // 2])
    assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {"web.read": 1}
    assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {}
    assert tiny.final_files(finished) == tiny.final_files(small_reference)


def test_files_that_the_manifest_does_not_name_are_deleted(
    small_corpus: Path, finished: Path, small_reference: Path
) -> None:
    for stale in (
        "documents/web/part-00999.parquet",
        "documents/gone/part-00000.parquet",
        "tokens/train/old.bin",
        "removed/x",
    ):
        path = finished / stale
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stale")
    tiny.run(tiny.small_spec(small_corpus, finished))
    assert tiny.final_files(finished) == tiny.final_files(small_reference)


def test_what_an_interrupted_write_left_behind_goes(small_corpus: Path, finished: Path) -> None:
    left = finished / "documents" / "web" / ".part-00000.parquet.0123456789ab.tmp"
    left.write_bytes(b"half")
    tiny.run(tiny.small_spec(small_corpus, finished))
    assert not left.exists()


def test_the_folder_of_another_pipeline_is_refused(small_corpus: Path, finished: Path) -> None:
    before = tiny.final_files(finished)
    with pytest.raises(SpecError, match="belongs to the pipeline 'tiny'"):
        tiny.run(replace(tiny.small_spec(small_corpus, finished), name="other"))
    assert tiny.final_files(finished) == before


def test_a_folder_with_other_files_is_refused(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(SpecError, match=r"thesis\.tex"):
        tiny.run(tiny.small_spec(small_corpus, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def lock(folder: Path, host: str, pid: int, age_s: float) -> None:
    beat = time.time() - age_s
    entry = {"host": host, "pid": pid, "identity": "x", "started": beat, "heartbeat": beat}
    (folder / "run.lock").write_text(json.dumps(entry))


def test_a_second_driver_is_refused_with_host_and_age(small_corpus: Path, finished: Path) -> None:
    lock(finished, "elsewhere.example", 4711, 7)
    with pytest.raises(CurateError, match=r"elsewhere\.example.*4711.*heartbeat [789] s ago"):
        tiny.run(tiny.small_spec(small_corpus, finished))
    lock(finished, socket.gethostname(), os.getppid(), 1)
    with pytest.raises(CurateError, match=socket.gethostname()):
        tiny.run(tiny.small_spec(small_corpus, finished))


def test_the_lock_of_a_dead_driver_is_taken_over(small_corpus: Path, finished: Path) -> None:
    lock(finished, "elsewhere.example", 4711, 600)
    assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {}
    lock(finished, socket.gethostname(), 2**22 + 1, 0)
    assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {}
    for damaged in ("{torn", "[]", '{"host": 5, "pid": "x", "heartbeat": 1}'):
        (finished / "run.lock").write_text(damaged)
        assert tiny.run(tiny.small_spec(small_corpus, finished)).executed == {}
    assert not (finished / "run.lock").exists()


@pytest.mark.parametrize(
    "manifest", [b"", b'{"files": {"documents/web', b'{"files": {"a": 5}}', b"[]"]
)
def test_a_damaged_manifest_is_said_and_costs_work_alone(
    small_corpus: Path, small_reference: Path, tmp_path: Path, manifest: bytes
) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    (output / "manifest.json").write_bytes(manifest)
    with pytest.raises(DataError, match=r"manifest\.json is damaged"):
        verify_published(Store(str(output)))
    tiny.run(tiny.small_spec(small_corpus, output))
    assert tiny.final_files(output) == tiny.final_files(small_reference)
    assert verify_published(Store(str(output)))[1] == []
