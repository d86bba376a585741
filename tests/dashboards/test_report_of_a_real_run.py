"""Report, explain and status read what the engine writes, and agree with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.dashboards.run_folder import english

from curate.dashboards.report import write_report
from curate.pipeline.engine import Run
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.explain import explain_document, explain_text
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec import load
from curate.pipeline.status import run_status

PIPELINE = """
name: real
output: run
max_bad_fraction: 0.1
sources:
  books: {format: jsonl, paths: [books.jsonl], license: public-domain}
  web: {format: jsonl, paths: [web.jsonl]}
stages:
  - gopher_quality: {min_words: 5, min_stop_words: 0}
    only: [web]
  - exact_dedup
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for source in ("web", "books"):
        lines = [json.dumps({"text": d["text"]}) for d in english(150) if d["source"] == source]
        (folder / f"{source}.jsonl").write_text("\n".join([*lines, "[1]", ""]) + "\n")
    (folder / "pipeline.yaml").write_text(PIPELINE)
    Run(load(folder / "pipeline.yaml"), InlineExecutor(), ()).execute()
    return folder


@pytest.fixture(scope="module")
def folder(pipeline: Path) -> RunFolder:
    return RunFolder(str(pipeline / "run"))


def test_rules_stand_in_the_order_of_stages_whichever_source_passes_them(folder):
    run = folder.run()
    stages = list(dict.fromkeys(rule["stage"] for rule in run["rules"]))
    assert stages == [s["name"] for s in run["stages"] if s["name"] in stages]
    assert stages == ["gopher_quality", "exact_dedup"]


def test_the_report_counts_what_the_engine_counted(folder):
    run = folder.run()
    write_report(folder.url)
    data = json.loads(Path(folder.url, "report", "report.json").read_bytes())
    assert sum(rule["removed"] for rule in data["rules"]) == run["totals"]["removed"] > 0
    assert sum(group["count"] for group in data["quarantine"]) == run["totals"]["quarantined"] == 2
    assert {rule["stage"] for rule in data["rules"] if rule["examples"]} == {
        "gopher_quality",
        "exact_dedup",
    }
    for entry in data["histograms"]:
        assert sum(entry["counts"]["kept"]) + entry["missing"]["kept"] == run["totals"]["kept"]
        gone = [f"removed_{where}" for where in ("here", "elsewhere")]
        counted = sum(sum(entry["counts"][fate]) + entry["missing"][fate] for fate in gone)
        assert counted == run["totals"]["removed"]


def test_every_document_is_explained_as_the_engine_judged_it(folder):
    for dataset, outcome in ((folder.documents(), "kept"), (folder.removed(), "removed")):
        for row in dataset.to_table().to_pylist()[::7]:
            found = explain_document(folder, row["id"])
            assert found.outcome == outcome
            verdicts = {line.rule: line.verdict for line in found.rules}
            if outcome == "kept":
                assert set(verdicts.values()) == {"kept"}
            else:
                assert verdicts[row["rule"]] == "removed here"
            if row["source"] == "books":
                assert list(verdicts) == ["duplicate"]


def test_a_text_alone_is_judged_as_in_the_run(pipeline, folder):
    spec = load(pipeline / "pipeline.yaml", check_inputs=False)
    for dataset in (folder.documents("web"), folder.removed()):
        for row in dataset.to_table().to_pylist()[::11]:
            in_run = explain_document(folder, row["id"])
            alone = explain_text(spec, row["text"], row["source"])
            if in_run.rule != "duplicate":
                assert (alone.stage, alone.rule) == (in_run.stage, in_run.rule)
            values = {line.rule: line.value for line in in_run.rules if line.rule != "duplicate"}
            assert {
                line.rule: line.value for line in alone.rules if line.rule != "duplicate"
            } == values


def test_status_of_a_finished_run(folder):
    found = run_status(folder)
    assert (found.status, found.lease, found.error) == ("done", None, None)
    assert all(step.finished for step in found.steps)
    assert sum(step.rows for step in found.steps if step.step.endswith(".read")) > 0
