"""The text that is already on every machine with Python: what comes with the installed
distributions and the standard library.

Long descriptions, licences, READMEs and other .md, .rst, .txt, .html files, the language reference
that `help()` prints (a document per topic), example sentences of spaCy's languages where it is
installed, and source files as code. Real prose, near-duplicates (licences), e-mail addresses,
several languages; no download. Folders of tests are left out. Relative paths start with the
distribution's name and hold no version and no folder of the machine. Deterministic for one
environment.
"""

from __future__ import annotations

import ast
import email.parser
import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions
from typing import ClassVar, Literal

from pydantic import Field

from curate.errors import SpecError
from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.html import HtmlSource
from curate.stages.sources.text import decoded, whole_file

Kind = Literal["prose", "licenses", "html", "code"]
STANDARD_LIBRARY = "standard-library"
TOPICS = f"{STANDARD_LIBRARY}/pydoc_data/topics.py"

_PROSE_SUFFIXES = (".md", ".rst", ".txt")
_LICENSE = re.compile(
    r"^(un)?licen[cs]e|^copying|^copyright|^notice|(^|[-_.])licen[cs]e([-_.]|$)", re.IGNORECASE
)
_EXAMPLES = re.compile(r"^spacy/spacy/lang/[^/]+/examples\.py$")
_METADATA_FOLDER = re.compile(r"^[^/]+\.(?:dist-info|egg-info)/")
_BOOKKEEPING = (
    "top_level.txt",
    "entry_points.txt",
    "requires.txt",
    "SOURCES.txt",
    "dependency_links.txt",
)
_LEFT_OUT = frozenset(
    ("test", "tests", "idle_test", "__pycache__", "site-packages", "dist-packages")
)
_KEPT_TESTS = "test/cjkencodings/"
"""Paragraphs of Chinese, Japanese and Korean prose about Python."""


class InstalledPackages(HtmlSource):
    """Text of the installed Python distributions and of the standard library."""

    format: ClassVar = "installed_packages"
    version: ClassVar = 2
    distributions: ClassVar = ("resiliparse",)

    include: tuple[Literal["distributions", "standard_library"], ...] = Field(
        ("distributions", "standard_library"), min_length=1, description="where to look"
    )
    what: tuple[Kind, ...] = Field(
        ("prose", "licenses", "html", "code"),
        min_length=1,
        description="which kinds of file to take",
    )
    only_distributions: tuple[str, ...] | None = Field(
        None, description="names of the distributions to look into; null for all that are installed"
    )
    max_bytes: int = Field(2**20, ge=1, description="longer files are skipped, bytes")

    def files(self, folder: str) -> list[InputFile]:
        """Files of the environment that runs this. Raises SpecError when `paths` is set or nothing
        is found."""
        if self.paths:
            raise SpecError(
                "paths: the format 'installed_packages' takes none; it reads this environment"
            )
        found: dict[str, InputFile] = {}
        if "distributions" in self.include:
            for path, location in self._distribution_files():
                self._add(found, path, location)
        if "standard_library" in self.include:
            for path, location in _standard_library_files():
                self._add(found, path, location)
        if not found:
            raise SpecError(
                "installed_packages: no file of the wanted kinds in this environment; "
                "widen `what` or `include`"
            )
        return sorted(found.values(), key=lambda file: file.path.encode())

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        path, kind = split.file.path, kind_of(split.file.path)
        if split.file.size_bytes == 0:
            yield Skipped("empty_file")
            return
        if split.file.size_bytes > self.max_bytes:
            yield Skipped("larger_than_max_bytes")
            return
        data = whole_file(split.file, caps, keep_mark=kind == "html")
        if isinstance(data, BadRecord):
            yield data
            return
        meta: dict[str, object] = {"kind": kind, "distribution": path.partition("/")[0]}
        if kind == "html":
            yield Record(path, 0, html=data, meta=meta)
            return
        document = decoded(path, 0, data)
        if isinstance(document, BadRecord):
            yield document
            return
        for item in _documents(document):
            if isinstance(item, Record):
                item.meta = {**meta, **item.meta}
            yield item

    def _add(self, found: dict[str, InputFile], path: str, location: str) -> None:
        kind = kind_of(path)
        if kind not in self.what or path in found:
            return
        try:
            status = os.stat(location)
            path.encode("utf-8")
        except (OSError, UnicodeEncodeError):
            return
        found[path] = InputFile(path, location, status.st_size, str(status.st_mtime_ns))

    def _distribution_files(self) -> Iterator[tuple[str, str]]:
        """(relative path, location) of all files that the installed distributions list."""
        seen: set[str] = set()
        wanted = (
            None
            if self.only_distributions is None
            else {_normal(name) for name in self.only_distributions}
        )
        for distribution in distributions(path=search_path(sys.path)):
            name = _normal(distribution.metadata["Name"] or "")
            if not name or name in seen or (wanted is not None and name not in wanted):
                continue
            seen.add(name)
            yield from _files_of(distribution, name)


def search_path(entries: Sequence[str]) -> list[str]:
    """`entries` of `sys.path` without folders inside another entry that holds distributions.

    A package may put its own copies of others there when it is imported (ray, setuptools): what is
    installed must not depend on what was imported.
    """
    holders = [
        os.path.join(entry, "")
        for entry in entries
        if os.path.basename(entry) in ("site-packages", "dist-packages")
    ]
    return [entry for entry in entries if not entry.startswith(tuple(holders))]


def kind_of(path: str) -> Kind | None:
    """What a file is, by its relative path; None for files that hold no text of interest."""
    name = path.rpartition("/")[2]
    suffix = os.path.splitext(name)[1].lower()
    if path == TOPICS or _EXAMPLES.match(path) or name in ("METADATA", "PKG-INFO"):
        return "prose"
    if suffix == ".py":
        return "code"
    if suffix in ("", *_PROSE_SUFFIXES) and _LICENSE.search(name):
        return "licenses"
    if suffix in (".html", ".htm"):
        return "html"
    if (suffix in _PROSE_SUFFIXES and name not in _BOOKKEEPING) or name in (
        "README",
        "AUTHORS",
        "CHANGES",
    ):
        return "prose"
    return None


def _files_of(distribution: Distribution, name: str) -> Iterator[tuple[str, str]]:
    for file in distribution.files or ():
        listed = str(file).replace(os.sep, "/")
        if listed.startswith(("../", "/")) or not _LEFT_OUT.isdisjoint(listed.split("/")):
            continue
        yield (
            f"{name}/{_METADATA_FOLDER.sub('', listed)}",
            str(distribution.locate_file(file)),
        )


def _standard_library_files() -> Iterator[tuple[str, str]]:
    root = sysconfig.get_paths()["stdlib"]
    for folder, subfolders, names in os.walk(root):
        relative = os.path.relpath(folder, root).replace(os.sep, "/")
        inside = "" if relative == "." else f"{relative}/"
        if inside == "test/":
            subfolders[:] = ["cjkencodings"] if "cjkencodings" in subfolders else []
            continue
        subfolders[:] = sorted(
            part for part in subfolders if part not in _LEFT_OUT or f"{inside}{part}" == "test"
        )
        for name in names:
            if inside != _KEPT_TESTS or name.endswith("-utf8.txt"):
                yield f"{STANDARD_LIBRARY}/{inside}{name}", os.path.join(folder, name)


def _documents(whole: Record) -> Iterator[Record | BadRecord | Skipped]:
    """The documents in a decoded file: its description, its topics or sentences, or itself."""
    if whole.path == TOPICS:
        yield from _topics(whole)
    elif _EXAMPLES.match(whole.path):
        yield from _sentences(whole)
    elif whole.path.endswith(("/METADATA", "/PKG-INFO")):
        message = email.parser.Parser().parsestr(whole.text)
        payload = message.get_payload()
        body = (
            payload
            if isinstance(payload, str) and payload.strip()
            else message.get("Description", "")
        )
        text = str(body).strip()
        if not text or text == "UNKNOWN":
            yield Skipped("no_description")
        else:
            yield Record(whole.path, 0, text)
    else:
        yield whole


def _topics(whole: Record) -> Iterator[Record | BadRecord | Skipped]:
    """The topics of the language reference: the file assigns one dict of strings."""
    table = _assigned(whole.text, "topics")
    if not isinstance(table, dict):
        yield BadRecord(
            whole.path, 0, "not_understood", "no dict literal named 'topics' in this file"
        )
        return
    for part, topic in enumerate(sorted(table)):
        yield Record(whole.path, 0, str(table[topic]), part=part, meta={"topic": topic})


def _sentences(whole: Record) -> Iterator[Record | Skipped]:
    sentences = _assigned(whole.text, "sentences")
    if isinstance(sentences, list) and sentences:
        yield Record(whole.path, 0, "\n".join(str(sentence) for sentence in sentences))
    else:
        yield Skipped("no_sentences")


def _assigned(code: str, name: str) -> object:
    """The literal that module code assigns to a name; None where there is none. Nothing is
    executed."""
    try:
        for statement in ast.parse(code).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else ()
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                assert isinstance(statement, ast.Assign)
                return ast.literal_eval(statement.value)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
