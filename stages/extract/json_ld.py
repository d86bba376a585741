"""What JSON-LD blocks (schema.org) say about the page's own article: headline, authors, dates.

Blocks are often broken (comments around them, raw line breaks in strings, commas too many), nested,
or describe the site, its logo and its comments rather than the page. Looked for is the first object
whose type is that of a piece of writing; of others only if nothing better is there. Hostile blocks
cost no more than their bytes: nesting, objects and authors are limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

_MAX_NODES = 2_000
_MAX_AUTHORS = 20
_WRITING = re.compile(
    r"article|posting|report|recipe|review$|^question$|^book$|^thesis$|^chapter$|^creativework$"
    r"|^course$|^howto$|^dataset$|^videoobject$|^podcastepisode$|^discussion|^webpage$|^qapage$"
)
_PAGE = frozenset(("webpage", "qapage", "itempage", "collectionpage", "faqpage"))
_ASIDE = frozenset(
    """comment publisher author creator image logo breadcrumb ispartof review reviews
    suggestedanswer acceptedanswer about mentions video itemlistelement potentialaction
    sourceorganization haspart relatedlink offers aggregaterating citation isbasedon""".split()
)
"""Properties whose objects are not the page's own article."""
_WRAPPING = re.compile(r"^\s*(?://\s*)?(?:<!--|<!\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*$")
_COMMA_TOO_MANY = re.compile(r",(?=\s*[}\]])")


@dataclass(frozen=True, slots=True)
class LinkedData:
    """As written; nothing is checked yet."""

    headline: str | None = None
    authors: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    site: str | None = None


def linked_data(blocks: list[str]) -> LinkedData:
    """The page's article in its JSON-LD blocks. Never raises for content."""
    nodes = [node for block in blocks for node in _nodes(_parsed(block))][:_MAX_NODES]
    if not nodes:
        return LinkedData()
    by_id = {node["@id"]: node for node in reversed(nodes) if _is_named(node)}
    site = next((_text(node.get("name")) for node in nodes if "website" in _types(node)), None)
    ranked = sorted(nodes, key=_rank)
    best = ranked[0] if _rank(ranked[0]) < 3 else {}
    publisher = best.get("publisher")
    if site is None and isinstance(publisher, dict):
        site = _text(publisher.get("name"))
    return LinkedData(
        headline=_text(best.get("headline")) or _text(best.get("name")),
        authors=tuple(_authors(best.get("author", best.get("creator")), by_id)),
        published=next(
            filter(None, (_text(best.get(key)) for key in ("datePublished", "dateCreated"))), None
        ),
        modified=_text(best.get("dateModified")),
        site=site,
    )


def _parsed(block: str) -> Any:
    try:
        return orjson.loads(block)
    except orjson.JSONDecodeError:
        pass
    block = _COMMA_TOO_MANY.sub("", _WRAPPING.sub("", block)).strip().rstrip(";")
    try:
        return json.loads(block, strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Objects in document order, breadth last; those below asides are left out."""
    stack = [value]
    seen = 0
    while stack and seen < _MAX_NODES:
        item = stack.pop()
        seen += 1
        if isinstance(item, list):
            stack.extend(reversed(item[:_MAX_NODES]))
        elif isinstance(item, dict):
            yield item
            stack.extend(
                inner
                for key, inner in reversed(item.items())
                if isinstance(inner, dict | list) and key.lower() not in _ASIDE
            )


def _is_named(node: dict[str, Any]) -> bool:
    return isinstance(node.get("@id"), str) and len(node) > 1


def _types(node: dict[str, Any]) -> list[str]:
    kind = node.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return [each.rpartition("/")[2].lower() for each in kinds if isinstance(each, str)]


def _rank(node: dict[str, Any]) -> int:
    """0: a piece of writing that is dated or signed; 1: a page that is; 2: either without both;
    3: something else."""
    kinds = _types(node)
    if not any(_WRITING.search(kind) for kind in kinds):
        return 3
    if not ({"datePublished", "dateCreated", "author", "creator"} & node.keys()):
        return 2
    return 1 if not _PAGE.isdisjoint(kinds) else 0


def _text(value: Any) -> str | None:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value")
    return value if isinstance(value, str) and value.strip() else None


def _authors(value: Any, by_id: dict[str, dict[str, Any]]) -> Iterator[str]:
    for item in (value if isinstance(value, list) else [value])[:_MAX_AUTHORS]:
        found = item
        if isinstance(found, dict) and "name" not in found:
            found = by_id.get(str(found.get("@id")), {})
        name = _text(found.get("name") if isinstance(found, dict) else found)
        if name is not None:
            yield name
