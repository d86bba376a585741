"""A JSON Schema (2020-12) of the whole pipeline file, for editors.

Generated from the same models that check the file. Numbers and booleans may also be `${NAME}`, and
`*_bytes` also a size such as `256 MiB`. Plug-ins that are broken are left out.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from curate.errors import SpecError
from curate.pipeline.spec.loader import SECTIONS, TOP_LEVEL_KEYS
from curate.pipeline.spec.model import NAME_PATTERN, RECIPE_KEY, EntryOptions, PipelineHead
from curate.pipeline.spec.recipes import RecipeOptions, recipe_names
from curate.pipeline.spec.scalars import SIZE_PATTERN
from curate.stages.base import Stage
from curate.stages.catalogue import load_stage, stage_names
from curate.stages.sources.base import Source
from curate.stages.sources.catalogue import SOURCES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_SIZE = {"type": "string", "pattern": SIZE_PATTERN}
_WORDS = frozenset(("integer", "number", "boolean"))

Schema = dict[str, Any]


def pipeline_schema() -> Schema:
    """The schema as JSON types."""
    head = _model_schema(PipelineHead)["properties"]
    properties: dict[str, Schema] = {
        **head,
        "sources": {
            "description": "where documents come from, by a name of yours",
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"$ref": "#/$defs/source"},
        },
        "stages": {
            "description": "a list is a chain; `needs` makes a DAG; `only` limits to sources",
            "type": "array",
            "items": {"$ref": "#/$defs/entry"},
        },
    }
    for key, model in SECTIONS.items():
        properties[key] = _or_null(_model_schema(model))
    return {
        "$schema": DIALECT,
        "title": "curate pipeline",
        "type": "object",
        "required": ["name", "output", "sources", "stages"],
        "additionalProperties": False,
        "dependentRequired": {"pack": ["tokenizer"]},
        "properties": {key: properties[key] for key in TOP_LEVEL_KEYS},
        "$defs": {"source": _source_schema(), "entry": _entry_schema()},
    }


def _source_schema() -> Schema:
    """One branch per format, chosen by `format`."""
    return {
        "type": "object",
        "required": ["format"],
        "properties": {"format": {"enum": list(SOURCES)}},
        "allOf": [
            {
                "if": {"required": ["format"], "properties": {"format": {"const": name}}},
                "then": _format_schema(name, source),
            }
            for name, source in SOURCES.items()
        ],
    }


def _format_schema(name: str, source: type[Source]) -> Schema:
    schema = _model_schema(source)
    schema["properties"] = {"format": {"const": name}, **schema["properties"]}
    return schema


def _entry_schema() -> Schema:
    """A stage's name, a mapping with one stage and the keys beside it, or a recipe."""
    stages = _stages()
    beside = _model_schema(EntryOptions)["properties"]
    configured = {name: _or_null(_model_schema(stage)) for name, stage in stages.items()}
    return {
        "oneOf": [
            {"type": "string", "enum": list(stages)},
            {
                "type": "object",
                "properties": {**configured, **beside},
                "additionalProperties": False,
                "oneOf": [{"required": [name]} for name in stages],
            },
            {
                "type": "object",
                "required": [RECIPE_KEY],
                "properties": {
                    RECIPE_KEY: {"type": "string", "examples": list(recipe_names())},
                    **_model_schema(RecipeOptions)["properties"],
                },
                "additionalProperties": False,
            },
        ]
    }


def _stages() -> dict[str, type[Stage]]:
    found = {}
    for name in stage_names():
        try:
            found[name] = load_stage(name)
        except SpecError:
            continue
    return found


def _or_null(schema: Schema) -> Schema:
    """`key:` with nothing behind it means the defaults."""
    return {**schema, "type": ["object", "null"]}


def _model_schema(model: type[BaseModel]) -> Schema:
    """A model's schema without references; its first line of documentation is the description."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    resolved: Schema = _adapted(schema, definitions, "")
    resolved.setdefault("properties", {})
    if model.__doc__:
        resolved["description"] = model.__doc__.strip().splitlines()[0]
    return resolved


def _adapted(value: Any, definitions: Schema, key: str) -> Any:
    """Inline references, drop generated titles, and allow variables and sizes."""
    if isinstance(value, list):
        return [_adapted(each, definitions, "") for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        named = definitions[value["$ref"].rsplit("/", 1)[-1]]
        rest = {name: each for name, each in value.items() if name != "$ref"}
        return _adapted({**named, **rest}, definitions, key)
    adapted = {
        name: (
            {inner: _adapted(each, definitions, inner) for inner, each in item.items()}
            if name == "properties"
            else item
            if name in ("default", "enum", "const", "examples")
            else _adapted(item, definitions, key if name == "anyOf" else "")
        )
        for name, item in value.items()
        if not (name == "title" and isinstance(item, str))
    }
    if adapted.get("type") in _WORDS:
        return _with_texts(adapted, is_size=key.endswith("_bytes"))
    return adapted


def _with_texts(schema: Schema, is_size: bool) -> Schema:
    outside: Schema = {
        name: schema.pop(name) for name in ("description", "default") if name in schema
    }
    return {"anyOf": [schema, *([_SIZE] if is_size else []), _VARIABLE], **outside}
