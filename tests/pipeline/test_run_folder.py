"""Reading a run folder: empty is empty, damage has a name and a remedy, on a disk and elsewhere."""

from __future__ import annotations

import pytest
from tests.dashboards.run_folder import STAGES, build_run, english, quarantined

from curate.errors import DataError
from curate.pipeline.explain import explain_document
from curate.pipeline.run_folder import RunFolder, rules_of, stream


def test_what_is_not_there_yet_is_empty(tmp_path):
    folder = RunFolder(str(tmp_path / "nowhere"))
    assert not folder.exists()
    assert folder.lease() is None
    assert list(folder.events()) == []
    assert folder.documents().count_rows() == 0
    assert folder.removed().count_rows() == folder.quarantine().count_rows() == 0
    assert list(stream(folder.documents("web"), ["id", "words.count"])) == []


@pytest.mark.parametrize("place", ["local", "memory"])
def test_a_run_reads_the_same_from_every_file_system(tmp_path, place):
    url = str(tmp_path) if place == "local" else "memory://run-folder-test/run"
    build_run(url, english(100), [quarantined(1)])
    folder = RunFolder(url)
    run = folder.run()
    assert folder.documents().count_rows() == run["totals"]["kept"]
    assert folder.documents("books").count_rows() == run["sources"]["books"]["kept"]
    assert folder.removed().count_rows() == run["totals"]["removed"]
    assert explain_document(folder, "web/part-0.jsonl#100").outcome == "removed"


def test_rules_come_back_as_they_were_declared(tmp_path):
    folder = RunFolder(build_run(tmp_path, english(10)))
    rules = rules_of(folder.run())
    assert [rule.name for _, rule in rules] == [r.name for s in STAGES.values() for r in s]
    assert rules[0][1].low == {"en": 0.65, "default": float("inf")}
    assert rules[-1][1].missing == "keep"


def test_a_half_written_event_is_passed_over_and_the_tail_starts_on_a_line(tmp_path):
    build_run(tmp_path, [])
    lines = [b'{"event": "a"}', b"[1]", b"\xff", b'{"event": "b"}', b'{"event"']
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines))
    folder = RunFolder(str(tmp_path))
    assert [event["event"] for event in folder.events()] == ["a", "b"]
    assert [event["event"] for event in folder.events(tail_bytes=30)] == ["b"]


def test_damage_is_named_with_its_remedy(tmp_path):
    build_run(tmp_path, english(30))
    (tmp_path / "removed" / "part-00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"removed: a part cannot be read.*curate run"):
        RunFolder(str(tmp_path)).removed()
    (tmp_path / "run.lock").write_bytes(b"{")
    with pytest.raises(DataError, match=r"run\.lock: damaged"):
        RunFolder(str(tmp_path)).lease()


def test_an_unknown_protocol_is_a_data_error():
    with pytest.raises(DataError, match="nowhere://bucket"):
        RunFolder("nowhere://bucket/run")
