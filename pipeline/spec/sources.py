"""The section `sources:`: a name and a format for each, checked by the format's own model."""

from __future__ import annotations

import re

from curate.pipeline.spec.model import NAME_PATTERN
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.tree import Node
from curate.pipeline.spec.typed import validate
from curate.stages.sources.base import Source
from curate.stages.sources.catalogue import SOURCES


def read_sources(
    node: Node | None, root: Node, problems: Problems
) -> tuple[tuple[str, ...], dict[str, Source]]:
    """Names of all sources in file order, and those that could be configured."""
    if node is None:
        problems.add(root.place, "the key 'sources' is missing", "sources: {web: {format: …, …}}")
        return (), {}
    place = root.key_place("sources")
    if not isinstance(node.value, dict) or not node.value:
        message = f"sources: must be a mapping of names to sources, found {shown(node.value)}"
        problems.add(place if node.value is None else node.place, message)
        return (), {}
    sources: dict[str, Source] = {}
    seen: dict[str, str] = {}
    for name, value in node.value.items():
        at = node.key_place(name)
        if not re.fullmatch(NAME_PATTERN, name) or name.endswith("\n"):
            message = f"the source name {shown(name)} may hold letters, digits, '.', '_' and '-'"
            problems.add(at, f"{message} (at most 100), and starts with no dot")
        elif name.casefold() in seen:
            message = f"the source '{name}' differs from '{seen[name.casefold()]}' only by case"
            problems.add(at, message, "their folders would be one on some file systems")
        seen.setdefault(name.casefold(), name)
        source = _read_source(name, value, at, problems)
        if source is not None:
            sources[name] = source
    return tuple(node.value), sources


def _read_source(name: str, node: Node, place: Place, problems: Problems) -> Source | None:
    title = f"sources.{name}"
    formats = list_of(SOURCES)
    if not isinstance(node.value, dict):
        at = place if node.value is None else node.place
        problems.add(at, f"{title}: must be a mapping with the key 'format' (one of {formats})")
        return None
    chosen = node.value.get("format")
    if chosen is None:
        problems.add(place, f"{title}: the key 'format' is missing; formats are: {formats}")
        return None
    if not isinstance(chosen.value, str) or chosen.value not in SOURCES:
        message = f"{title}: unknown format {shown(chosen.value)}; formats are: {formats}"
        problems.add(chosen.place, message, did_you_mean(str(chosen.value), SOURCES))
        return None
    rest = {key: value for key, value in node.value.items() if key != "format"}
    options = Node(rest, node.place, node.keys)
    return validate(SOURCES[chosen.value], options, title, place, problems, ("format",))
