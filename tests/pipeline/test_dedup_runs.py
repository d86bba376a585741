"""Deduplication in whole runs: the same survivors however the work is cut, and what a run tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
from typer.testing import CliRunner

from curate.cli.app import app
from curate.cli.console import make_console
from curate.cli.inspect import _side_by_side
from curate.errors import DataError
from curate.pipeline.engine import Run
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.inspect import Pair, find_clusters, repeated_lines
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.base import Stage
from curate.stages.dedup.exact import ExactDedup
from curate.stages.dedup.line import LineDedup
from curate.stages.quality.length import DocumentLength
from curate.stages.sources.jsonl import Jsonl

FOOTER = "All rights to the texts of this site are reserved by its owner."
STAGES: tuple[tuple[str, Stage, dict[str, object]], ...] = (
    ("length", DocumentLength(min_words=1), {}),
    ("by_url", ExactDedup(by="url", keep="newest"), {}),
    ("longest", ExactDedup(by="normalized_text", scope="domain", keep={"best": "words.count"}), {}),
    ("line_dedup", LineDedup(max_domain_share=0.3), {}),
    ("empty", LineDedup(unit="sentences", min_characters=0, min_characters_left=None), {}),
)


def corpus(folder: Path) -> Path:
    folder.mkdir()
    dice = tiny.Dice("pages")
    rows = []
    for number in range(120):
        site = f"http://site{number % 4}.org"
        body = tiny.prose(dice, tiny.ENGLISH, 30) if number % 7 else "the same text of a page"
        rows.append(
            {
                "text": f"Menu\n{body}\n{FOOTER}\n" + ("Career.\n" if number in (27, 83) else ""),
                "url": f"{site}/{number - number % 11}",
                "date": f"2020-01-{1 + number % 28:02}",
            }
        )
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def pipeline(folder: Path, output: Path, **engine: int) -> PipelineSpec:
    sizes = {"shard_input_bytes": 6_000, "exchange_partition_bytes": 40_000, "exchange_fan_in": 3}
    return tiny.plain_spec(
        folder,
        output,
        {"pages": Jsonl(paths=(f"{folder}/pages.jsonl",), url_field="url", date_field="date")},
        tiny.entries(STAGES, ("pages",)),
        EngineConfig(**(sizes | {"batch_bytes": 2048} | engine)),
        keep_intermediates="all",
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("pages")
    spec = pipeline(corpus(folder / "in"), folder / "out")
    Run(spec, SimulatedExecutor(seed=3)).execute()
    return folder


def survivors(output: Path) -> list[tuple[str, str]]:
    rows = tiny.rows(output, "documents", ["id", "text"])
    return [(row["id"], row["text"]) for row in rows]


def test_the_same_survivors_however_the_work_is_cut(pages: Path) -> None:
    spec = pipeline(
        pages / "in",
        pages / "again",
        shard_input_bytes=1 << 20,
        exchange_partition_bytes=1 << 20,
        batch_bytes=1024,
    )
    Run(spec, SimulatedExecutor(seed=4, twice=0, lost=0)).execute()
    assert survivors(pages / "again") == survivors(pages / "out")
    listed = [tiny.rows(pages / run, "report/line_dedup.parquet") for run in ("out", "again")]
    assert listed[0] == listed[1]


def test_lines_went_and_are_told(pages: Path) -> None:
    texts = [text for _, text in survivors(pages / "out")]
    assert sum(FOOTER in text for text in texts) == 1
    assert sum("Menu" in text for text in texts) == 4, "one of each site"
    assert sum("Career." in text for text in texts) == 2, "two pages of a site are no template"
    record = RunFolder(str(pages / "out")).run()
    stages = {stage["name"]: stage for stage in record["stages"]}
    assert stages["by_url"]["removed"] > 0
    assert stages["longest"]["removed"] > 0
    lines = tiny.rows(pages / "out", "report/line_dedup.parquet")
    assert lines[0]["text"] == "all rights to the texts of this site are reserved by its owner"
    assert {row["text"] for row in lines[1:]} >= {"menu"}


def test_clusters_are_shown_with_rates_and_pairs(pages: Path) -> None:
    folder = RunFolder(str(pages / "out"))
    by_url, longest = find_clusters(folder, largest=3, pairs=4)
    assert (by_url.stage, longest.stage) == ("by_url", "longest")
    removed = tiny.rows(pages / "out", "removed")
    for found in (by_url, longest):
        own = [row for row in removed if row["stage"] == found.stage]
        (rates,) = found.rates
        assert (rates.removed, rates.within, rates.across) == (len(own), len(own), {})
        sizes = {row[f"{found.stage}.cluster"]: row[f"{found.stage}.cluster_size"] for row in own}
        assert [each.size for each in found.largest] == sorted(sizes.values(), reverse=True)[:3]
        assert all(each.removed == each.size - 1 for each in found.largest)
        assert len(found.pairs) == min(4, len(own))
        copies = {row["id"]: row for row in own}
        for pair in found.pairs:
            assert copies[pair.removed]["duplicate_of"] == pair.kept
            assert pair.removed_text == copies[pair.removed]["text"]
    assert find_clusters(folder, "by_url", 3, 4) == (by_url,)
    with pytest.raises(DataError, match="those are: by_url, longest"):
        find_clusters(folder, "line_dedup")
    assert list(repeated_lines(folder)) == ["line_dedup", "empty"]
    with pytest.raises(DataError, match="stages that do: line_dedup"):
        repeated_lines(folder, "by_url")


def test_differences_are_those_of_the_words() -> None:
    pair = Pair("a", "b", 0.5, "one two four\nfive", "one two three four")
    assert pair.differences() == [
        ("equal", "one two", "one two"),
        ("delete", "three", ""),
        ("equal", "four", "four"),
        ("insert", "", "five"),
    ]


@pytest.mark.parametrize("what", ["clusters", "lines"])
def test_the_command_prints_text_and_json(pages: Path, what: str) -> None:
    run = [str(pages / "out"), what]
    printed = CliRunner().invoke(app, ["inspect", *run, "--pairs", "2"])
    assert printed.exit_code == 0, printed.output
    shown = "all rights to the texts" if what == "lines" else "within the source"
    assert shown in printed.output
    told = json.loads(CliRunner().invoke(app, ["inspect", *run, "--json"]).output)
    if what == "lines":
        assert told["line_dedup"][0]["text"].startswith("all rights")
    else:
        assert [each["stage"] for each in told] == ["by_url", "longest"]
    none = CliRunner().invoke(app, ["inspect", *run, "--stage", "a\u202eb"])
    assert none.exit_code != 0


def test_texts_of_strangers_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J\u202eevil [red]text[/red] " + "x " * 3000
    pair = Pair("id\x1b[1m", "kept\u202e", None, hostile, hostile.replace("evil", "good"))
    make_console().print(_side_by_side(pair))
    make_console().print(_side_by_side(Pair("a", "b", 1.0, None, hostile)))
    printed = capsys.readouterr().out
    assert "\x1b[2J" not in printed
    assert "\u202e" not in printed
    assert "[U+202E]evil" in printed
    assert "[red]" in printed
    assert "the run did not keep this text" in printed
