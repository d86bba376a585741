"""`curate stages` is the catalogue: every stage and format, with keys, units, bounds and papers."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import SpecError
from curate.stages.catalogue import BUILT_IN
from curate.stages.sources.catalogue import SOURCES


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["stages", *arguments])
    assert result.exit_code == 0, result.exception
    return result.stdout


def test_every_stage_and_format_is_listed() -> None:
    assert {*BUILT_IN, *SOURCES} <= {entry["name"] for entry in json.loads(run("--json"))}
    assert "gopher_quality" in run()


def test_one_stage_with_all_its_fields() -> None:
    facts = json.loads(run("gopher_quality", "--json"))
    fields = {field["name"]: field for field in facts["fields"]}
    assert (fields["min_words"]["default"], fields["min_words"]["unit"]) == (50, "words")
    assert fields["max_bullet_lines"]["bounds"] == "≥ 0, ≤ 1"
    assert fields["max_bullet_lines"]["unit"] == "share, 0 to 1"
    assert facts["kind"] == "filter"
    assert "2112.11446" in facts["about"]
    assert "min_words: 50" in run("gopher_quality")


def test_every_entry_can_be_described() -> None:
    for name in (*BUILT_IN, *SOURCES):
        facts = json.loads(run(name, "--json"))
        assert facts["summary"]
        assert facts["about"]
        assert all(field["description"] for field in facts["fields"]), name


def test_an_unknown_name_has_a_suggestion() -> None:
    result = CliRunner().invoke(app, ["stages", "gopher"])
    assert isinstance(result.exception, SpecError)
    assert "did you mean 'gopher_quality'?" in str(result.exception)
