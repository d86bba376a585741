"""Publishing a finished run: move results from `steps/` to their final names, delete what no longer
belongs, keep the books.

`manifest.json` names every file of the final folders with size, checksum and the step file it came
from. While files move, the manifest is replaced by `promoting.json`; a run that finds one trusts a
final file only after reading all its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from curate.errors import DataError
from curate.storage.store import DamagedFile, FileRef, Store

FINAL_FOLDERS = ("documents", "removed", "quarantine", "tokenizer", "tokens", "index")
MANIFEST = "manifest.json"
PROMOTING = "promoting.json"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One step file and its final path."""

    ref: FileRef
    final: str


def load_promoted(store: Store) -> dict[str, str]:
    """step path -> final path of files that former runs moved and that are still there; none where
    the manifest is damaged.
    """
    trusted = store.exists(MANIFEST)
    name = MANIFEST if trusted else PROMOTING
    if not store.exists(name):
        return {}
    sizes = {path: size for folder in FINAL_FOLDERS for path, size in store.sizes(folder).items()}
    promoted = {}
    for final, entry in (_files_of(store, name) or {}).items():
        same = sizes.get(final) == entry["size"]
        if same and (trusted or store.checksum(final) == entry["checksum"]):
            promoted[entry["step_path"]] = final
    return promoted


def promote(
    store: Store,
    promotions: Sequence[Promotion],
    origins: dict[str, str],
    failpoint: Callable[[str], None],
) -> None:
    """Move everything to its final name; files that are there already stay.

    origins: final path -> step path for refs that already point at a final file.
    """
    entries = {
        item.final: {
            "step_path": origins.get(item.ref.path, item.ref.path),
            "size": item.ref.size_bytes,
            "checksum": item.ref.checksum,
        }
        for item in promotions
    }
    manifest = orjson.dumps(
        {"format_version": 1, "files": entries}, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2
    )
    moves = [item for item in promotions if item.ref.path != item.final]
    if not moves and store.exists(MANIFEST) and store.read(MANIFEST) == manifest:
        _delete_others(store, entries)
        return
    store.publish(PROMOTING, manifest)
    store.delete(MANIFEST)
    store.delete_folder(ASIDE.rstrip("/"))
    sources = {item.ref.path for item in promotions}
    _delete_others(store, entries.keys() | sources)  # now: a file may become a folder
    _set_aside(store, moves, sources)
    for item in moves:
        store.move(_source(store, item), item.final)
        failpoint("in_collect")
    store.publish(MANIFEST, manifest)
    store.delete(PROMOTING)


def verify_published(store: Store) -> tuple[int, list[str]]:
    """(files read, one line per damaged file). Raises DataError where no run was published, or the
    manifest itself is damaged.

    When something is damaged, the manifest loses its trust: the next run reads every final file
    before it relies on it.
    """
    if not store.exists(MANIFEST):
        raise DataError(f"{store.url}: no {MANIFEST}; no run was finished in this folder")
    files = _files_of(store, MANIFEST)
    if files is None:
        raise DataError(
            f"{store.url}/{MANIFEST} is damaged; `curate run` with the same pipeline file makes "
            "what it names again"
        )
    damaged = []
    for final, entry in files.items():
        try:
            store.verify(FileRef(final, entry["size"], entry["checksum"]))
        except DamagedFile as error:
            damaged.append(str(error))
    if damaged:
        store.move(MANIFEST, PROMOTING)
    return len(files), damaged


def _files_of(store: Store, name: str) -> dict[str, Any] | None:
    """Entries by final path of a manifest; None when it is damaged."""
    try:
        files: dict[str, Any] = orjson.loads(store.read(name))["files"]
        known = all(each.keys() >= {"step_path", "size", "checksum"} for each in files.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if known else None


def _delete_others(store: Store, kept: Container[str]) -> None:
    """Final folders hold what the manifest names and nothing else."""
    for folder in FINAL_FOLDERS:
        for path in store.sizes(folder):
            if path not in kept:
                store.delete(path)


ASIDE = "steps/.aside/"


def _set_aside(store: Store, moves: Sequence[Promotion], sources: set[str]) -> None:
    """A final file that will move to another final name must not be overwritten before it has
    moved.
    """
    for item in moves:
        if item.final in sources and store.exists(item.final):
            store.move(item.final, ASIDE + item.final)


def _source(store: Store, item: Promotion) -> str:
    aside = ASIDE + item.ref.path
    return aside if store.exists(aside) else item.ref.path
