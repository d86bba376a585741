"""`recipe:` unfolds into ordinary stages, and every fault of one is told at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate.pipeline.accounts import Accounts, StageAccount, unusual_removals
from curate.pipeline.spec import load
from curate.pipeline.spec.problems import PipelineFileError
from curate.pipeline.spec.recipes import bundled_recipe, recipe_names, recipe_stages
from curate.pipeline.spec.warnings import warnings

MINE = """recipe: mine
about: two filters
paper: "A. Author 2026, table 1"
missing: [minhash_dedup per dump]
stages:
  - language: {keep: {en: 0.65}}
  - gopher_quality:
    published_removal: 0.25
    kinds: [web, forum]
  - gopher_quality: {max_words: 10000000}
    name: gopher_books
    kinds: [book]
"""


def file(folder: Path, stages: str, recipe: str = MINE) -> Path:
    (folder / "a.txt").write_text("text")
    (folder / "mine.yaml").write_text(recipe)
    path = folder / "pipeline.yaml"
    path.write_text(
        "name: x\noutput: out\nsources:\n"
        "  crawl: {format: text, paths: [a.txt]}\n"
        "  novels: {format: text, kind: book, paths: [a.txt]}\n"
        f"stages:\n{stages}"
    )
    return path


def entries(path: Path, *overrides: str) -> dict[str, Any]:
    return {entry.name: entry for entry in load(path, overrides).stages}


def test_a_recipe_unfolds_into_stages_for_the_kinds_they_are_made_for(tmp_path):
    path = file(tmp_path, "  - recipe: mine.yaml\n  - exact_dedup\n")
    found = entries(path, "stages.gopher_quality.min_words=7")
    assert list(found) == ["language", "gopher_quality", "gopher_books", "exact_dedup"]
    assert found["language"].only is None
    assert found["gopher_quality"].only == ("crawl",)
    assert found["gopher_books"].only == ("novels",)
    assert found["gopher_quality"].stage.min_words == 7, "--set reaches a recipe's stages"
    assert found["gopher_quality"].published_removal == 0.25
    assert found["exact_dedup"].needs == ("gopher_books",)
    (note,) = warnings(load(path))
    assert note.endswith("note: recipe mine: not in curate yet: minhash_dedup per dump")


def test_a_recipe_can_be_limited_thinned_and_used_twice(tmp_path):
    stages = (
        "  - {recipe: mine.yaml, name: first, only: [crawl], without: [language]}\n"
        "  - {recipe: mine.yaml, name: second, only: [novels]}\n"
    )
    found = entries(file(tmp_path, stages))
    assert list(found) == ["first.gopher_quality", "second.language", "second.gopher_books"]
    assert found["first.gopher_quality"].only == ("crawl",)
    assert found["second.language"].only == ("novels",)


def test_kinds_limit_an_ordinary_stage_too(tmp_path):
    found = entries(file(tmp_path, "  - gopher_quality:\n    kinds: [book]\n"))
    assert found["gopher_quality"].only == ("novels",)


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ("  - recipe: fineweb_typo\n", "unknown recipe 'fineweb_typo'; recipes are: "),
        ("  - recipe: gone.yaml\n", "recipe: gone.yaml cannot be read: No such file"),
        ("  - recipe: [gopher]\n", "recipe: must be a name or the path of a .yaml file"),
        ("  - {recipe: mine.yaml, wihtout: [x]}\n", "did you mean 'without'"),
        ("  - {recipe: mine.yaml, without: [gopher]}\n", "recipe mine has no stage 'gopher'"),
        ("  - gopher_quality:\n    kinds: [code]\n", "no source is of these kinds"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, stages, told):
    with pytest.raises(PipelineFileError) as error:
        load(file(tmp_path, stages))
    assert told in str(error.value)
    assert "pipeline.yaml:7:" in str(error.value) or "pipeline.yaml:8:" in str(error.value)


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("recipe: x\n", "must be a mapping with a list `stages:`"),
        (MINE.replace("about: two filters\n", ""), "about"),
        (MINE.replace("gopher_quality:\n", "gopher_qualtiy:\n"), "did you mean 'gopher_quality'"),
        (MINE + "  - recipe: mine.yaml\n", "a recipe holds stages, not recipes"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_faulty_recipe_is_named(tmp_path, recipe, told):
    with pytest.raises(PipelineFileError) as error:
        load(file(tmp_path, "  - recipe: mine.yaml\n", recipe))
    assert told in str(error.value)


@pytest.mark.parametrize("name", recipe_names())
def test_every_bundled_recipe_loads_and_names_its_paper(tmp_path, name):
    recipe = bundled_recipe(name)
    assert recipe.head.recipe == name
    found = entries(file(tmp_path, f"  - recipe: {name}\n"))
    assert set(found) <= set(recipe_stages(recipe))
    assert found


def test_a_stage_that_removes_more_than_twice_its_published_share_is_named(tmp_path):
    spec = load(file(tmp_path, "  - recipe: mine.yaml\n"))
    for removed, warned in ((50, 0), (51, 1)):
        accounts = Accounts()
        account = StageAccount(read=100, kept=100 - removed, removed=removed)
        account.rules["word_count"] = removed
        accounts.by_source["crawl"] = {"gopher_quality": account}
        found = unusual_removals(accounts, spec.stages)
        assert len(found) == warned
    assert "'gopher_quality' removed 51.0% of 100 documents, its paper 25.0%" in found[0]
    assert "word_count (51)" in found[0]
