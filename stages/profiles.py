"""Threshold profiles: bounds of rules per language, measured on reference text.

A profile is a TOML file: filter -> rule -> `low` and `high`, each a table from a language to a
bound. `gopher_quality: {profile: multilingual}` replaces the bounds of the rules it names by these
tables, so that one stage judges every language by its own bounds; the column `language` decides,
which the stage `language` fills, or the source. Languages are keyed as that column has them (ISO
639-1 codes, 639-3 where there is none). A language without a bound gets `default`, and where the
table has none, the filter's own bound; a rule that the filter has switched off stays off.

Bounds on words hold only for the words they were measured with, so a profile names its segmenter
and is refused with another one. One that was measured with dictionaries also fits where these are
missing: texts that only they divide have no word signals there, and every other text has the same.

`curate calibrate` writes profiles. Bundled: `multilingual` (`profile_data/`).
"""

from __future__ import annotations

import functools
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from curate.errors import SpecError
from curate.stages.rules import Bound, Rule

DEFAULT = "default"
_FOLDER = resources.files("curate.stages") / "profile_data"

Table = Annotated[dict[str, float], Field(min_length=1)]


class RuleBounds(BaseModel):
    """The tables of one rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)

    low: Table | None = None
    high: Table | None = None


class Profile(BaseModel):
    """A profile file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Literal[1] = Field(description="version of the format")
    segmenter: str = Field(min_length=1, description="what divided the reference into words")
    source: str = Field(min_length=1, description="the reference text")
    method: str = Field(min_length=1, description="how the bounds follow from it")
    languages: tuple[str, ...] = Field(description="languages that were measured")
    filters: dict[str, dict[str, RuleBounds]]

    def apply(self, kind: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """The rules of a filter of this kind with the bounds of this profile. Raises SpecError."""
        tables = self.filters.get(kind)
        if tables is None:
            raise SpecError(
                f"the profile has no bounds for the filter '{kind}', only for "
                f"{', '.join(sorted(self.filters))}"
            )
        return tuple(self._applied(rule, tables.get(rule.name)) for rule in rules)

    def _applied(self, rule: Rule, bounds: RuleBounds | None) -> Rule:
        if bounds is None:
            return rule
        if rule.by is not None:
            raise SpecError(f"the profile cannot replace the table of the rule '{rule.name}'")
        low, high = _table(rule.low, bounds.low), _table(rule.high, bounds.high)
        by = "language" if isinstance(low, Mapping) or isinstance(high, Mapping) else None
        return replace(rule, low=low, high=high, by=by)

    def as_toml(self) -> str:
        """The file that `parse` reads."""
        head = {"segmenter": self.segmenter, "source": self.source, "method": self.method}
        lines = ["profile = 1"]
        lines += [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in head.items()]
        lines += ["languages = [", *_wrapped(json.dumps(code) for code in self.languages), "]"]
        for kind, rules in self.filters.items():
            lines += ["", f"[filters.{_key(kind)}]"]
            for rule, bounds in rules.items():
                for side, table in (("low", bounds.low), ("high", bounds.high)):
                    if table is not None:
                        lines += ["", f"[filters.{_key(kind)}.{_key(rule)}.{side}]"]
                        lines += [f"{_key(code)} = {bound!r}" for code, bound in table.items()]
        return "\n".join(lines) + "\n"

    def check_segmenter(self, used: str) -> None:
        """Raises SpecError when words are divided otherwise than in the reference."""
        without_dictionary = used == "uax29" and self.segmenter.startswith("uax29+")
        if used != self.segmenter and not without_dictionary:
            raise SpecError(
                f"the profile was measured with the words of '{self.segmenter}', this pipeline "
                f"would use those of '{used}'; use the same, or `curate calibrate` a profile for it"
            )


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _wrapped(values: Iterable[str]) -> list[str]:
    return textwrap.wrap(
        " ".join(f"{value}," for value in values),
        96,
        initial_indent="    ",
        subsequent_indent="    ",
    )


def _table(own: Bound, table: Mapping[str, float] | None) -> Bound:
    if own is None or table is None:
        return own
    assert not isinstance(own, Mapping)
    return {DEFAULT: float(own), **table}


def bundled() -> tuple[str, ...]:
    """Names of the profiles that come with this package."""
    return tuple(sorted(file.name[:-5] for file in _FOLDER.iterdir() if file.name[-5:] == ".toml"))


def load(name_or_path: str) -> Profile:
    """A bundled profile by name, or a file (relative paths: to the working directory).

    Raises SpecError: missing, not UTF-8, no profile.
    """
    if name_or_path in bundled():
        return _bundled(name_or_path)
    path = Path(name_or_path).expanduser()
    try:
        return parse(path.read_text(encoding="utf-8"), name_or_path)
    except FileNotFoundError as error:
        near = get_close_matches(name_or_path, bundled(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f" (bundled: {', '.join(bundled())})"
        raise SpecError(f"{name_or_path}: no such profile{hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{name_or_path}: not readable as UTF-8 text ({error})") from error


@functools.cache
def _bundled(name: str) -> Profile:
    return parse((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> Profile:
    """The profile in a TOML text. Raises SpecError with the first fault."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{name}: no TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SpecError(f"{name}: no profile: {where}: {first['msg']}") from error


def _loaded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return load(value)
    except SpecError as error:
        raise ValueError(str(error)) from error


ProfileField = Annotated[
    Profile | None,
    BeforeValidator(_loaded),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
]
"""A field that names a profile in YAML and holds its content, so that the fingerprint of a step
covers it and a worker needs no file."""
