"""Looks at the world outside the file: the files of the sources, and whose the output folder is."""

from __future__ import annotations

import os
from collections.abc import Mapping

import orjson

from curate.errors import CurateError
from curate.pipeline.spec.problems import Place, Problems, shown
from curate.pipeline.spec.tree import Node
from curate.stages.sources.base import Source
from curate.storage.store import Store

RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
BEFORE_RUN_FILE = (".", "steps/", "run.lock", EVENTS_FILE)
"""What a run writes before its `run.json`; an interrupted start leaves it behind."""


def check_sources(
    node: Node, sources: Mapping[str, Source], folder: str, problems: Problems
) -> None:
    """Every pattern of every source must match a file; a fault is placed at its pattern."""
    for name, source in sources.items():
        try:
            source.files(folder)
        except CurateError as error:
            below = (node.mapping() or {})[name]
            for line in str(error).splitlines():
                place = _pattern_place(line, below) or node.key_place(name)
                problems.add(
                    place, f"sources.{name}.{line}" if line.startswith("paths: ") else line
                )


def _pattern_place(message: str, source: Node) -> Place | None:
    """Place of the pattern that a message quotes, else of the key `paths`."""
    paths = (source.mapping() or {}).get("paths")
    if paths is None:
        return None
    quoted = [item for item in paths.sequence() or [] if f"'{item.value}'" in message]
    return quoted[0].place if quoted else source.key_place("paths")


def check_output(output: str, name: str, place: Place, problems: Problems) -> None:
    """The output folder must be empty, a run folder of the pipeline `name`, or new, and then where
    a local folder can be made.
    """
    try:
        store = Store(output)
        fault = (_unwritable(store.full("")) if store.is_local else None) or output_fault(
            store, name
        )
    except Exception as error:  # noqa: BLE001 - every storage library has its own exceptions
        reason = f"{type(error).__name__}: {error}"
        message = f"output: cannot look at {shown(output)} ({reason})"
        problems.add(place, message, "check the address and the credentials")
        return
    if fault is not None:
        problems.add(place, f"output: {fault}", "choose another folder")


def _unwritable(folder: str) -> str | None:
    """Why a local folder without a run cannot be written, by the nearest one above that exists."""
    if os.path.exists(os.path.join(folder, RUN_FILE)):
        return None
    existing = folder
    while not os.path.lexists(existing) and existing != os.path.dirname(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        return f"{existing} is a file, not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written (a read-only disk, or no permission)"
    return None


def output_fault(store: Store, name: str) -> str | None:
    """Why the pipeline `name` may not write to this folder, or None when it may."""
    if store.exists(RUN_FILE):
        try:
            content = orjson.loads(store.read(RUN_FILE))
        except orjson.JSONDecodeError as error:
            if _first_event(store).get("name") == name:  # the run writes it again
                return None
            return f"{store.url}/{RUN_FILE} is damaged ({error})"
        owner = content.get("name") if isinstance(content, dict) else None
        if owner == name:
            return None
        return f"{store.url} belongs to the pipeline {shown(owner)}, this one is '{name}'"
    others = [path for path in store.sizes("") if not path.startswith(BEFORE_RUN_FILE)]
    if others:
        return f"{store.url} is not empty and is no run folder (it holds {shown(min(others))})"
    return None


def _first_event(store: Store) -> dict[str, object]:
    """The start of the first run in this folder; empty when nothing says so."""
    if not store.exists(EVENTS_FILE):
        return {}
    with store.open(EVENTS_FILE) as file:
        try:
            event = orjson.loads(file.readline())
        except orjson.JSONDecodeError:
            return {}
    return event if isinstance(event, dict) else {}
