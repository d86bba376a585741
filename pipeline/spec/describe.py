"""Stages and source formats as data for `curate stages`: fields, types, units, bounds, defaults."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from curate.errors import SpecError
from curate.pipeline.spec.problems import did_you_mean, list_of, shown
from curate.stages.catalogue import kind_of, load_stage, origin, stage_names
from curate.stages.sources.catalogue import SOURCES

_UNITS: Mapping[str, str] = {
    "bytes": "bytes",
    "s": "seconds",
    "ms": "milliseconds",
    "ratio": "ratio",
    "length": "characters",
}
_COUNTS = ("words", "lines", "tokens", "documents")
_BOUNDS: Mapping[str, str] = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minLength": "at least {} characters",
}


def fields_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One mapping per field: name, type, unit, bounds, default, required, description."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "type": _type(field, definitions),
            "unit": _unit(name, field),
            "bounds": _bounds(field),
            "default": field.get("default"),
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def paper_of(model: type[BaseModel]) -> str:
    """The text at the top of the module: what, why, the paper and where we differ, cost."""
    module = sys.modules.get(model.__module__)
    return inspect.cleandoc(module.__doc__ or "") if module is not None else ""


def summary_of(model: type[BaseModel]) -> str:
    """First line of the class's documentation."""
    return inspect.cleandoc(model.__doc__ or "").split("\n", 1)[0]


def _unit(name: str, field: Mapping[str, Any]) -> str | None:
    """From the name's last word, or the bounds of a share."""
    last = name.rsplit("_", 1)[-1] if "_" in name else ""
    if field.get("type") == "number" and field.get("maximum") == 1:
        return "share, 0 to 1"
    if field.get("type") == "integer" and last in _COUNTS:
        return last
    return _UNITS.get(last)


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return _type(definitions[field["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each, definitions) for each in field["anyOf"]))
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    kind = str(field.get("type", "any"))
    if kind == "array":
        items = field.get("items")
        return f"list of {_type(items, definitions)}" if isinstance(items, dict) else "list"
    if kind == "object":
        values = field.get("additionalProperties")
        inside = f" to {_type(values, definitions)}" if isinstance(values, dict) else ""
        return f"mapping of names{inside}"
    return kind


def _bounds(field: Mapping[str, Any]) -> str:
    found = [words.format(field[key]) for key, words in _BOUNDS.items() if key in field]
    for each in field.get("anyOf", ()):
        found += [words.format(each[key]) for key, words in _BOUNDS.items() if key in each]
    return ", ".join(found)


def catalogue() -> list[dict[str, Any]]:
    """Name, kind, summary and problem (of a broken plug-in) of every stage and source format."""
    found = []
    for name in stage_names():
        try:
            stage = load_stage(name)
        except SpecError as error:
            found.append({"name": name, "kind": "broken", "summary": "", "problem": str(error)})
        else:
            found.append(_line(name, kind_of(stage), stage))
    return [*found, *(_line(name, "source", source) for name, source in SOURCES.items())]


def describe(name: str) -> dict[str, Any]:
    """All about one stage or source format. Raises SpecError for an unknown name."""
    if name in SOURCES:
        source = SOURCES[name]
        return _all_about(name, "source", source, source.version, source.determinism, (), "curate")
    if name not in stage_names():
        known = [*stage_names(), *SOURCES]
        hint = did_you_mean(name, known) or f"there are: {list_of(known)}"
        raise SpecError(f"no stage or source format is called {shown(name)}; {hint}")
    stage = load_stage(name)
    kind, made_for = kind_of(stage), stage.made_for
    return _all_about(name, kind, stage, stage.version, stage.determinism, made_for, origin(name))


def _line(name: str, kind: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"name": name, "kind": kind, "summary": summary_of(model), "problem": None}


def _all_about(
    name: str,
    kind: str,
    model: type[BaseModel],
    version: int,
    determinism: str,
    made_for: tuple[str, ...],
    offered_by: str,
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "summary": summary_of(model),
        "version": version,
        "determinism": determinism,
        "made_for": list(made_for),
        "origin": offered_by,
        "fields": fields_of(model),
        "about": paper_of(model),
    }
