"""The model files that stages can read: name, licence, origin, sha256, where.

Nothing here downloads. A file is looked for in this order: a path given by the user; a known name
in the folder that the environment variable CURATE_MODELS names; the files that the build put into
`models/data/`. A file that carries a known name is compared with the known sha256, so a damaged or
swapped model never reaches a stage. The digest of every file that is read, known or not, enters the
fingerprint of the stage.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from curate.errors import SpecError

MODELS_VARIABLE = "CURATE_MODELS"
"""Environment variable: a folder with model files, by their catalogue names."""

PACKAGED_FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model file. `url` says where people get it (nothing is fetched)."""

    name: str
    purpose: str
    licence: str
    url: str
    sha256: str
    size_bytes: int
    packaged: bool


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file on this machine, and the digest of its bytes."""

    name: str
    path: str
    sha256: str


CATALOGUE: tuple[KnownModel, ...] = (
    KnownModel(
        name="lid.176.ftz",
        purpose="language identification, 176 languages, compact (fastText, Joulin et al. 2016)",
        licence="CC-BY-SA-3.0",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
        sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        size_bytes=938_013,
        packaged=True,
    ),
    KnownModel(
        name="lid.176.bin",
        purpose="language identification, 176 languages, full (fastText, Joulin et al. 2016)",
        licence="CC-BY-SA-3.0",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin",
        sha256="7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
        size_bytes=131_266_198,
        packaged=False,
    ),
)


def known(name: str) -> KnownModel | None:
    """The catalogue's entry of that name, or None."""
    return next((model for model in CATALOGUE if model.name == name), None)


def find(name_or_path: str) -> FoundModel:
    """The model file for a catalogue name or a path (relative paths: to the working directory).

    Raises SpecError when there is no such file (with what to do about it), or when a file with a
    known name has other bytes. Reads the file once per process and file state (path, size,
    modification time).
    """
    path = _locate(name_or_path)
    status = path.stat()
    digest = _sha256(str(path), status.st_size, status.st_mtime_ns)
    entry = known(path.name)
    if entry is not None and digest != entry.sha256:
        raise SpecError(
            f"{path}: not the published {entry.name}: sha256 is {digest}, "
            f"should be {entry.sha256}. "
            f"Get it again from {entry.url}, or rename the file if it is another model."
        )
    return FoundModel(name=path.name, path=str(path), sha256=digest)


def _locate(name_or_path: str) -> Path:
    """A catalogue name is looked up in the known folders; everything else is a path."""
    entry = known(name_or_path)
    if entry is None:
        given = Path(name_or_path).expanduser().absolute()
        if given.is_file():
            return given
        raise SpecError(_not_found(name_or_path))
    folders = [PACKAGED_FOLDER]
    if os.environ.get(MODELS_VARIABLE):
        folders.insert(0, Path(os.environ[MODELS_VARIABLE]).expanduser())
    for folder in folders:
        if (folder / entry.name).is_file():
            return (folder / entry.name).absolute()
    raise SpecError(_remedy(entry))


def _remedy(entry: KnownModel) -> str:
    if entry.packaged:
        return (
            f"model {entry.name}: the build did not put it into {PACKAGED_FOLDER}; "
            f"install curate again (`pip install .`), or set {MODELS_VARIABLE} to a folder "
            f"that holds it ({entry.url})."
        )
    return (
        f"model {entry.name} is not on this machine ({entry.size_bytes / 1e6:.0f} MB, "
        f"{entry.licence}). Download it from {entry.url} and give its path, or put it into "
        f"a folder and set {MODELS_VARIABLE} to that folder."
    )


def _not_found(name_or_path: str) -> str:
    names = [model.name for model in CATALOGUE]
    near = get_close_matches(name_or_path, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"model {name_or_path!r}: no such file, and no model of that name "
        f"(known: {', '.join(names)}).{hint}"
    )


@functools.lru_cache(maxsize=64)
def _sha256(path: str, size_bytes: int, modified_ns: int) -> str:
    """Digest of a file; size and time are only there to notice that the file changed."""
    del size_bytes, modified_ns
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
