"""The DAG of stages: every source flows along exactly one path to the single sink.

`needs` names stages or sources and defaults to the entry before (all sources for the first). `only` lets other sources pass by a
stage untouched. A join is a union of inputs that are disjoint by source. One stage is nobody's input: the sink; a branch that ends
elsewhere is an error, because nothing in this version (no Fit, no build) takes documents off the path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curate.errors import SpecError
from curate.pipeline.spec.model import StageEntry


@dataclass(frozen=True)
class Dag:
    """order: entries, every one after what it needs. chains: the entries that a source's documents pass through."""

    order: tuple[StageEntry, ...]
    chains: Mapping[str, tuple[StageEntry, ...]]


class DagError(SpecError):
    """A fault of one entry; `entry` and `key` say where it stands in the file."""

    def __init__(self, entry: str, key: str, message: str) -> None:
        super().__init__(
            f"stage '{entry}': {key}: {message}" if key else f"stage '{entry}': {message}"
        )
        self.entry = entry
        self.key = key
        self.message = message


def resolve(entries: Sequence[StageEntry], sources: Sequence[str]) -> Dag:
    """Order the entries and find every source's path. Raises DagError."""
    order = _ordered(entries, sources)
    _check_sink(entries, sources)
    passing: dict[str, tuple[str, ...]] = {source: (source,) for source in sources}
    chains: dict[str, list[StageEntry]] = {source: [] for source in sources}
    for entry in order:
        inputs: list[str] = []
        for need in entry.needs:
            for source in passing[need]:
                if source in inputs:
                    raise DagError(
                        entry.name,
                        "needs",
                        f"source '{source}' arrives on two paths; a join takes inputs that share no source "
                        f"(start the branches with `needs: [<source>]`)",
                    )
                inputs.append(source)
        passing[entry.name] = tuple(source for source in sources if source in inputs)
        for source in passing[entry.name]:
            if entry.only is None or source in entry.only:
                chains[source].append(entry)
    if order:
        missing = [source for source in sources if source not in passing[_sink(entries)]]
        if missing:
            raise DagError(
                _sink(entries),
                "",
                f"source '{missing[0]}' never arrives here, where documents/ is fed from",
            )
    return Dag(tuple(order), {source: tuple(chain) for source, chain in chains.items()})


def _ordered(entries: Sequence[StageEntry], sources: Sequence[str]) -> list[StageEntry]:
    """A stable topological order: the first entry in the file whose needs are all placed."""
    placed = set(sources)
    waiting = list(entries)
    order: list[StageEntry] = []
    known = placed | {entry.name for entry in entries}
    for entry in entries:
        for need in entry.needs:
            if need not in known:
                raise DagError(entry.name, "needs", f"'{need}' is neither a stage nor a source")
    while waiting:
        ready = next((entry for entry in waiting if placed.issuperset(entry.needs)), None)
        if ready is None:
            cycle = ", ".join(f"'{entry.name}'" for entry in waiting)
            raise DagError(waiting[0].name, "needs", f"a cycle: {cycle} wait for each other")
        waiting.remove(ready)
        placed.add(ready.name)
        order.append(ready)
    return order


def _sinks(entries: Sequence[StageEntry]) -> list[str]:
    needed = {need for entry in entries for need in entry.needs}
    return [entry.name for entry in entries if entry.name not in needed]


def _sink(entries: Sequence[StageEntry]) -> str:
    return _sinks(entries)[-1]


def _check_sink(entries: Sequence[StageEntry], sources: Sequence[str]) -> None:
    sinks = _sinks(entries)
    if len(sinks) > 1:
        names = ", ".join(f"'{name}'" for name in sinks)
        raise DagError(
            sinks[0],
            "",
            f"{names} all end a branch; exactly one stage may feed documents/ (join them with `needs`)",
        )
