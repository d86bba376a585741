"""Clusters of several sources: in the report, and by `curate inspect` also on an object store."""

from __future__ import annotations

import json
import re
from pathlib import Path

import fsspec
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.dashboards.report import write_report
from curate.pipeline.engine import Run
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.inspect import find_clusters
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec import load

PIPELINE = """
name: three-sources
output: run
sources:
  web: {format: jsonl, paths: [web.jsonl]}
  wiki: {format: jsonl, paths: [wiki.jsonl]}
  books: {format: jsonl, paths: [books.jsonl]}
stages:
  - exact_dedup: {prefer: [books]}
  - minhash_dedup: {ngram: 2}
"""
EXPECTED = {
    "web": (9, 5, 1, {"books": 4}),
    "wiki": (5, 2, 0, {"books": 1, "web": 1}),
    "books": (4, 1, 1, {}),
}
"""source: read, removed, within, across."""


def corpus() -> dict[str, list[str]]:
    same = [f"the text number {number} that several sources have" for number in "abcdef"]
    own = [f"only {word} has this one" for word in "one two three four five six seven".split()]
    return {
        "web": [same[0], same[0], same[0], same[1], same[2], same[3], same[3], own[0], own[1]],
        "wiki": [same[1], same[2], own[2], own[3], own[4]],
        "books": [same[0], same[2], same[2], own[5]],
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for source, texts in corpus().items():
        lines = [json.dumps({"text": text}) for text in texts]
        (folder / f"{source}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "pipeline.yaml").write_text(PIPELINE)
    Run(load(folder / "pipeline.yaml"), InlineExecutor(), ()).execute()
    return folder / "run"


@pytest.fixture
def remote(run: Path, bucket: str) -> str:
    """The same run folder on an object store."""
    url = f"{bucket}/clusters/run"
    files, root = fsspec.core.url_to_fs(url)
    for path in run.rglob("*"):
        if path.is_file() and "steps" not in path.relative_to(run).parts:
            files.put_file(str(path), f"{root}/{path.relative_to(run)}")
    return url


def rates_of(folder: RunFolder) -> dict[str, tuple[int, int, int, dict[str, int]]]:
    found = find_clusters(folder, "exact_dedup")[0]
    return {
        each.source: (each.read, each.removed, each.within, each.across) for each in found.rates
    }


def test_rates_within_and_across_sources(run: Path) -> None:
    assert rates_of(RunFolder(str(run))) == EXPECTED


def test_a_run_on_an_object_store_is_inspected_as_on_disk(run: Path, remote: str) -> None:
    assert rates_of(RunFolder(remote)) == EXPECTED
    printed = []
    for folder in (str(run), remote):
        told = CliRunner().invoke(app, ["inspect", folder, "clusters", "--json"])
        assert told.exit_code == 0, told.output
        printed.append(json.loads(told.output))
        shown = CliRunner().invoke(app, ["inspect", folder, "clusters", "--stage", "exact_dedup"])
        assert shown.exit_code == 0 and "books 1, web 1" in shown.output
    assert printed[0] == printed[1]


def test_the_report_shows_the_same(run: Path) -> None:
    write_report(str(run))
    data = json.loads((run / "report" / "report.json").read_bytes())
    exact, _ = data["duplicates"]
    sources = {row["source"]: row for row in exact["sources"]}
    for source, (read, removed, within, across) in EXPECTED.items():
        row = sources[source]
        assert (row["read"], row["removed"], row["within"], row["across"]) == (
            read,
            removed,
            within,
            across,
        )
        assert row["others"] == sum(across.values())
        assert row["shares"]["removed"] == pytest.approx(removed / read)
    assert [cluster["size"] for cluster in exact["largest"]] == [4, 4, 2, 2]
    page = (run / "report" / "index.html").read_text()
    section = page[page.index('id="duplicates"') : page.index('id="signals"')]
    assert re.search(r"<bdi>books</bdi>\s*4</span>", section)
    assert "exact_dedup" in section and "minhash_dedup" in section


def test_a_run_without_deduplication_has_no_such_section(tmp_path: Path) -> None:
    (tmp_path / "web.jsonl").write_text(json.dumps({"text": "a text"}) + "\n")
    (tmp_path / "p.yaml").write_text(
        "name: plain\noutput: run\nsources:\n  web: {format: jsonl, paths: [web.jsonl]}\n"
        "stages:\n  - normalize_whitespace\n"
    )
    Run(load(tmp_path / "p.yaml"), InlineExecutor(), ()).execute()
    write_report(str(tmp_path / "run"))
    assert 'id="duplicates"' not in (tmp_path / "run" / "report" / "index.html").read_text()
