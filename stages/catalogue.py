"""The stages by the name a pipeline file gives them: our own, then those of installed plug-ins.

A distribution adds stages by entry points of the group `curate.stages` whose name is the stage's.
Classes are imported one by one when they are asked for, so a stage with heavy imports or a broken
plug-in costs nothing to a pipeline that does not use it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from curate.errors import SpecError
from curate.stages.base import Annotator, Editor, Exchange, Filter, Stage

ENTRY_POINT_GROUP = "curate.stages"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "language": "curate.stages.language:Language",
        "gopher_quality": "curate.stages.quality.gopher:GopherQuality",
        "exact_dedup": "curate.stages.dedup.exact:ExactDedup",
    }
)
"""Stage name -> `module:class`."""

KINDS: tuple[type[Stage], ...] = (Annotator, Filter, Editor, Exchange)
"""What an entry of a pipeline may be."""


def stage_names() -> tuple[str, ...]:
    """Names that a pipeline file may use: ours in the order of a usual pipeline, then plug-ins'."""
    return (*BUILT_IN, *sorted(set(_plugins()) - set(BUILT_IN)))


def load_stage(name: str) -> type[Stage]:
    """The class of a stage. Raises SpecError: unknown, offered twice, or its plug-in is broken."""
    plugins = _plugins().get(name, [])
    offered = [*(["curate"] if name in BUILT_IN else []), *map(distribution_of, plugins)]
    if len(offered) > 1:
        raise SpecError(
            f"the stage '{name}' is offered by {' and '.join(offered)}; uninstall all but one"
        )
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        built_in: type[Stage] = getattr(importlib.import_module(module), attribute)
        return built_in
    if not plugins:
        raise SpecError(f"unknown stage '{name}'")
    return _checked_plugin(plugins[0])


def origin(name: str) -> str:
    """`curate`, or the distribution (with its version) whose plug-in offers the stage."""
    return "curate" if name in BUILT_IN else distribution_of(_plugins()[name][0])


def distribution_of(point: EntryPoint) -> str:
    """`name version` of the distribution that declares an entry point."""
    if point.dist is None:
        return "an unnamed distribution"
    return f"{point.dist.name} {point.dist.version}"


def _plugins() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        same = found.setdefault(point.name, [])
        if point not in same:
            same.append(point)
    return found


def _checked_plugin(point: EntryPoint) -> type[Stage]:
    who = f"the plug-in '{point.name}' ({point.value}) of the distribution {distribution_of(point)}"
    try:
        loaded: object = point.load()
    except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way while it is imported
        raise SpecError(
            f"{who} cannot be imported: {type(error).__name__}: {error}; reinstall or remove it"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, KINDS)):
        raise SpecError(f"{who} is no Annotator, Filter, Editor or Exchange of curate.stages.base")
    if getattr(loaded, "name", None) != point.name:
        raise SpecError(
            f"{who} calls itself {getattr(loaded, 'name', None)!r}; both names must agree"
        )
    return loaded
