"""`curate init` writes files that pass `curate check`, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import SpecError
from curate.pipeline.explain import explain_text
from curate.pipeline.spec import load

TEMPLATES = ("quickstart", "crawl", "jsonl")


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_pass_the_check(template: str, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    result = CliRunner().invoke(app, ["init", template, "--output", str(file)])
    assert result.exit_code == 0, result.exception
    assert len(load(file, environment={}, check_inputs=False).stages) == 3


def test_the_template_of_two_languages_keeps_prose_in_both(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    CliRunner().invoke(app, ["init", "jsonl", "--output", str(file)])
    german = (
        "Als der Wagen in die Straße einbog, regnete es noch immer, und die Leute liefen mit "
        "hochgeschlagenen Kragen an den Häusern entlang. Der alte Mann bezahlte den Kutscher, sah "
        "ihm eine Weile nach und ging dann langsam die Treppe hinauf, denn er wusste, dass ihn "
        "oben niemand mehr erwartete. In der Küche stand noch das Geschirr vom Morgen auf dem "
        "Tisch, und das Feuer im Ofen war seit Stunden erloschen."
    )
    spec = load(file, environment={}, check_inputs=False)
    assert explain_text(spec, german).outcome == "kept"


def test_an_existing_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("mine")
    result = CliRunner().invoke(app, ["init", "--output", str(file)])
    assert isinstance(result.exception, SpecError)
    assert "is not overwritten" in str(result.exception)
    assert file.read_text() == "mine"


def test_standard_output() -> None:
    assert CliRunner().invoke(app, ["init", "--output", "-"]).stdout.count("name: quickstart") == 1


@pytest.mark.parametrize("name", ["quickstart", "crawl"])
def test_examples_are_the_templates(name: str, repository: Path) -> None:
    template = repository / "curate" / "cli" / "templates" / f"{name}.yaml"
    assert (repository / "examples" / f"{name}.yaml").read_bytes() == template.read_bytes()


def test_the_crawl_example_takes_its_files_from_the_environment(
    repository: Path, test_data: Path
) -> None:
    crawl = {"CRAWL": str(test_data / "crawl" / "*.warc.gz")}
    spec = load(repository / "examples" / "crawl.yaml", environment=crawl)
    assert spec.sources["web"].files(spec.folder)
