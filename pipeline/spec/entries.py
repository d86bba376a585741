"""The section `stages:`: one stage per entry, with the reserved keys beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from curate.errors import CurateError
from curate.pipeline.spec.model import RESERVED_KEYS, EntryOptions, StageEntry
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.tree import Node
from curate.pipeline.spec.typed import validate
from curate.stages.base import Editor, Exchange, Filter, Stage
from curate.stages.catalogue import load_stage, stage_names


@dataclass(slots=True)
class EntryDraft:
    """An entry while the file is checked: its shape stands even when its stage is faulty."""

    name: str
    place: Place
    needs: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    stage: Stage | None = None
    options: EntryOptions = field(default_factory=lambda: _options())
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def place_of(self, key: str, item: int | None) -> Place:
        """Place of a reserved key's value or an item of it; of the stage if it is left out."""
        node = self.nodes.get(key)
        items = node.sequence() if node is not None else None
        if items is not None and item is not None and item < len(items):
            return items[item].place
        return self.place if node is None else node.place

    def entry(self) -> StageEntry:
        """The checked entry."""
        assert self.stage is not None
        return StageEntry(
            name=self.name,
            stage=self.stage,
            needs=self.needs,
            only=self.only,
            expect_kept=self.options.expect_kept,
            checkpoint=self.options.checkpoint,
            published_removal=self.options.published_removal,
            kinds=self.options.kinds,
            line=self.place.line,
        )


def read_entries(
    node: Node | None, root: Node, sources: tuple[str, ...], problems: Problems
) -> list[EntryDraft] | None:
    """All entries in file order with `needs` filled in; None when the DAG cannot be looked at."""
    if node is None:
        message = "the key 'stages' is missing; `stages: []` takes the documents as they are"
        problems.add(root.place, message, f"stages are: {list_of(stage_names())}")
        return None
    items = node.sequence()
    if items is None:
        place = root.key_place("stages") if node.value is None else node.place
        problems.add(place, f"stages: must be a list, found {shown(node.value)}", "- language")
        return None
    drafts: list[EntryDraft] = []
    whole = True
    for index, item in enumerate(items):
        draft = _read_entry(item, f"stages[{index}]", problems)
        if draft is None:
            whole = False
            continue
        before = (drafts[-1].name,) if drafts else sources
        draft.needs = before if draft.options.needs is None else draft.options.needs
        draft.only = draft.options.only
        drafts.append(draft)
    return drafts if whole and sources else None


def _read_entry(node: Node, title: str, problems: Problems) -> EntryDraft | None:
    """One entry; None when not even its name can be told."""
    if isinstance(node.value, str) and node.value:
        kind, config, values, place = node.value, Node({}, node.place), {}, node.place
    elif isinstance(node.value, dict):
        found = _kind(node, title, problems)
        if found is None:
            return None
        kind, config, values, place = found, node.value[found], node.value, node.keys[found]
        if config.value is None:
            config = Node({}, place)
    else:
        message = f"{title}: an entry is a stage's name or `name: {{…}}`, found {shown(node.value)}"
        problems.add(node.place, message)
        return None
    beside = {key: value for key, value in values.items() if key in RESERVED_KEYS}
    options = validate(
        EntryOptions, Node(dict(beside), node.place, node.keys), kind, place, problems
    )
    stage = _read_stage(kind, config, place, problems)
    if options is None:
        name = beside["name"].value if "name" in beside else kind
        if not isinstance(name, str):
            return None
        needs, only = _names(beside.get("needs")), _names(beside.get("only"))
        return EntryDraft(name, place, options=_options(needs, only), nodes=beside)
    _check_expect_kept(options, beside, kind, problems)
    return EntryDraft(options.name or kind, place, stage=stage, options=options, nodes=beside)


def _options(
    needs: tuple[str, ...] | None = None, only: tuple[str, ...] | None = None
) -> EntryOptions:
    return EntryOptions.model_construct(needs=needs, only=only)


def _names(node: Node | None) -> tuple[str, ...] | None:
    """The names in a list; None where there is no such list."""
    names = [item.value for item in (node.sequence() if node is not None else None) or []]
    return tuple(name for name in names if isinstance(name, str)) or None


def _kind(node: Node, title: str, problems: Problems) -> str | None:
    """The key of an entry that names its stage."""
    kinds = [key for key in node.mapping() or {} if key not in RESERVED_KEYS]
    if not kinds:
        problems.add(node.place, f"{title}: no stage; stages are: {list_of(stage_names())}")
        return None
    names = stage_names()
    kind = next((key for key in kinds if key in names), kinds[0])
    for other in kinds:
        if other == kind:
            continue
        place = node.key_place(other)
        if other in names:
            message = f"{title}: a second stage '{other}' in one entry"
            problems.add(place, message, "start it with a new '- '")
        else:
            message = f"{title}: unknown key {shown(other)} beside stage '{kind}'"
            hint = did_you_mean(other, RESERVED_KEYS) or f"a key of {kind} is indented below it"
            problems.add(place, f"{message}; keys are: {list_of(RESERVED_KEYS)}", hint)
    return kind


def _read_stage(kind: str, config: Node, place: Place, problems: Problems) -> Stage | None:
    names = stage_names()
    if kind not in names:
        hint = f"{did_you_mean(kind, names)} `curate stages` lists all {len(names)}."
        problems.add(place, f"unknown stage {shown(kind)}", hint.strip())
        return None
    try:
        model = load_stage(kind)
    except CurateError as error:
        problems.add(place, str(error))
        return None
    stage = validate(model, config, kind, place, problems)
    try:
        _try_out(stage)
    except CurateError as error:
        problems.add(place, f"{kind}: {error}")
        return None
    return stage


def _try_out(stage: Stage | None) -> None:
    """Ask a stage for what it only makes on demand. Raises CurateError: rules, models."""
    if stage is not None:
        stage.models()
    if isinstance(stage, Filter):
        stage.judged_rules()
    elif isinstance(stage, Editor | Exchange):
        stage.rules()
    if isinstance(stage, Exchange):
        stage.phases()


def _check_expect_kept(
    options: EntryOptions, beside: Mapping[str, Node], kind: str, problems: Problems
) -> None:
    if options.expect_kept is not None and options.expect_kept[0] > options.expect_kept[1]:
        low, high = options.expect_kept
        message = f"{kind}.expect_kept: the low bound {low} is above the high bound {high}"
        problems.add(beside["expect_kept"].place, message, f"write [{high}, {low}]")
