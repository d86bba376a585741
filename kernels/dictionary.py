"""Dictionaries for scripts that put no spaces between words: Chinese and Japanese, Thai, Lao,
Khmer, Burmese.

They are those of ICU (Unicode licence), read from the data file in the wheel of `icu4py`, the extra
`curate[segmentation]`. Only that file is read, and none of ICU's code is called: its own break
iterator gives the same words at a third of the speed and costs a Python object per call, ours runs
inside of the pass over the text (`native/dictionary_words.hpp`). Tibetan needs no dictionary: UAX
#29 divides at its tsheg.

Cost: 0.1 s to load, once per process; 7 MB of memory.
"""

from __future__ import annotations

import functools
import mmap
from importlib import metadata
from pathlib import Path

from curate.errors import SpecError
from curate.kernels import _native

DISTRIBUTION = "icu4py"
SCRIPTS = ("Chinese", "Japanese", "Thai", "Lao", "Khmer", "Burmese")


def is_installed() -> bool:
    """Whether the dictionaries are there; reads no file of them."""
    return _data_file() is not None


@functools.cache
def load() -> _native.Dictionary | None:
    """The dictionaries, or None where the extra is not installed.

    Raises SpecError where its data file cannot be read.
    """
    path = _data_file()
    if path is None:
        return None
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _native.Dictionary(data)
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{path}: the word dictionaries cannot be read ({error}); install {DISTRIBUTION} again"
        ) from error


def segmenter_name() -> str:
    """What divides texts into words here: `uax29`, or with the dictionaries `uax29+icu<version>`.

    Thresholds that were measured with one are refused with the other.
    """
    dictionary = load()
    return "uax29" if dictionary is None else f"uax29+icu{dictionary.version}"


@functools.cache
def _data_file() -> Path | None:
    """ICU's data inside the distribution; None where it is missing, or was built on the system's
    ICU and so carries no data.
    """
    try:
        files = metadata.distribution(DISTRIBUTION).files or ()
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.startswith(("libicudata", "icudt")):
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None
