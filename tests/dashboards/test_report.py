"""The report: every count of run.json, up to ten examples per rule, one file without a network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.dashboards.run_folder import build_run, document, english, quarantined

from curate.dashboards.report import byte_size, duration, percent, script_json, write_report
from curate.dashboards.report_data import describe_bound
from curate.errors import DataError
from curate.pipeline.run_folder import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "small"
    build_run(folder, english(600), [quarantined(row) for row in range(12)])
    write_report(str(folder))
    return folder


@pytest.fixture(scope="module")
def data(run: Path) -> dict:
    return json.loads((run / "report" / "report.json").read_bytes())


def test_the_counts_are_those_of_the_run(run, data):
    record = json.loads((run / "run.json").read_bytes())
    assert data["totals"] == record["totals"]
    for stage, shown in zip(record["stages"], data["funnel"], strict=True):
        for count in ("read", "kept", "removed", "quarantined"):
            assert shown[count] == stage[count]
            assert sum(row[count] for row in shown["by_source"]) == stage[count]
    assert sum(rule["removed"] for rule in data["rules"]) == record["totals"]["removed"]
    assert sum(row["kept"] for row in data["mixture"]["sources"]) == record["totals"]["kept"]
    assert {row["reason"]: row["count"] for row in data["skipped"]} == record["skipped"]["web"]
    assert sum(group["count"] for group in data["quarantine"]) == 12


def test_shares_of_the_mixture_sum_to_one_in_every_unit(data):
    for unit in ("documents", "bytes", "tokens"):
        shares = [row["shares"][unit] for row in data["mixture"]["sources"]]
        assert sum(shares) == pytest.approx(1)


def test_every_rule_that_removed_shows_ten_of_its_documents_with_value_and_bound(data):
    for rule in data["rules"]:
        assert len(rule["examples"]) == min(10, rule["removed"])
        for example in rule["examples"]:
            assert (example["stage"], example["rule"]) == (rule["stage"], rule["rule"])
            value, low, high = example["value"], example["low"], example["high"]
            assert (low is not None and value < low) or (high is not None and value > high)


def test_a_language_that_is_not_wanted_has_no_bound_of_infinity(run, data):
    rule = next(rule for rule in data["rules"] if rule["stage"] == "language")
    assert rule["by_column"] == "language.label" and rule["removed"]
    page = (run / "report" / "index.html").read_text()
    assert "bounds by <code>language.label</code>" in page
    assert ", not wanted" in page and "∞" not in page


def test_a_removed_copy_names_its_representative(data):
    rule = next(rule for rule in data["rules"] if rule["stage"] == "exact_dedup")
    for example in rule["examples"]:
        assert example["duplicate_of"] != example["id"]
        assert example["similarity"] == 1.0


def test_rules_broken_behind_the_first_one_are_counted(tmp_path):
    # Two one-letter words and a hash: too few words first, short and hashed as well.
    build_run(tmp_path, [document("a #")])
    write_report(str(tmp_path))
    data = json.loads((tmp_path / "report" / "report.json").read_bytes())
    counts = {rule["rule"]: (rule["removed"], rule["also_broken"]) for rule in data["rules"]}
    assert counts["word_count"] == (1, 0)
    assert counts["mean_word_length"] == (0, 1)
    assert counts["hash_ratio"] == (0, 1)


def test_histograms_count_every_document_and_carry_the_bounds(run, data):
    totals = data["totals"]
    found = {entry["column"]: entry for entry in data["histograms"]}
    words = found["words.count"]
    assert [mark["at"] for mark in words["marks"]] == [5, 1000]
    assert sum(words["counts"]["kept"]) == totals["kept"]
    here, elsewhere = (sum(words["counts"][f"removed_{where}"]) for where in ("here", "elsewhere"))
    missing = words["missing"]["removed_here"] + words["missing"]["removed_elsewhere"]
    assert here + elsewhere + missing == totals["removed"]
    rule = next(rule for rule in data["rules"] if rule["rule"] == "word_count")
    assert here == rule["removed"]
    assert found["language.score"]["marks"] == [{"at": 0.65, "side": "low", "keys": ["en"]}]


def test_the_same_run_gives_the_same_page(run):
    before = (run / "report" / "index.html").read_bytes()
    write_report(str(run))
    assert (run / "report" / "index.html").read_bytes() == before


def test_the_page_names_nothing_outside_itself(run):
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"\s(?:src|srcset|action|data|poster|style|on\w+)=", page)
    assert all(link.startswith("#") for link in re.findall(r'\shref="([^"]*)"', page))
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_examples_can_be_left_out_and_the_title_chosen(tmp_path):
    build_run(tmp_path, english(60))
    write_report(str(tmp_path), examples_per_rule=0, title="Another title")
    data = json.loads((tmp_path / "report" / "report.json").read_bytes())
    assert data["title"] == "Another title"
    assert all(not rule["examples"] for rule in data["rules"])


def test_a_run_that_failed_before_anything_was_published_has_a_report(tmp_path):
    error = {"type": "DataError", "message": "disk full: free some space"}
    nothing = {"read": 0, "kept": 0, "removed": 0, "quarantined": 0, "decisions": 0}
    totals = nothing | {"read_text_bytes": 0, "kept_text_bytes": 0}
    build_run(
        tmp_path,
        [],
        status="failed",
        error=error,
        finished=None,
        totals=totals,
        stages=None,
        tokens=None,
        tokenizer=None,
    )
    write_report(str(tmp_path))
    assert "disk full: free some space" in (tmp_path / "report" / "index.html").read_text()


def test_a_folder_that_is_no_run_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(DataError, match=r"no run\.json here.*`output:`"):
        write_report(str(tmp_path))
    (tmp_path / "run.json").write_text('{"format_version": 99, "rules": []}')
    with pytest.raises(DataError, match="format_version is 99"):
        write_report(str(tmp_path))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json: damaged"):
        write_report(str(tmp_path))


def test_a_run_in_memory_storage_is_read_and_written_like_a_folder():
    url = build_run("memory://report-test/run", english(40))
    assert write_report(url) == f"{url}/report/index.html"
    assert RunFolder(url).documents().count_rows() > 0


def test_embedded_json_cannot_end_its_element():
    text = "</script><!--\u2028\u2029&"
    embedded = script_json([text])
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == [text]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.65, None, "value ≥ 0.65"),
        (None, 0, "value ≤ 0"),
        (50, 100_000, "50 ≤ value ≤ 100,000"),
        (None, None, "no bound"),
        ({"en": 0.5, "default": float("inf")}, None, "en: value ≥ 0.5; others: removed always"),
        ({"default": 1.0}, 2, "all: 1 ≤ value ≤ 2"),
    ],
)
def test_bounds_in_words(low, high, words):
    assert describe_bound(low, high) == words


def test_numbers_for_people():
    assert [percent(x) for x in (0, 1e-6, 0.1234, 0.99999, 1)] == [
        "0 %",
        "< 0.1 %",
        "12.3 %",
        "> 99.9 %",
        "100 %",
    ]
    assert [byte_size(x) for x in (12, 1234, 5_600_000)] == ["12 B", "1.2 kB", "5.6 MB"]
    assert [duration(x) for x in (None, 2.5, 184, 3725)] == [
        "–",
        "2.5 s",
        "3 min 04 s",
        "1 h 02 min",
    ]
