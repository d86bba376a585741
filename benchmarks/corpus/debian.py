"""Documentation of Debian packages: fetched and unpacked, never installed."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from documents import Item
from markup import mallard_page, manual_page, pod

HTML = (".html", ".htm", ".xhtml")
SKIPPED = re.compile(r"_sources/|big-page|/changelog|/search\.html|/genindex|/copyright")
"""The source of a page beside the page, whole books on one page beside their chapters, indexes."""
LANGUAGES = frozenset(
    "ar as be bg bn ca cs da de dz el en eo es et eu fa fi fr ga gl gu he hi hr hu id is it ja ka "
    "km kn ko lt lv mk ml mr nb nl nn om or pa pl pt ro ru si sk sl sr sv ta te th tr uk vi "
    "zh".split()
)
LICENCE_CHARACTERS = 60
"""What is longer is no short name but the licence itself."""
_TAG = re.compile(r"([a-z]{2,3})(?:[_-]([A-Za-z]{2,4}))?(?:@\w+)?(?:\.(?:utf-?8))?", re.IGNORECASE)
_MANUAL = re.compile(r"/man/(?:[^/]+/)?man\d\w*/[^/]+\.\d\w*(?:\.gz)?$")


def fetch(packages: Sequence[str], folder: Path) -> dict[str, Path]:
    """The .deb of every package: those that are in the folder already are taken as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    have = {path.name.split("_")[0]: path for path in folder.glob("*.deb")}
    missing = [name for name in packages if name not in have]
    if missing:
        subprocess.run(["apt-get", "download", "-q", *missing], cwd=folder, check=True)
        have = {path.name.split("_")[0]: path for path in folder.glob("*.deb")}
    return {name: have[name] for name in packages}


def unpack(package: Path, target: Path) -> Path:
    """The files of a package below `target`."""
    if not target.is_dir():
        partial = target.with_name(f".{target.name}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", str(package), str(partial)], check=True)
        partial.rename(target)
    return target


def describe(package: Path) -> dict[str, str]:
    """Version and source package, as the package says."""
    fields = ["Package", "Version", "Source", "Homepage"]
    done = subprocess.run(
        ["dpkg-deb", "-f", str(package), *fields], capture_output=True, text=True, check=True
    )
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)


def licences(name: str, tree: Path) -> list[str]:
    """Short names in the package's machine-readable copyright file; empty where it has none."""
    path = tree / "usr/share/doc" / name / "copyright"
    if not path.is_file():
        return []
    found = re.findall(r"^License: *(\S[^\n]*)", path.read_text("utf-8", "replace"), re.MULTILINE)
    return sorted({name.strip() for name in found if len(name) <= LICENCE_CHARACTERS})


def items(name: str, tree: Path) -> Iterator[Item]:
    """Every page of a package in order of its path: HTML where there is any, else plain sources."""
    paths = sorted(
        str(path.relative_to(tree))
        for folder, _, names in os.walk(tree)
        for path in (Path(folder) / name for name in names)
        if not path.is_symlink() and not SKIPPED.search(str(path))
    )
    for path in paths:
        plain = path.removesuffix(".gz")
        file = tree / path
        date = datetime.fromtimestamp(int(file.stat().st_mtime), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        language = language_of(name, path)
        if plain.endswith(HTML):
            yield Item(name, path, language, "documentation", date, html=_bytes(file))
        elif (text := _text(name, path, file)) is not None and text.strip():
            yield Item(name, path, language, "documentation", date, text=text)


def language_of(package: str, path: str) -> str:
    """A folder or an ending that is a language tag, else the package's name, else English."""
    folders = path.split("/")[2:-1]
    endings = path.removesuffix(".gz").split("/")[-1].split(".")[1:-1]
    for part in (*reversed(folders), *endings):
        found = _TAG.fullmatch(part)
        if found and found.group(1).lower() in LANGUAGES:
            return _tag(found.group(1), found.group(2))
    parts = package.split("-")
    for at in (-2, -1):
        if len(parts) > 2 and parts[at] in LANGUAGES:
            return _tag(parts[at], parts[-1] if at == -2 else None)
    return "en"


def _tag(language: str, region: str | None) -> str:
    """`zh-cn` and `zh-tw` stay apart, all other regions are dropped."""
    tag = language.lower()
    return f"{tag}-{region.lower()}" if tag == "zh" and region else tag


def _bytes(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def _text(name: str, path: str, file: Path) -> str | None:
    """Plain text of the formats that packages have instead of HTML."""
    if path.endswith(".page"):
        return mallard_page(file.read_bytes())
    if path.endswith(".pod"):
        return pod(file.read_text("utf-8", "replace"))
    if name.startswith("manpages") and _MANUAL.search("/" + path):
        return manual_page(_bytes(file).decode("utf-8", "replace"))
    return None
