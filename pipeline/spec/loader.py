"""From a pipeline file to a `PipelineSpec`: read, substitute, unfold recipes, override, check
everything, report once.

Every check goes on after a fault as far as it makes sense, so one look at the file shows all that
is wrong. Nothing is created anywhere. Cost: parsing, and listing the files of every source.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from curate.pipeline.dag import DagProblem, resolve, trace
from curate.pipeline.spec.columns import column_problems
from curate.pipeline.spec.entries import EntryDraft, read_entries
from curate.pipeline.spec.inputs import check_output, check_sources
from curate.pipeline.spec.model import (
    EngineConfig,
    PipelineHead,
    PipelineSpec,
    RemovedConfig,
    ReportConfig,
    StageEntry,
)
from curate.pipeline.spec.overrides import apply_overrides
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.reading import read_text
from curate.pipeline.spec.recipes import unfold_recipes
from curate.pipeline.spec.sources import read_sources
from curate.pipeline.spec.tree import Node, parse
from curate.pipeline.spec.typed import validate
from curate.stages.sources.base import Source
from curate.tokenizer.config import PackConfig, TokenizerConfig
from curate.tokenizer.mixture.config import MixtureConfig

SECTIONS: Mapping[str, type[BaseModel]] = {
    "tokenizer": TokenizerConfig,
    "mixture": MixtureConfig,
    "pack": PackConfig,
    "engine": EngineConfig,
    "removed": RemovedConfig,
    "report": ReportConfig,
}
HEAD_KEYS = tuple(PipelineHead.model_fields)
TOP_LEVEL_KEYS = (*HEAD_KEYS[:3], "sources", "stages", *SECTIONS, *HEAD_KEYS[3:])
LATER_KEYS = ("pretrain",)
"""Sections of the design that this version of curate does not have."""

Model = TypeVar("Model", bound=BaseModel)


def load(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    check_inputs: bool = True,
) -> PipelineSpec:
    """Read and check a pipeline file.

    overrides: `key.path=value`, applied in order. environment: for `${NAME}`; `os.environ` by
    default. check_inputs: also look at the files of the sources and at the output folder.
    Raises PipelineFileError (a SpecError) with every fault and its place.
    """
    file = os.fspath(path)
    applied = tuple(overrides)
    variables = os.environ if environment is None else environment
    problems = Problems(file)
    text = read_text(file, problems)
    problems.text = text
    root = parse(text, variables, problems) if not problems.found else None
    if root is None:
        problems.raise_if_any()
    assert root is not None
    if not isinstance(root.value, dict):
        message = f"a pipeline file is a mapping (key: value), found {shown(root.value)}"
        problems.add(root.place, message, "`curate init` writes one to start from")
        problems.raise_if_any()
    folder = os.path.dirname(os.path.abspath(file))
    notes = unfold_recipes(root, folder, problems)
    apply_overrides(root, applied, variables, problems)
    spec = _Loader(root, problems, folder, notes).load(file, text, applied, check_inputs)
    problems.raise_if_any()
    assert spec is not None
    return spec


@dataclass
class _Loader:
    root: Node
    problems: Problems
    folder: str
    notes: tuple[str, ...]
    values: dict[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self.values = self.root.mapping() or {}

    def load(
        self, file: str, text: str, overrides: tuple[str, ...], check_inputs: bool
    ) -> PipelineSpec | None:
        self._check_keys()
        head = self._head()
        names, sources = read_sources(self.values.get("sources"), self.root, self.problems)
        drafts = read_entries(self.values.get("stages"), self.root, names, self.problems)
        if drafts is not None:
            self._check_dag(drafts, names)
            self._check_source_names(drafts, names)
        tokenizer = self._optional("tokenizer", TokenizerConfig)
        pack = self._optional("pack", PackConfig)
        if pack is not None and "tokenizer" not in self.values:
            place = self.root.key_place("pack")
            self.problems.add(place, "pack needs a `tokenizer:` section", "tokenizer: {model: bpe}")
        if pack is not None:
            self._check_names("pack.split_by_source", pack.split_by_source, names)
        mixture = self._mixture(names)
        engine = self._section("engine", EngineConfig)
        removed = self._section("removed", RemovedConfig)
        report = self._section("report", ReportConfig)
        output = self._output(head, check_inputs)
        if check_inputs and sources:
            check_sources(self.values["sources"], sources, self.folder, self.problems)
        if self.problems.found or head is None or drafts is None:
            return None
        entries = tuple(draft.entry() for draft in drafts)
        self._check_columns(entries, drafts, sources)
        if engine is None or removed is None or report is None:
            return None
        return PipelineSpec(
            name=head.name,
            output=output,
            seed=head.seed,
            sources=sources,
            stages=entries,
            tokenizer=tokenizer,
            pack=pack,
            engine=engine,
            removed=removed,
            report=report,
            max_bad_fraction=head.max_bad_fraction,
            keep_intermediates=head.keep_intermediates,
            path=file,
            folder=self.folder,
            text=text,
            overrides=overrides,
            mixture=mixture,
            notes=self.notes,
        )

    def _check_keys(self) -> None:
        for key in self.values:
            place = self.root.key_place(key)
            allowed = f"keys are: {list_of(TOP_LEVEL_KEYS)}"
            if key in LATER_KEYS:
                message = f"'{key}' is not available in this version of curate; {allowed}"
                self.problems.add(place, message, did_you_mean(key, TOP_LEVEL_KEYS) or "remove it")
            elif key not in TOP_LEVEL_KEYS:
                message = f"unknown key {shown(key)}; {allowed}"
                self.problems.add(place, message, did_you_mean(key, TOP_LEVEL_KEYS))

    def _head(self) -> PipelineHead | None:
        present = {key: node for key, node in self.values.items() if key in HEAD_KEYS}
        node = Node(present, self.root.place, self.root.keys)
        return validate(PipelineHead, node, "", self.root.place, self.problems)

    def _output(self, head: PipelineHead | None, check: bool) -> str:
        """The run folder: an absolute path, or the URL as written."""
        node = self.values.get("output")
        if node is None or not isinstance(node.value, str) or not node.value:
            return ""
        output = node.value
        if "://" not in output:
            output = os.path.join(self.folder, os.path.expanduser(output))
            output = os.path.normpath(output)
        if check and head is not None:
            check_output(output, head.name, node.place, self.problems)
        return output

    def _section(self, key: str, model: type[Model]) -> Model | None:
        """A section whose absence means its defaults."""
        return self._optional(key, model) if key in self.values else model()

    def _optional(self, key: str, model: type[Model]) -> Model | None:
        """A section; `key:` with nothing behind it means defaults, `key: null` no section."""
        node = self.values.get(key)
        if node is None:
            return None
        if node.value is None:
            if node.raw and key in ("tokenizer", "mixture", "pack"):
                del self.values[key]
                return None
            node = Node({}, node.place)
        return validate(model, node, key, self.root.key_place(key), self.problems)

    def _check_dag(self, drafts: list[EntryDraft], names: tuple[str, ...]) -> None:
        for problem in trace(drafts, names).problems:
            self.problems.add(self._dag_place(problem, drafts), problem.message, problem.hint)

    def _check_source_names(self, drafts: list[EntryDraft], names: tuple[str, ...]) -> None:
        """Sources that a stage's own keys name (`exact_dedup.prefer`) must exist."""
        for draft in drafts:
            for name in draft.stage.source_names() if draft.stage is not None else ():
                if name not in names:
                    message = f"{draft.name}: source '{name}' is not defined"
                    hint = did_you_mean(name, names) or f"sources are: {list_of(names)}"
                    self.problems.add(draft.place, message, hint)

    def _mixture(self, names: tuple[str, ...]) -> MixtureConfig | None:
        mixture, place = self._optional("mixture", MixtureConfig), self.root.key_place("mixture")
        if mixture is not None and "pack" not in self.values:
            self.problems.add(place, "mixture needs a `pack:` section", "pack: {}")
        for where, message in mixture.problems(names) if mixture is not None and names else ():
            below = self.root.at(f"mixture.{where}")
            unknown = next((key for key in below.keys if f"'{key}' is not" in message), "")
            hint = did_you_mean(unknown, names) if unknown else ""
            self.problems.add(below.key_place(unknown), f"mixture.{where}: {message}", hint)
        return mixture

    def _check_names(self, key: str, found: Iterable[str], names: tuple[str, ...]) -> None:
        """Sources that a section names must exist."""
        section = key.partition(".")[0]
        for name in found:
            if names and name not in names:
                message = f"{key}: source '{name}' is not defined; sources are: {list_of(names)}"
                self.problems.add(self.root.key_place(section), message, did_you_mean(name, names))

    def _dag_place(self, problem: DagProblem, drafts: list[EntryDraft]) -> Place:
        if problem.index is not None:
            return drafts[problem.index].place_of(problem.key, problem.item)
        sources = self.values["sources"]
        return sources.key_place(problem.source or "")

    def _check_columns(
        self,
        entries: tuple[StageEntry, ...],
        drafts: list[EntryDraft],
        sources: Mapping[str, Source],
    ) -> None:
        places = {draft.name: draft.place for draft in drafts}
        for name, message in column_problems(resolve(entries, tuple(sources))):
            self.problems.add(places[name], message)
