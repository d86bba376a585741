"""Phrases in groups: the data files of this package and those of the user, one TOML file each.

A file holds lists of texts by group (`refusal = ["i cannot fulfill", ...]`), UTF-8. Case is
ignored; a phrase with a straight apostrophe also stands for the same with a typographic one.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curate.errors import SpecError
from curate.kernels.phrases import PhraseSet
from curate.stages.base import ModelFile

PACKAGED = Path(__file__).with_name("phrases")
"""Folder of the data files of this package."""

Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GroupedPhrases:
    """Phrases ready for searching; `texts[i]` is phrase i as it is written in its file."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    phrases: PhraseSet


def read_groups(path: Path, allowed: tuple[str, ...]) -> Groups:
    """The lists of a TOML file. Raises SpecError: missing, no TOML, other groups, no phrase."""
    shown = f"phrase file {path}"
    try:
        content = tomllib.loads(path.expanduser().read_bytes().decode("utf-8"))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "no such file" if missing else error.strerror
        raise SpecError(
            f"{shown}: {reason}; relative paths are relative to the working directory"
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{shown}: not UTF-8 at byte {error.start}; convert it, for example: "
            "iconv -f latin1 -t utf-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            f"{shown}: no TOML ({error}); write lists such as {allowed[0]} = ['...']"
        ) from error
    for name, entries in content.items():
        if name not in allowed:
            raise SpecError(
                f"{shown}: there is no group {name!r}; groups are: {', '.join(allowed)}"
            )
        if not isinstance(entries, list) or not all(map(_is_phrase, entries)):
            raise SpecError(
                f"{shown}: {name} must be a list of texts on one line, none of them empty"
            )
    if not any(content.values()):
        raise SpecError(f"{shown}: it holds no phrase; add one, or leave the file out")
    return {name: tuple(content.get(name, ())) for name in allowed}


def as_model(path: str) -> ModelFile:
    """How a phrase file of the user enters the fingerprint of a stage."""
    full = Path(path).expanduser().absolute()
    digest = hashlib.sha256(full.read_bytes()).hexdigest()
    return ModelFile(name=f"phrases {full.name}", path=str(full), sha256=digest)


def grouped(parts: tuple[Groups, ...], names: tuple[str, ...]) -> GroupedPhrases:
    """The phrases of several files as one set; group i is `names[i]`."""
    rows = [
        (index, text)
        for index, name in enumerate(names)
        for part in parts
        for text in _variants(part[name])
    ]
    texts = tuple(text for _, text in rows)
    phrases = PhraseSet(texts, groups=[index for index, _ in rows], group_count=len(names))
    return GroupedPhrases(names, texts, phrases)


@functools.cache
def packaged_groups(name: str, allowed: tuple[str, ...]) -> Groups:
    """A data file of this package, by its name below `PACKAGED` without suffix."""
    return read_groups(PACKAGED / f"{name}.toml", allowed)


def _is_phrase(entry: object) -> bool:
    return isinstance(entry, str) and bool(entry.strip()) and entry.splitlines() == [entry]


def _variants(texts: tuple[str, ...]) -> tuple[str, ...]:
    both = [each for text in texts for each in (text, text.replace("'", "\u2019"))]
    return tuple(dict.fromkeys(both))
