"""`--set key.path=value`: change one value of the tree before it is checked.

The path goes through mappings by key and through lists by number; an entry of `stages` is also
found by its instance name, and what follows goes to the stage's own keys unless it is a key beside
the stage (`only`, `expect_kept`, …). The value is YAML. Missing sections are created. Names with
dots are found when they exist in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from curate.pipeline.spec.model import RESERVED_KEYS
from curate.pipeline.spec.problems import Place, Problems, did_you_mean, list_of, shown
from curate.pipeline.spec.tree import Node, parse


def apply_overrides(
    root: Node, overrides: Iterable[str], environment: Mapping[str, str], problems: Problems
) -> None:
    """Change `root` in place, one override after the other; faults go to `problems`."""
    for override in overrides:
        origin = f"--set {override}"
        place = Place(0, 0, origin)
        path, equals, value_text = override.partition("=")
        steps = path.strip().split(".")
        if not equals or not all(steps):
            problems.add(
                place,
                "is not of the form key.path=value",
                "for example --set engine.batch_bytes=8MiB",
            )
            continue
        value = _value(value_text, environment, problems, origin)
        if value is not None:
            _assign(root, steps, value, problems, inside_stages=False)


def _value(
    text: str, environment: Mapping[str, str], problems: Problems, origin: str
) -> Node | None:
    place = Place(0, 0, origin)
    if not text.strip():
        return Node("", place, raw="")
    return parse(text, environment, problems, origin)


def _assign(
    node: Node, steps: list[str], value: Node, problems: Problems, inside_stages: bool
) -> None:
    """Walk `steps` below `node` and put `value` at the last one."""
    if isinstance(node.value, list):
        _assign_in_list(node, steps, value, problems, inside_stages)
        return
    if node.value is None:
        node.value = {}
    if not isinstance(node.value, dict):
        problems.add(
            value.place, f"{shown(node.value)} has no keys, so '{steps[0]}' cannot be set below it"
        )
        return
    key, rest = _longest_known_key(node.value, steps)
    if not rest:
        node.value[key], node.keys[key] = value, value.place
        return
    if key not in node.value:
        node.value[key], node.keys[key] = Node({}, value.place), value.place
    _assign(
        node.value[key],
        rest,
        value,
        problems,
        inside_stages=key == "stages" and node.place.origin is None,
    )


def _longest_known_key(values: dict[str, Node], steps: list[str]) -> tuple[str, list[str]]:
    """Split off the key to follow: the longest existing one made of the first steps, else the first
    step.
    """
    for length in range(len(steps), 0, -1):
        key = ".".join(steps[:length])
        if key in values:
            return key, steps[length:]
    return steps[0], steps[1:]


def _assign_in_list(
    node: Node, steps: list[str], value: Node, problems: Problems, inside_stages: bool
) -> None:
    items = node.sequence() or []
    found = _item(items, steps, inside_stages)
    if found is None:
        names = [name for name in map(entry_name, items) if name] if inside_stages else []
        allowed = f"; entries are: {list_of(names)}" if names else ""
        message = (
            f"the list has {len(items)} entries, none is '{steps[0]}' (numbers start at 0){allowed}"
        )
        problems.add(value.place, message, did_you_mean(steps[0], names))
        return
    index, rest = found
    if not rest:
        items[index] = value
    elif inside_stages:
        _assign_in_entry(items[index], rest, value, problems)
    else:
        _assign(items[index], rest, value, problems, inside_stages=False)


def _item(items: list[Node], steps: list[str], inside_stages: bool) -> tuple[int, list[str]] | None:
    if (
        steps[0].isascii()
        and steps[0].isdigit()
        and len(steps[0]) < 9
        and int(steps[0]) < len(items)
    ):
        return int(steps[0]), steps[1:]
    if inside_stages:
        for length in range(len(steps), 0, -1):
            for index, item in enumerate(items):
                if entry_name(item) == ".".join(steps[:length]):
                    return index, steps[length:]
    return None


def _assign_in_entry(entry: Node, steps: list[str], value: Node, problems: Problems) -> None:
    """Below an entry of `stages`: a reserved key, the stage's key itself, or a key of the stage."""
    kind = stage_key(entry)
    if isinstance(entry.value, str):
        config = Node({}, entry.place)
        entry.keys, entry.raw = {entry.value: entry.place}, None
        entry.value = {entry.value: config}
    goes_beside = kind is None or steps[0] in RESERVED_KEYS or steps[0] == kind
    _assign(
        entry, steps if goes_beside else [str(kind), *steps], value, problems, inside_stages=False
    )


def stage_key(entry: Node) -> str | None:
    """The kind of stage that an entry of `stages` names, if it names exactly one."""
    if isinstance(entry.value, str):
        return entry.value
    if not isinstance(entry.value, dict):
        return None
    kinds = [key for key in entry.value if key not in RESERVED_KEYS]
    return kinds[0] if len(kinds) == 1 else None


def entry_name(entry: Node) -> str | None:
    """Instance name of an entry of `stages`: `name:`, else its kind."""
    if isinstance(entry.value, dict) and "name" in entry.value:
        name = entry.value["name"].value
        return name if isinstance(name, str) else None
    return stage_key(entry)
