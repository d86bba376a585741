"""Explain says of every rule what it says of this document, wherever the document ended."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.compute as pc
import pytest
from tests.dashboards.run_folder import build_run, document, english, quarantined

from curate.errors import DataError, SpecError
from curate.pipeline.explain import explain_document, explain_text
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec import load

PIPELINE = """
name: explained
output: run
sources:
  notes: {format: jsonl, paths: [notes.jsonl]}
  code: {format: jsonl, paths: [notes.jsonl], kind: code}
stages:
  - gopher_quality: {min_words: 5, min_stop_words: 0}
    name: prose
    only: [notes]
  - exact_dedup
  - gopher_quality: {min_words: 1, max_words: 8, min_stop_words: 0}
    name: short
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("explain")
    build_run(path, english(300), [quarantined(row) for row in range(3)])
    return RunFolder(str(path))


def verdicts(found) -> dict[str, str]:
    return {f"{line.stage}.{line.rule}": line.verdict for line in found.rules}


def test_every_document_of_a_run_is_found_with_its_fate(folder):
    for fate, dataset in (
        ("kept", folder.documents()),
        ("removed", folder.removed()),
        ("quarantined", folder.quarantine()),
    ):
        for row in dataset.to_table(columns=["id"]).to_pylist()[::20]:
            assert explain_document(folder, row["id"]).outcome == fate


def test_a_kept_document_passed_every_rule(folder):
    identity = folder.documents().to_table(columns=["id"])["id"][0].as_py()
    found = explain_document(folder, identity)
    assert set(verdicts(found).values()) == {"kept"}
    assert len(found.rules) == 5
    assert found.signals["words.count"] > 0


def test_rules_after_the_removing_one_are_judged_where_they_were_measured(folder):
    found = explain_document(folder, "web/part-0.jsonl#100")
    assert (found.stage, found.rule) == ("quality", "word_count")
    assert verdicts(found) == {
        "language.score": "kept",
        "quality.word_count": "removed here",
        "quality.mean_word_length": "would be kept",
        "quality.hash_ratio": "would be kept",
        "exact_dedup.duplicate": "not measured",
    }
    assert found.rules[0].by == "en"
    assert (found.rules[0].low, found.rules[1].low) == (0.65, 5)


def test_a_rule_broken_behind_the_first_one_would_remove_as_well(tmp_path):
    build_run(tmp_path, [document("a #")])
    found = explain_document(RunFolder(str(tmp_path)), "web/part-0.jsonl#0")
    assert verdicts(found)["quality.word_count"] == "removed here"
    assert verdicts(found)["quality.hash_ratio"] == "would be removed"


def test_a_removed_copy_names_the_document_that_was_kept(folder):
    copies = folder.removed().to_table(["id"], filter=pc.field("stage") == "exact_dedup")
    identity = copies["id"][0].as_py()
    found = explain_document(folder, identity)
    assert found.rule == "duplicate"
    keeper = explain_document(folder, found.duplicate_of)
    assert keeper.outcome == "kept"
    assert keeper.text == found.text


def test_a_quarantined_record_shows_its_error_and_bytes(folder):
    found = explain_document(folder, "web/part-9.jsonl#2")
    assert (found.stage, found.error) == ("read", "invalid_utf8")
    assert "\\xff" in found.text
    assert set(verdicts(found).values()) == {"not measured"}


def test_an_unknown_id_is_answered_with_the_nearest_ones(folder):
    with pytest.raises(DataError, match=r"nearest ids:\n  web/part-0\.jsonl#100\n"):
        explain_document(folder, "web/part-0.jsonl#110")
    with pytest.raises(DataError, match=r"nearest ids:\n  web/part-"):
        explain_document(folder, "web/part_0.jsonl#110")
    with pytest.raises(DataError, match=r"sources are: books, web \(nearest: 'web'\)"):
        explain_document(folder, "wep/part-0.jsonl#100")


def test_an_explanation_is_json(folder):
    made = explain_document(folder, "web/part-0.jsonl#400").as_json()
    assert json.loads(json.dumps(made, allow_nan=False))["rules"][0]["low"] == "inf"


@pytest.fixture
def pipeline(tmp_path: Path):
    (tmp_path / "notes.jsonl").write_text('{"text": "hello"}\n')
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    return load(str(path))


def test_a_text_goes_through_the_stages_with_removal_off(pipeline):
    found = explain_text(pipeline, "too short", "notes")
    assert (found.outcome, found.stage, found.rule) == ("removed", "prose", "word_count")
    said = verdicts(found)
    assert said["prose.word_count"] == "removed here"
    assert said["exact_dedup.duplicate"] == "needs a run"
    assert said["short.word_count"] == "would be kept"
    assert found.signals["words.count"] == 2


def test_a_later_stage_removes_what_the_first_one_kept(pipeline):
    found = explain_text(pipeline, "one two three four five six seven eight nine ten", "notes")
    assert (found.stage, found.rule) == ("short", "word_count")
    assert verdicts(found)["prose.word_count"] == "kept"


def test_a_text_sees_only_the_stages_of_its_source(pipeline):
    found = explain_text(pipeline, "three short words", "code")
    assert found.outcome == "kept"
    assert "prose" not in {line.stage for line in found.rules}
    with pytest.raises(SpecError, match="did you mean 'notes'"):
        explain_text(pipeline, "text", "note")


@pytest.mark.parametrize("text", ["", "\0", "\u202e \ufeff", "a" * 100_000, "👍🏽" * 1000])
def test_any_text_has_an_explanation(pipeline, text):
    assert explain_text(pipeline, text).rules
