"""From tree nodes to typed models; pydantic's findings become places and plain words.

Values are checked strictly (the text "30" is no number), as JSON, so that lists fill tuples. Keys
that end in `_bytes` also take sizes such as `256 MiB`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from curate.errors import CurateError
from curate.pipeline.spec.model import NAME_PATTERN
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.scalars import parse_size
from curate.pipeline.spec.tree import Node

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "none_required": "null",
    "finite_number": "a finite number",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_NAME_RULE = "may hold letters, digits, '.', '_' and '-' (at most 100), and starts with no dot"


def validate(
    model: type[Model],
    node: Node,
    title: str,
    place: Place,
    problems: Problems,
    taken: tuple[str, ...] = (),
) -> Model | None:
    """A `model` from the mapping `node`, or None after adding every fault to `problems`.

    title: dotted path of the node for messages, empty at the top. place: of the node's key.
    taken: keys that the caller has read already; named among the allowed ones.
    """
    if not isinstance(node.value, dict):
        problems.add(
            node.place, f"{_named(title)}must be a mapping (key: value), found {shown(node.value)}"
        )
        return None
    before = len(problems.found) + len(problems.silenced)
    data = {key: _sized(key, value, title, problems) for key, value in node.value.items()}
    try:
        made = model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        _add_all(error, model, node, title, place, problems, taken)
        return None
    except CurateError as error:
        problems.add(place, f"{_named(title)}{error}")
        return None
    return made if len(problems.found) + len(problems.silenced) == before else None


def _sized(key: str, node: Node, title: str, problems: Problems) -> Any:
    """The plain value; text below a `*_bytes` key is a size."""
    if not key.endswith("_bytes") or not isinstance(node.value, str):
        return node.plain()
    try:
        return parse_size(node.value)
    except ValueError as error:
        problems.add(node.place, f"{_named(_join(title, key))}{error}, found {shown(node.value)}")
        return 2**30


def _named(title: str) -> str:
    return f"{title}: " if title else ""


def _join(title: str, key: str) -> str:
    return f"{title}.{key}" if title else key


def _add_all(
    error: ValidationError,
    model: type[BaseModel],
    node: Node,
    title: str,
    place: Place,
    problems: Problems,
    taken: tuple[str, ...],
) -> None:
    """One problem per place; the alternatives of a union are joined by `or`."""
    expected: dict[Place, tuple[_Spot, list[str]]] = {}
    for found in error.errors(include_url=False):
        spot = _locate(found["loc"], node, title, place)
        if found["type"] in _EXPECTED:
            wanted = expected.setdefault(spot.place, (spot, []))[1]
            if _EXPECTED[found["type"]] not in wanted:
                wanted.append(_EXPECTED[found["type"]])
        else:
            _add_one(dict(found), model, spot, problems, taken if spot.parent == title else ())
    for spot, wanted in expected.values():
        value = spot.node.value
        message = f"{_named(spot.path)}must be {' or '.join(wanted)}, found {shown(value)}"
        problems.add(spot.place, message, _type_hint(wanted, spot.node))


def _type_hint(wanted: list[str], spot: Node) -> str:
    value = spot.value
    if wanted == ["text"] and isinstance(value, int | float):
        return f'put it in quotes: "{spot.raw}"'
    if wanted == ["a list"] and not isinstance(value, dict | list) and value is not None:
        return f"write [{spot.raw}]"
    return ""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A value in the tree: its place, dotted path and node, and the place of its key (or item)."""

    place: Place
    path: str
    node: Node
    key_place: Place
    parent: str


def _locate(location: tuple[int | str, ...], node: Node, title: str, place: Place) -> _Spot:
    """Follow a location as far as the tree goes; pydantic adds steps for unions: skipped."""
    spot = _Spot(place, title, node, place, title)
    for step in location:
        value = spot.node.value
        if isinstance(value, dict) and isinstance(step, str) and step in value:
            key_place = spot.node.key_place(step)
            below = value[step]
            spot = _Spot(below.place, _join(spot.path, step), below, key_place, spot.path)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            below = value[step]
            spot = _Spot(below.place, f"{spot.path}[{step}]", below, below.place, spot.path)
    return spot


def _add_one(
    found: dict[str, Any],
    model: type[BaseModel],
    spot: _Spot,
    problems: Problems,
    taken: tuple[str, ...],
) -> None:
    kind, context = found["type"], found.get("ctx", {})
    at, path, value = spot.place, _named(spot.path), spot.node.value
    last = str(found["loc"][-1]) if found["loc"] else ""
    if kind == "extra_forbidden":
        owner = _model_at(model, found["loc"][:-1])
        allowed = [*taken, *(owner.model_fields if owner else ())]
        message = f"{_named(spot.parent)}unknown key '{last}'; keys are: {list_of(allowed)}"
        problems.add(spot.key_place, message, did_you_mean(last, allowed))
    elif kind == "missing":
        problems.add(at, f"{path}the key '{last}' is missing")
    elif kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        written = spot.node.raw if isinstance(value, str) else value
        problems.add(at, f"{path}must be {words} {context[bound]}, found {shown(written)}")
    elif kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        message = f"{path}must be one of {list_of(allowed)}; found {shown(value)}"
        problems.add(at, message, did_you_mean(str(value), allowed))
    elif kind in ("too_short", "too_long"):
        problems.add(at, f"{path}{_length(kind, context, spot.node)}")
    elif kind == "string_too_short":
        problems.add(at, f"{path}must not be empty")
    elif kind == "string_pattern_mismatch":
        own = context["pattern"] == NAME_PATTERN
        rule = _NAME_RULE if own else f"must match {context['pattern']}"
        problems.add(at, f"{path}{shown(value)} {rule}")
    elif kind == "value_error":
        _add_value_error(str(context.get("error", found["msg"])), spot, problems)
    else:
        problems.add(at, f"{path}{found['msg'][:1].lower()}{found['msg'][1:]}")


def _length(kind: str, context: Mapping[str, Any], spot: Node) -> str:
    words = "at least" if kind == "too_short" else "at most"
    count = context["min_length"] if kind == "too_short" else context["max_length"]
    entries = "entry" if count == 1 else "entries"
    found = len(spot.value) if isinstance(spot.value, list | dict) else 0
    return f"must have {words} {count} {entries}, found {found}"


def _add_value_error(message: str, spot: _Spot, problems: Problems) -> None:
    """A stage's own check. `key: …` at its start, and a quoted value below it, give the place."""
    key, colon, rest = message.partition(": ")
    at, path = spot.place, spot.path
    if colon and isinstance(spot.node.value, dict) and key in spot.node.value:
        below = spot.node.value[key]
        at, path, message = _quoted_place(rest, below) or below.place, _join(path, key), rest
    problems.add(at, f"{_named(path)}{message}")


def _quoted_place(message: str, spot: Node) -> Place | None:
    quoted = set(re.findall(r"'([^']*)'", message))
    if isinstance(spot.value, dict):
        return next((spot.keys[key] for key in spot.value if key in quoted), None)
    if isinstance(spot.value, list):
        texts = (item for item in spot.value if isinstance(item.value, str))
        return next((item.place for item in texts if item.value in quoted), None)
    return None


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that holds the keys at a location, through optional and nested models."""
    at: type[BaseModel] | None = model
    for step in location:
        if at is not None and isinstance(step, str) and step in at.model_fields:
            at = _model_in(at.model_fields[step].annotation)
    return at


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
