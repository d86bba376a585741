"""The JSON Schema accepts what `load` accepts and rejects typos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from curate.pipeline.spec.schema import pipeline_schema

TYPOS: list[dict[str, Any]] = [
    {"sed": 3},
    {"seed": "x"},
    {"seed": -1},
    {"name": "../x"},
    {"stages": ["gopher_qualty"]},
    {"stages": [{"gopher_quality": {"min_word": 3}}]},
    {"stages": [{"gopher_quality": {"max_bullet_lines": 2}}]},
    {"stages": [{"gopher_quality": {}, "onyl": ["web"]}]},
    {"stages": [{"gopher_quality": {}, "exact_dedup": {}}]},
    {"stages": [{"name": "x"}]},
    {"sources": {}},
    {"sources": {"web": {"paths": ["x"]}}},
    {"sources": {"web": {"format": "jsonl", "limt": 3}}},
    {"sources": {"a/b": {"format": "jsonl"}}},
    {"engine": {"batch_bytes": "8 XB"}},
    {"pretrain": {}},
    {"pack": {}},
]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = pipeline_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def good() -> dict[str, Any]:
    return {
        "name": "tiny",
        "output": "out",
        "sources": {"web": {"format": "jsonl", "paths": ["x"], "limit": "${N:-3}"}},
        "stages": ["language", {"gopher_quality": None, "expect_kept": [0, 1]}],
        "engine": {"batch_bytes": "8 MiB", "part_bytes": 4096},
    }


def test_examples_and_templates_are_valid(
    validator: jsonschema.Draft202012Validator, repository: Path
) -> None:
    folders = (repository / "examples", repository / "curate" / "cli" / "templates")
    files = [file for folder in folders for file in sorted(folder.glob("*.yaml"))]
    assert len(files) >= 5
    for file in files:
        validator.validate(yaml.safe_load(file.read_text()))


def test_good_values_are_valid(validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(good())


@pytest.mark.parametrize("typo", TYPOS)
def test_typos_are_not(validator: jsonschema.Draft202012Validator, typo: dict[str, Any]) -> None:
    assert not validator.is_valid({**good(), **typo})


def test_every_key_has_a_description(validator: jsonschema.Draft202012Validator) -> None:
    properties = validator.schema["properties"]
    assert [key for key, value in properties.items() if not value.get("description")] == []
    assert properties["seed"]["default"] == 0
