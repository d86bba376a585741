"""The DAG of stages: every source flows along exactly one path to the single sink.

`needs` names stages or sources and defaults to the entry before (all sources for the first). `only`
lets other sources pass by a stage untouched. A join is a union of inputs that are disjoint by
source. One stage is nobody's input: the sink, which feeds `documents/`; a branch that ends
elsewhere is an error, because nothing in this version (no Fit, no build) takes documents off the
path. Pure functions; cost O(stages × sources).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from curate.errors import SpecError
from curate.pipeline.spec.model import StageEntry
from curate.pipeline.spec.problems import did_you_mean, list_of


class Shape(Protocol):
    """What the DAG looks at in an entry of `stages:`."""

    @property
    def name(self) -> str:
        """Instance name."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages or sources."""

    @property
    def only(self) -> tuple[str, ...] | None:
        """Sources, or None for all."""


@dataclass(frozen=True)
class Dag:
    """order: entries, every one after what it needs. chains: the entries that a source's documents
    pass through, in that order (those that its documents pass by are left out)."""

    order: tuple[StageEntry, ...]
    chains: Mapping[str, tuple[StageEntry, ...]]


@dataclass(frozen=True, slots=True)
class DagProblem:
    """One fault. index: of the entry, or None when it is about `source`; key: `name`, `needs`,
    `only` or empty for the entry itself; item: index in the list below the key, or None."""

    index: int | None
    key: str
    item: int | None
    message: str
    hint: str = ""
    source: str | None = None


class DagError(SpecError):
    """All faults of a DAG; `problems` holds them as data."""

    def __init__(self, problems: Sequence[DagProblem]) -> None:
        super().__init__("\n".join(problem.message for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Flow:
    """Result of `trace`: indexes of entries in topological order and along each source's path."""

    order: tuple[int, ...]
    chains: Mapping[str, tuple[int, ...]]
    problems: tuple[DagProblem, ...]


def resolve(entries: Sequence[StageEntry], sources: Sequence[str]) -> Dag:
    """Order the entries and find every source's path. Raises DagError with every fault."""
    flow = trace(entries, sources)
    if flow.problems:
        raise DagError(flow.problems)
    chains = {name: tuple(entries[index] for index in path) for name, path in flow.chains.items()}
    return Dag(tuple(entries[index] for index in flow.order), chains)


def trace(shapes: Sequence[Shape], sources: Sequence[str]) -> Flow:
    """Like `resolve`, but on anything shaped like an entry, and with the faults as a result.

    Faults in names hide those of the order, and these hide those of the paths.
    """
    problems = [*_name_problems(shapes, sources), *_reference_problems(shapes, sources)]
    order: list[int] = []
    chains: dict[str, tuple[int, ...]] = dict.fromkeys(sources, ())
    if not problems:
        order, problems = _ordered(shapes, sources)
    if not problems and shapes:
        chains, problems = _paths(shapes, sources, order)
    return Flow(tuple(order), chains, tuple(problems))


def _name_problems(shapes: Sequence[Shape], sources: Sequence[str]) -> list[DagProblem]:
    problems = []
    first: dict[str, int] = {}
    for index, shape in enumerate(shapes):
        if shape.name in sources:
            message = f"stage '{shape.name}' has the name of a source"
            problems.append(DagProblem(index, "name", None, message, "rename one: `name: …`"))
        elif shape.name in first:
            message = f"a second stage is called '{shape.name}'"
            hint = "give one of them another name: `name: …` beside the stage"
            problems.append(DagProblem(index, "name", None, message, hint))
        first.setdefault(shape.name, index)
    return problems


def _reference_problems(shapes: Sequence[Shape], sources: Sequence[str]) -> list[DagProblem]:
    problems = []
    for index, shape in enumerate(shapes):
        known = [*sources, *(each.name for each in shapes if each is not shape)]
        for item, need in enumerate(shape.needs):
            # Of two stages with one name that is the fault, and it is named already.
            if need == shape.name and need not in known:
                message = f"stage '{need}' needs itself"
                problems.append(DagProblem(index, "needs", item, message))
            elif need not in known:
                message = f"'{need}' is neither a stage nor a source; there are: {list_of(known)}"
                hint = did_you_mean(need, known)
                problems.append(DagProblem(index, "needs", item, message, hint))
            elif need in shape.needs[:item]:
                message = f"'{need}' is named twice"
                problems.append(DagProblem(index, "needs", item, message))
        for item, source in enumerate(shape.only or ()):
            if source not in sources:
                message = f"source '{source}' is not defined; sources are: {list_of(sources)}"
                hint = did_you_mean(source, sources)
                problems.append(DagProblem(index, "only", item, message, hint))
    return problems


def _ordered(shapes: Sequence[Shape], sources: Sequence[str]) -> tuple[list[int], list[DagProblem]]:
    """A stable topological order: always the first entry of the file whose needs are placed."""
    placed = set(sources)
    waiting = list(range(len(shapes)))
    order: list[int] = []
    while waiting:
        ready = next((each for each in waiting if placed.issuperset(shapes[each].needs)), None)
        if ready is None:
            return order, [_cycle_problem(shapes, waiting)]
        waiting.remove(ready)
        placed.add(shapes[ready].name)
        order.append(ready)
    return order, []


def _cycle_problem(shapes: Sequence[Shape], waiting: Sequence[int]) -> DagProblem:
    """Follow `needs` among the entries that can never start until one comes twice."""
    by_name = {shapes[index].name: index for index in waiting}
    path: list[int] = []
    at = waiting[0]
    while at not in path:
        path.append(at)
        at = next(by_name[need] for need in shapes[at].needs if need in by_name)
    cycle = path[path.index(at) :]
    start = min(cycle)
    turned = cycle[cycle.index(start) :] + cycle[: cycle.index(start)]
    names = " → ".join(f"'{shapes[index].name}'" for index in [*turned, start])
    item = next(i for i, need in enumerate(shapes[start].needs) if need in by_name)
    message = f"`needs` forms a cycle: {names} (→ reads: needs)"
    return DagProblem(start, "needs", item, message, "remove one of these needs")


def _paths(
    shapes: Sequence[Shape], sources: Sequence[str], order: Sequence[int]
) -> tuple[dict[str, tuple[int, ...]], list[DagProblem]]:
    """Every source's path to the sink, or what keeps it from being exactly one."""
    flowing: dict[str, dict[str, tuple[int, ...]]] = {name: {name: ()} for name in sources}
    problems: list[DagProblem] = []
    for index in order:
        shape = shapes[index]
        arrived: dict[str, tuple[int, ...]] = {}
        bringer: dict[str, str] = {}
        for item, need in enumerate(shape.needs):
            twice = [source for source in flowing[need] if source in arrived]
            if twice:
                problems.append(_join_problem(index, item, need, bringer[twice[0]], twice[0]))
            for source, path in flowing[need].items():
                if source not in arrived:
                    arrived[source], bringer[source] = path, need
        problems += _only_problems(shape, index, arrived)
        taken = sources if shape.only is None else shape.only
        flowing[shape.name] = {
            source: (*arrived[source], index) if source in taken else arrived[source]
            for source in sources
            if source in arrived
        }
    if not problems:
        problems = _end_problems(shapes, sources)
    sink = shapes[order[-1]].name
    return ({} if problems else flowing[sink]), problems


def _join_problem(index: int, item: int, need: str, other: str, source: str) -> DagProblem:
    message = (
        f"'{other}' and '{need}' both bring documents of source '{source}'; "
        "inputs of a join must have no source in common"
    )
    hint = "chain the stages (`only:` lets other sources pass by), or start branches at sources"
    return DagProblem(index, "needs", item, message, hint)


def _only_problems(shape: Shape, index: int, arrived: Mapping[str, object]) -> list[DagProblem]:
    problems = []
    for item, source in enumerate(shape.only or ()):
        if source not in arrived:
            message = f"source '{source}' does not come to '{shape.name}', only: {list_of(arrived)}"
            problems.append(DagProblem(index, "only", item, message))
    return problems


def _end_problems(shapes: Sequence[Shape], sources: Sequence[str]) -> list[DagProblem]:
    """Branches that end before the last stage, and sources that no stage takes."""
    needed = Counter(need for shape in shapes for need in shape.needs)
    ends = [index for index, shape in enumerate(shapes) if not needed[shape.name]]
    sink = shapes[ends[-1]].name
    problems = [
        DagProblem(
            index,
            "",
            None,
            f"stage '{shapes[index].name}' ends a branch; exactly one stage, here '{sink}', may be "
            "last: only a Fit or a build may end a branch, and this version has none",
            f"name it in the `needs` of a later stage, for example of '{sink}'",
        )
        for index in ends[:-1]
    ]
    for source in sources:
        if not needed[source]:
            message = f"source '{source}' comes to no stage; every source must reach '{sink}'"
            hint = "name it in a `needs`, or remove it"
            problems.append(DagProblem(None, "", None, message, hint, source))
    return problems
