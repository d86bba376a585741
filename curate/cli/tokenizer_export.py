"""`curate tokenizer export`: a tokenizer in the file format of another library, with equal ids."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from curate.errors import SpecError

EPILOG = """Examples:

  curate tokenizer export runs/web-en --format tiktoken -o web-en.tiktoken

  curate tokenizer export tokenizer.json --format sentencepiece -o web-en.model"""


class Format(StrEnum):
    """Formats of other libraries."""

    TIKTOKEN = "tiktoken"
    SENTENCEPIECE = "sentencepiece"


def export(
    place: Annotated[
        str,
        typer.Argument(
            metavar="RUN|TOKENIZER_JSON",
            help="A run folder, a folder with a tokenizer.json, or the file itself.",
            show_default=False,
        ),
    ],
    wanted: Annotated[
        Format,
        typer.Option(
            "--format",
            help="tiktoken (byte-level BPE) or sentencepiece (Unigram, BPE on characters).",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file to write.", show_default=False)
    ],
) -> None:
    """Write a tokenizer for another library. Ids stay the same; what cannot be held is refused.

    A tiktoken file holds no pattern and no special tokens: they go to <output>.json.
    """
    import json

    from curate.storage.store import Store
    from curate.tokenizer.formats.export import export_tokenizer

    found = export_tokenizer(_read(place), wanted.value)
    folder, name = _split(output)
    target = Store(folder)
    written = [name]
    target.publish(name, found.data)
    if found.sidecar is not None:
        written.append(f"{name}.json")
        sidecar = json.dumps(found.sidecar, indent=2, ensure_ascii=False) + "\n"
        target.publish(written[-1], sidecar.encode())
    typer.echo("wrote " + " and ".join(f"{folder}/{each}" for each in written))
    for note in found.notes:
        typer.echo(note)


def _read(place: str) -> bytes:
    """The bytes of `tokenizer.json`. SpecError where there is none."""
    from curate.storage.store import DamagedFile, Store

    folder, name = _split(place) if place.endswith(".json") else (place, "")
    for inside in (name,) if name else ("tokenizer/tokenizer.json", "tokenizer.json"):
        try:
            return Store(folder).read(inside)
        except (DamagedFile, NotADirectoryError):
            continue
    raise SpecError(
        f"{place}: no tokenizer here; give a run folder, a folder with a tokenizer.json, or a file "
        "whose name ends in .json"
    )


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    if not name:
        raise SpecError(f"{path}: give a file, not a folder")
    return folder or ("/" if path.startswith("/") else "."), name
