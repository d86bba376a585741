"""What is wrong with a pipeline file, with the place of each fault; printed all at once.

A `Place` is a line and a column of the file (1-based, columns in characters), or a `--set`
argument. `Problems` collects them in any order and raises one `PipelineFileError` whose text shows
every fault in file order with the source line and a caret. Cost: linear in the file for each error
shown.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from curate.errors import SpecError

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML counts as the end of a line."""

MAX_SHOWN = 100
EXCERPT_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or value stands; `origin` is the `--set` argument it came from, if any."""

    line: int
    column: int
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `message` says what is wrong and what is allowed, `hint` (below the caret) what to
    do.
    """

    place: Place
    message: str
    hint: str = ""


class PipelineFileError(SpecError):
    """Every fault of a pipeline file. `str()` is the whole text for the user; `problems` the same
    as data.
    """

    def __init__(self, text: str, file: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(text)
        self.file = file
        self.problems = problems


@dataclass(slots=True)
class Problems:
    """Collects the faults of one file: `file` is the path as written, `text` the content."""

    file: str
    text: str = ""
    found: list[Problem] = field(default_factory=list)
    silenced: set[Place] = field(default_factory=set)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Add a fault, unless the value at this place is known to be unusable already."""
        problem = Problem(place, message, hint)
        if place not in self.silenced and problem not in self.found:
            self.found.append(problem)

    def silence(self, place: Place) -> None:
        """The value here could not be read, which was said: what follows from it is no news."""
        self.silenced.add(place)

    def raise_if_any(self) -> None:
        """Raises PipelineFileError when anything was added."""
        if self.found:
            ordered = tuple(sorted(self.found, key=_file_order))
            raise PipelineFileError(self._render(ordered), self.file, ordered)

    def _render(self, problems: tuple[Problem, ...]) -> str:
        lines = LINE_BREAK.split(self.text)
        parts = [_render_one(problem, self.file, lines) for problem in problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            parts.append(f"… and {len(problems) - MAX_SHOWN} more")
        noun = "error" if len(problems) == 1 else "errors"
        parts.append(f"{len(problems)} {noun}; nothing was written.")
        return "\n".join(parts)


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """`did you mean 'x'?`, or an empty text when no allowed name is near."""
    names = list(allowed)
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f"did you mean '{folded[near[0]]}'?" if near else ""


def list_of(names: Iterable[str]) -> str:
    """Names for a message: `a, b, c`; `none` when there are none."""
    return ", ".join(names) or "none"


def shown(value: object) -> str:
    """A found value in a message: quoted text, YAML words for the rest, at most 60 characters."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = printable(f"'{value}'" if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else text[:57] + "…'"


def printable(text: str) -> str:
    """Control characters of hostile text become `�`, so that a message cannot steer a terminal."""
    return "".join(
        character if character.isprintable() or character == "\t" else "�" for character in text
    )


def _file_order(problem: Problem) -> tuple[bool, int, int, str]:
    place = problem.place
    return (place.origin is not None, place.line, place.column, problem.message)


def _render_one(problem: Problem, file: str, lines: list[str]) -> str:
    place = problem.place
    if place.origin is not None:
        hint = f"\n      {problem.hint}" if problem.hint else ""
        return f"{printable(place.origin)}: {problem.message}{hint}"
    head = f"{file}:{place.line}:{place.column}: {problem.message}"
    if not 1 <= place.line <= len(lines) or not lines[place.line - 1].strip():
        return f"{head}\n      {problem.hint}" if problem.hint else head
    return "\n".join([head, *_excerpt(place, problem.hint, lines)])


def _excerpt(place: Place, hint: str, lines: list[str]) -> list[str]:
    """The line before (when it says something), the line, and the caret with the hint."""
    start = max(0, place.column - 1 - EXCERPT_CHARACTERS // 2)
    start = start if len(lines[place.line - 1]) > EXCERPT_CHARACTERS else 0
    rows = []
    for number in (place.line - 1, place.line):
        if number >= 1 and (number == place.line or lines[number - 1].strip()):
            cut = lines[number - 1][start : start + EXCERPT_CHARACTERS]
            rows.append(f"{number:>5} | {printable(cut)}".rstrip())
    before = lines[place.line - 1][start : place.column - 1]
    padding = "".join(
        character if character == "\t" else " " * _width(character) for character in before
    )
    rows.append(f"{' ' * 8}{padding}^ {hint}".rstrip())
    return rows


def _width(character: str) -> int:
    """Terminal cells of one character."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
