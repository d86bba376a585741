"""The stages by the name a pipeline file gives them: built-in ones, then those of plug-ins.

A distribution adds stages by entry points of the group `curate.stages` whose name is the stage's.
Plug-ins are imported one by one when they are asked for, so a broken one costs nothing to a
pipeline that does not use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import cast

from curate.errors import SpecError
from curate.stages.base import Annotator, Editor, Exchange, Filter, Stage
from curate.stages.clean.emoji_to_text import EmojiToText
from curate.stages.clean.normalize_whitespace import NormalizeWhitespace
from curate.stages.clean.remove_markup import RemoveMarkup
from curate.stages.clean.strip_lines import StripLines
from curate.stages.clean.unicode_repair import UnicodeRepair
from curate.stages.dedup.exact import ExactDedup
from curate.stages.dedup.line import LineDedup
from curate.stages.dedup.minhash import MinHashDedup
from curate.stages.dedup.semantic import SemanticDedup
from curate.stages.dedup.substring import SubstringDedup
from curate.stages.language import Language
from curate.stages.quality.bad_words import BadWords
from curate.stages.quality.boilerplate import Boilerplate
from curate.stages.quality.c4 import C4Paragraphs, C4Quality
from curate.stages.quality.code import CodeQuality
from curate.stages.quality.dclm_lines import DclmLines
from curate.stages.quality.fineweb import FineWebQuality
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import GopherRepetition
from curate.stages.quality.length import DocumentLength
from curate.stages.quality.machine_text import MachineText
from curate.stages.quality.ngram import NgramFilter
from curate.stages.quality.ratios import Ratios
from curate.stages.quality.url_filter import UrlFilter

GROUP = "curate.stages"

BUILT_IN: Mapping[str, type[Stage]] = MappingProxyType(
    {
        stage.name: stage
        for stage in (
            UnicodeRepair,
            RemoveMarkup,
            EmojiToText,
            NormalizeWhitespace,
            StripLines,
            UrlFilter,
            Language,
            LineDedup,
            DocumentLength,
            GopherRepetition,
            GopherQuality,
            FineWebQuality,
            NgramFilter,
            C4Quality,
            C4Paragraphs,
            DclmLines,
            Ratios,
            CodeQuality,
            BadWords,
            Boilerplate,
            MachineText,
            ExactDedup,
            MinHashDedup,
            SemanticDedup,
            SubstringDedup,
        )
    }
)

KINDS: tuple[tuple[type[Stage], str], ...] = (
    (Annotator, "annotator"),
    (Filter, "filter"),
    (Exchange, "exchange"),
    (Editor, "editor"),
)
"""What an entry of a pipeline may be."""


def stage_names() -> tuple[str, ...]:
    """Names that a pipeline file may use: ours in the order of a usual pipeline, then plug-ins'."""
    return (*BUILT_IN, *sorted(set(_plugins()) - set(BUILT_IN)))


def load_stage(name: str) -> type[Stage]:
    """The class of a stage. Raises SpecError: unknown, offered twice, or its plug-in is broken."""
    plugins = _plugins().get(name, [])
    if not plugins and name not in BUILT_IN:
        raise SpecError(f"unknown stage '{name}'; stages are: {', '.join(stage_names())}")
    offered = [*(["curate"] if name in BUILT_IN else []), *map(_owner, plugins)]
    if len(offered) > 1:
        raise SpecError(
            f"the stage '{name}' is offered by {' and by '.join(offered)}; uninstall one of them "
            "or ask its author to rename the stage"
        )
    return BUILT_IN[name] if name in BUILT_IN else _loaded(plugins[0])


def origin(name: str) -> str:
    """`curate`, or the distribution (with its version) whose plug-in offers the stage."""
    return "curate" if name in BUILT_IN else _owner(_plugins()[name][0])


def stages() -> dict[str, type[Stage]]:
    """Every stage by name. Raises SpecError when any plug-in is broken."""
    return {name: load_stage(name) for name in stage_names()}


def kind_of(stage: type[Stage]) -> str:
    """annotator, filter, exchange (also those that edit) or editor."""
    return next(name for base, name in KINDS if issubclass(stage, base))


def _plugins() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, _owner(point))):
        found.setdefault(point.name, []).append(point)
    return found


def _owner(point: EntryPoint) -> str:
    """`name version` of the distribution that declares an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def _loaded(point: EntryPoint) -> type[Stage]:
    who = f"the stage '{point.name}' ({point.value}) of the distribution '{_owner(point)}'"
    try:
        stage = point.load()
    except Exception as error:  # whatever another distribution raises while it is imported
        raise SpecError(
            f"{who} cannot be loaded: {type(error).__name__}: {error}; reinstall or uninstall it"
        ) from error
    if not (isinstance(stage, type) and issubclass(stage, tuple(base for base, _ in KINDS))):
        raise SpecError(f"{who} is no Annotator, Filter, Editor or Exchange of curate.stages.base")
    if getattr(stage, "name", None) != point.name:
        named = getattr(stage, "name", None)
        raise SpecError(f"{who} calls itself {named!r}; its author must make both names equal")
    return cast(type[Stage], stage)
