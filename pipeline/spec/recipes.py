"""`recipe: <name>` in `stages:`: a published chain of stages, unfolded in place.

Unfolding comes before every other check, so `--set`, `curate plan` and all errors see ordinary
entries. A recipe file names its paper and table, the stages, the share of documents that the paper
says each removes, its deliberate differences, and the stages it lacks. An entry meant for some
`kinds:` of source gets an `only:` with these sources; in a recipe it is left out where there is
none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from curate.pipeline.spec.model import NAME_PATTERN, RECIPE_KEY, Name
from curate.pipeline.spec.overrides import entry_name
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.tree import Node, parse
from curate.pipeline.spec.typed import validate
from curate.stages.base import SourceKind

FOLDER = "curate.recipes"
KINDS_KEY = "kinds"
"""Beside a stage: the kinds of source it is for."""
UNNAMED_KIND: SourceKind = "web"
"""What a source without `kind:` counts as: recipes are made for the web."""


class RecipeOptions(BaseModel):
    """Keys beside `recipe:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name | None = Field(
        None, pattern=NAME_PATTERN, description="put before the names of its stages, with a dot"
    )
    needs: tuple[str, ...] | None = Field(None, min_length=1, description="of its first stage")
    only: tuple[str, ...] | None = Field(None, min_length=1, description="sources it works on")
    without: tuple[str, ...] = Field((), description="stages of the recipe to leave out")


class RecipeHead(BaseModel):
    """What a recipe file says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Name
    about: str = Field(min_length=1, description="one sentence")
    paper: str = Field(min_length=1, description="title, identifier, table or section")
    differences: tuple[str, ...] = Field((), description="every deliberate one")
    missing: tuple[str, ...] = Field(
        (), description="steps of the paper that this version of curate does not have"
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe file: what it says about itself and its entries."""

    head: RecipeHead
    entries: list[Node]
    text: str


@dataclass(slots=True)
class _Unfolding:
    """One `recipe:` entry of a pipeline file."""

    place: Place
    options: RecipeOptions
    kinds: Mapping[str, str]
    problems: Problems
    used: set[str] = field(default_factory=set)

    def entries(self, recipe: Recipe) -> Iterator[Node]:
        first = True
        for item in recipe.entries:
            name = entry_name(item) or ""
            self.used.add(name)
            if name in self.options.without:
                continue
            only = self.sources(item)
            if only is not None and not only:
                continue
            yield self.entry(item, name, only, first)
            first = False

    def sources(self, item: Node) -> list[str] | None:
        """Sources of the entry's kinds that the user wants too; None for all."""
        wanted = list(self.options.only) if self.options.only is not None else list(self.kinds)
        chosen = _of_kinds(item, wanted, self.kinds)
        return None if self.options.only is None and len(chosen) == len(self.kinds) else chosen

    def entry(self, item: Node, name: str, only: list[str] | None, first: bool) -> Node:
        """A copy of a recipe's entry that stands where the recipe is named."""
        if isinstance(item.value, str):
            item = Node({item.value: Node(None, item.place)}, item.place)
        values = dict(item.mapping() or {})
        if self.options.name is not None:
            values["name"] = Node(f"{self.options.name}.{name}", self.place)
        if only is not None:
            values["only"] = Node([Node(source, self.place) for source in only], self.place)
        if first and self.options.needs is not None:
            needs = [Node(each, self.place) for each in self.options.needs]
            values["needs"] = Node(list(needs), self.place)
        return Node(dict(values), self.place, dict.fromkeys(values, self.place))


def unfold_recipes(root: Node, folder: str, problems: Problems) -> tuple[str, ...]:
    """Replace every `recipe:` entry of `stages:` by its stages.

    folder: where paths of the user's own recipe files start. Returns what is missing from the
    recipes, as sentences.
    """
    stages = (root.mapping() or {}).get("stages")
    items = stages.sequence() if stages is not None else None
    if stages is None or items is None:
        return ()
    kinds = _kinds(root)
    unfolded: list[Node] = []
    notes: list[str] = []
    for item in items:
        if not isinstance(item.value, dict) or RECIPE_KEY not in item.value:
            _limit_to_kinds(item, kinds, problems)
            unfolded.append(item)
            continue
        recipe, entries = _unfold(item, kinds, folder, problems)
        unfolded += entries
        if recipe is not None:
            name = recipe.head.recipe
            notes += [f"recipe {name}: not in curate yet: {each}" for each in recipe.head.missing]
    stages.value = unfolded
    return tuple(dict.fromkeys(notes))


def _of_kinds(item: Node, names: list[str], kinds: Mapping[str, str]) -> list[str]:
    """Those of the sources that an entry's `kinds:` allows."""
    node = (item.mapping() or {}).get(KINDS_KEY)
    wanted = None if node is None else [each.value for each in node.sequence() or []]
    return [name for name in names if wanted is None or kinds.get(name) in wanted]


def _limit_to_kinds(item: Node, kinds: Mapping[str, str], problems: Problems) -> None:
    """Turn `kinds:` of an ordinary entry into `only:`."""
    if not isinstance(item.value, dict) or KINDS_KEY not in item.value:
        return
    node = item.value[KINDS_KEY]
    chosen = _of_kinds(item, list(kinds), kinds)
    if not chosen:
        has = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        problems.add(node.place, f"no source is of these kinds; sources are: {has}")
    elif "only" not in item.value and len(chosen) < len(kinds):
        item.value["only"] = Node([Node(name, node.place) for name in chosen], node.place)


def _unfold(
    item: Node, kinds: Mapping[str, str], folder: str, problems: Problems
) -> tuple[Recipe | None, list[Node]]:
    values = item.mapping() or {}
    place, node = item.key_place(RECIPE_KEY), values[RECIPE_KEY]
    beside = {key: value for key, value in values.items() if key != RECIPE_KEY}
    options = validate(
        RecipeOptions, Node(dict(beside), item.place, item.keys), "recipe", place, problems
    )
    recipe = _read(node, folder, problems)
    if recipe is None or options is None:
        return None, []
    unfolding = _Unfolding(place, options, kinds, problems)
    entries = list(unfolding.entries(recipe))
    for name in options.without:
        if name not in unfolding.used:
            message = f"recipe {recipe.head.recipe} has no stage '{name}'"
            hint = did_you_mean(name, unfolding.used) or f"it has {list_of(unfolding.used)}"
            problems.add(values["without"].place, message, hint)
    return recipe, entries


def _kinds(root: Node) -> dict[str, str]:
    """Kind by source, from the tree as written."""
    sources = ((root.mapping() or {}).get("sources") or Node({}, root.place)).mapping() or {}
    found = {}
    for name, source in sources.items():
        node = (source.mapping() or {}).get("kind")
        kind = None if node is None else node.value
        found[name] = kind if isinstance(kind, str) else UNNAMED_KIND
    return found


def _read(node: Node, folder: str, problems: Problems) -> Recipe | None:
    """A recipe by name, or by path when it ends in `.yaml`."""
    name = node.value
    if not isinstance(name, str) or not name:
        message = f"recipe: must be a name or the path of a .yaml file, found {shown(name)}"
        problems.add(node.place, message, f"recipes are: {list_of(recipe_names())}")
        return None
    if not name.endswith((".yaml", ".yml")):
        if name not in recipe_names():
            message = f"unknown recipe {shown(name)}; recipes are: {list_of(recipe_names())}"
            problems.add(node.place, message, did_you_mean(name, recipe_names()))
            return None
        return read_recipe(name, _bundled(name), problems, node.place)
    path = os.path.join(folder, os.path.expanduser(name))
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        problems.add(node.place, f"recipe: {name} cannot be read: {reason}")
        return None
    return read_recipe(name, text, problems, node.place)


def read_recipe(name: str, text: str, problems: Problems, place: Place) -> Recipe | None:
    """Parse a recipe. name: its name or path, for messages; place: where it is asked for."""
    origin = f"recipe {name}"
    root = parse(text, {}, problems, origin)
    if root is None:
        return None
    values = root.mapping()
    if values is None or (values.get("stages") or root).sequence() is None:
        problems.add(place, f"{origin}: must be a mapping with a list `stages:`")
        return None
    told = {key: node for key, node in values.items() if key != "stages"}
    head = validate(RecipeHead, Node(told, root.place, root.keys), origin, root.place, problems)
    entries = values["stages"].sequence() or []
    for entry in entries:
        if isinstance(entry.value, dict) and RECIPE_KEY in entry.value:
            problems.add(place, f"{origin}: a recipe holds stages, not recipes")
            return None
    return None if head is None else Recipe(head, entries, text)


def recipe_names() -> tuple[str, ...]:
    """The bundled recipes."""
    names = (file.name for file in resources.files(FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def _bundled(name: str) -> str:
    return resources.files(FOLDER).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def bundled_recipe(name: str) -> Recipe:
    """A bundled recipe. Raises SpecError: unknown, or faulty."""
    problems = Problems(name)
    recipe = _read(Node(name, Place(1, 1)), "", problems)
    problems.raise_if_any()
    assert recipe is not None
    return recipe


def recipe_stages(recipe: Recipe) -> list[str]:
    """Instance names of its entries."""
    return [entry_name(entry) or "" for entry in recipe.entries]
