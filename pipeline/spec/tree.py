"""YAML text to a tree of nodes that remember their places.

PyYAML composes the node graph (no Python objects are ever built); this module turns it into plain
values, replaces `${NAME}` and `${NAME:-default}` by environment variables, refuses duplicate keys,
and bounds what aliases may unfold to. Keys are always text as written, so `no: 0.5` is the language
code. Cost: PyYAML's, about 100 kB/s; files are ≤ 1 MiB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from curate.pipeline.spec.problems import LINE_BREAK, Place, Problems, printable, shown
from curate.pipeline.spec.scalars import Scalar, plain_scalar

MAX_FILE_BYTES = 2**20
MAX_NODES = 100_000
"""Nodes of the unfolded tree; a bomb of aliases meets this bound, a real file never does."""

_VARIABLE = re.compile(r"\$(\$)?\{([^{}]*)\}")
_VARIABLE_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")
)


@dataclass(slots=True)
class Node:
    """A value and its place. Mappings hold nodes by key, `keys` the places of their keys; `raw` is
    a scalar's text.
    """

    value: Scalar | list[Node] | dict[str, Node]
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    raw: str | None = None

    def mapping(self) -> dict[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    def sequence(self) -> list[Node] | None:
        return self.value if isinstance(self.value, list) else None

    def plain(self) -> Any:
        """The value without places: JSON types."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def key_place(self, key: str) -> Place:
        """Place of a key, or of the node itself where the key is missing."""
        return self.keys.get(key, self.place)

    def at(self, path: str) -> Node:
        """What a path such as `schedule[1].weights` leads to, as far as there is something."""
        node = self
        for step in re.findall(r"\w+", path):
            if isinstance(node.value, dict) and step in node.value:
                node = node.value[step]
            elif isinstance(node.value, list) and step.isdecimal() and int(step) < len(node.value):
                node = node.value[int(step)]
        return node


def parse(
    text: str, environment: Mapping[str, str], problems: Problems, origin: str | None = None
) -> Node | None:
    """The tree of a YAML text, or None after adding to `problems` what keeps it from being read."""
    loader = None
    try:
        loader = yaml.BaseLoader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        message = f"the character U+{int(error.character):04X} is not allowed in YAML"
        problems.add(
            _place_at(text, error.position, origin),
            message,
            "remove it, or write it as an escape in quotes",
        )
        return None
    except yaml.MarkedYAMLError as error:
        _add_syntax_error(error, problems, origin)
        return None
    except RecursionError:
        problems.add(Place(1, 1, origin), "the text is nested too deeply")
        return None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        problems.add(
            Place(1, 1, origin),
            "the file is empty",
            "`curate init` writes a commented one to start from",
        )
        return None
    return _Builder(text, environment, problems, origin).build(root)


def _place_at(text: str, index: int, origin: str | None) -> Place:
    line, start = 1, 0
    for match in LINE_BREAK.finditer(text, 0, index):
        line, start = line + 1, match.end()
    return Place(line, index - start + 1, origin)


def _add_syntax_error(error: yaml.MarkedYAMLError, problems: Problems, origin: str | None) -> None:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1, origin) if mark else Place(1, 1, origin)
    words = str(error.problem or error.context or "not valid YAML")
    if "'\\t'" in words or "found a tab" in words:
        problems.add(
            place, "a tab character; YAML is indented with spaces", "replace the tab by spaces"
        )
    elif error.context == "expected a single document in the stream":
        problems.add(
            place,
            "a second YAML document; a pipeline file holds one",
            "remove the '---' line or split the file",
        )
    elif "undefined alias" in words:
        problems.add(
            place,
            f"not valid YAML: {words}",
            "an alias (*name) needs an anchor (&name) above it; quote a text that starts with '*'",
        )
    else:
        context = f" ({error.context})" if error.context and error.context not in words else ""
        hint = "look for a missing quote, bracket, colon or indent"
        if "flow" in context and "got '{'" in words:
            hint = 'inside {…} and […] a variable needs quotes: "${NAME}"'
        problems.add(
            place,
            f"not valid YAML: {printable(words + context)}",
            hint,
        )


@dataclass(slots=True)
class _Builder:
    text: str
    environment: Mapping[str, str]
    problems: Problems
    origin: str | None
    nodes: int = 0
    open_nodes: set[int] = field(default_factory=set)
    stopped: bool = False

    def build(self, root: yaml.Node) -> Node | None:
        node = self._node(root)
        return None if self.stopped else node

    def _place(self, node: yaml.Node) -> Place:
        return Place(node.start_mark.line + 1, node.start_mark.column + 1, self.origin)

    def _stop(self, node: yaml.Node, message: str) -> None:
        if not self.stopped:
            self.problems.add(self._place(node), message)
        self.stopped = True

    def _node(self, node: yaml.Node) -> Node:
        place = self._place(node)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(node, f"aliases unfold to more than {MAX_NODES:,} values")
        if id(node) in self.open_nodes:
            self._stop(node, "an alias that contains itself")
        if self.stopped:
            return Node(None, place)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self.open_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            built = self._sequence(node, place)
        else:
            assert isinstance(node, yaml.MappingNode)
            built = self._mapping(node, place)
        self.open_nodes.discard(id(node))
        return built

    def _sequence(self, node: yaml.SequenceNode, place: Place) -> Node:
        if node.tag != "tag:yaml.org,2002:seq":
            self._tag(node)
        return Node([self._node(each) for each in node.value], place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Node:
        if node.tag != "tag:yaml.org,2002:map":
            self._tag(node)
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            at = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.add(
                    at,
                    "a key must be a word, not a list or a mapping",
                    "quote a text that starts with '{' or '['",
                )
                continue
            key = str(key_node.value)
            value = self._node(value_node)
            if key == "<<" and key_node.style is None:
                merged.extend(value.sequence() or [value])
            elif key in keys:
                self.problems.add(
                    at,
                    f"the key {shown(key)} is given twice; first on line {keys[key].line}",
                    "remove one of them",
                )
            else:
                values[key], keys[key] = value, at
        return self._merge(Node(values, place, keys), values, merged)

    def _merge(self, target: Node, values: dict[str, Node], merged: list[Node]) -> Node:
        """YAML's `<<: *base`: keys of the bases where the mapping has none of its own; earlier
        bases win.
        """
        for base in merged:
            if not isinstance(base.value, dict):
                if not self.stopped:
                    self.problems.add(base.place, "'<<' takes a mapping or a list of mappings")
                continue
            for key, value in base.value.items():
                if key not in values:
                    values[key], target.keys[key] = value, base.keys[key]
        return target

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Node:
        if node.tag not in _PLAIN_TAGS and node.tag != "!":
            self._tag(node)
        before = len(self.problems.found)
        raw = self._substituted(node)
        if len(self.problems.found) > before:
            self.problems.silence(place)
        if _SURROGATE.search(raw):
            self.problems.add(place, "a lone surrogate (half of a UTF-16 pair) is not text")
            raw = ""
        if node.style is not None or node.tag == "!":
            return Node(raw, place, raw=raw)
        try:
            return Node(plain_scalar(raw.strip()), place, raw=raw)
        except ValueError as error:
            self.problems.add(place, f"{shown(raw)}: {error}", "put it in quotes if it is text")
            self.problems.silence(place)
            return Node(None, place, raw=raw)

    def _tag(self, node: yaml.Node) -> None:
        name = str(node.tag).replace("tag:yaml.org,2002:", "!!")
        self.problems.add(
            self._place(node),
            f"the YAML tag {shown(name)} is not allowed",
            "quote a text that starts with '!'",
        )

    def _substituted(self, node: yaml.ScalarNode) -> str:
        """The scalar's text with environment variables filled in; `$${X}` is a literal `${X}`."""
        searched = node.start_mark.index

        def replace(match: re.Match[str]) -> str:
            nonlocal searched
            found = self.text.find(match.group(0), searched, node.end_mark.index)
            at = self._place(node) if found < 0 else _place_at(self.text, found, self.origin)
            searched = max(searched, found + len(match.group(0)))
            return match.group(0)[1:] if match.group(1) else self._variable(match.group(2), at)

        return _VARIABLE.sub(replace, str(node.value))

    def _variable(self, inside: str, place: Place) -> str:
        match = _VARIABLE_NAME.fullmatch(inside)
        if match is None:
            self.problems.add(
                place,
                f"{shown('${' + inside + '}')} is no variable",
                "write ${NAME} or ${NAME:-default}; $${ stands for a literal ${",
            )
            return ""
        name, default = match.group(1), match.group(2)
        value = self.environment.get(name)
        if default is not None:
            return value or default
        if value is None:
            self.problems.add(
                place,
                f"the environment variable '{name}' is not set",
                f"set it, or give a default: ${{{name}:-…}}",
            )
            return ""
        return value
