"""What `curate doctor` looks at: is this machine ready for a run, and if not, what helps.

Each check is a function that returns findings; none of them raises, writes outside a temporary
file, or uses the network. "warn" means that a run works but is slower or smaller than it could be;
"fail" means that runs will not work.
"""

from __future__ import annotations

import importlib
import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

import curate
from curate.errors import CurateError
from curate.models import catalogue

Status = Literal["ok", "warn", "fail"]

GIB = 2**30
FEWEST_MEMORY_BYTES = 2 * GIB
"""Ray with two workers takes 0.7 GB before any work."""
COMFORTABLE_MEMORY_BYTES = 4 * GIB
FEWEST_DISK_BYTES = 1 * GIB
COMFORTABLE_DISK_BYTES = 20 * GIB
COMFORTABLE_SHARED_MEMORY_BYTES = 1 * GIB
COMFORTABLE_OPEN_FILES = 4096
"""An exchange merges up to 1,024 files at once in every worker, beside Ray's own sockets."""

FASTTEXT_DISTRIBUTIONS = ("fasttext", "fasttext-wheel", "fasttext-predict", "fasttext-predict-v2")
"""All of them install a module `fasttext_pybind`; the last one installed wins."""
COMPILED_MODULES = ("fasttext_pybind", "kenlm", "pyarrow", "tokenizers", "re2", "fastwarc.warc")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. remedy: what to do; empty when `status` is ok."""

    group: str
    name: str
    status: Status
    found: str
    remedy: str = ""


def examine(folder: str = ".") -> list[Finding]:
    """All findings, in the order of the report. folder: where runs will be written."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        check_memory,
        lambda: check_disk(folder),
        check_shared_memory,
        check_open_files,
        check_packages,
        check_fasttext,
        check_compiled_parts,
        check_models,
        check_ray,
    )
    return [finding for check in checks for finding in check()]


def check_python() -> Iterator[Finding]:
    """Interpreter, platform and processors."""
    version = platform.python_version()
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield Finding(
        "machine",
        "python",
        "ok" if good else "fail",
        f"{version} on {platform.system()} {platform.machine()}",
        "" if good else "use Python 3.11 or 3.12 (kenlm does not build on 3.13)",
    )
    yield Finding("machine", "processors", "ok", f"{len(os.sched_getaffinity(0))} usable")


def check_packages() -> Iterator[Finding]:
    """Every distribution that curate requires: its version, and whether it is one that fits."""
    try:
        requirements = [Requirement(line) for line in metadata.requires("curate") or ()]
    except metadata.PackageNotFoundError:
        remedy = "run `pip install -e .` in the repository (the tree is on the path, not installed)"
        yield Finding("packages", "curate", "warn", f"{curate.__version__}, not installed", remedy)
        return
    yield Finding("packages", "curate", "ok", metadata.version("curate"))
    for requirement in sorted(requirements, key=lambda one: one.name.lower()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement)


def _package(requirement: Requirement) -> Finding:
    remedy = f"pip install '{requirement}'"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding("packages", requirement.name, "fail", "not installed", remedy)
    if not requirement.specifier.contains(version, prereleases=True):
        found = f"{version}, needs {requirement.specifier}"
        return Finding("packages", requirement.name, "fail", found, remedy)
    return Finding("packages", requirement.name, "ok", version)


def check_fasttext() -> Iterator[Finding]:
    """Two fastText distributions overwrite each other's module."""
    present = []
    for name in FASTTEXT_DISTRIBUTIONS:
        try:
            present.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    alone = len(present) <= 1
    yield Finding(
        "compiled",
        "one fastText only",
        "ok" if alone else "fail",
        ", ".join(present) or "none installed",
        ""
        if alone
        else "pip uninstall the others, then "
        "`pip install --force-reinstall --no-deps fasttext-wheel==0.9.2`",
    )


def check_compiled_parts() -> Iterator[Finding]:
    """Our kernels, and compiled modules of others: a wrong CPU or a broken build shows here."""
    try:
        kernels = importlib.import_module("curate.kernels")
        vector = "AVX2" if _has_avx2() else "portable code, no AVX2 (equal results, slower)"
        found = f"build {kernels.build_digest()[:12]}, {vector}"
        yield Finding("compiled", "text kernels", "ok", found)
    except (ImportError, OSError) as error:
        remedy = "build them: `pip install .` or `pip install -e .` (needs a C++17 compiler)"
        yield Finding("compiled", "text kernels", "fail", str(error), remedy)
    for name in COMPILED_MODULES:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - what a broken build raises is the finding
            distribution = name.partition(".")[0]
            remedy = f"install {distribution} again: pip install --force-reinstall {distribution}"
            yield Finding("compiled", name, "fail", f"{type(error).__name__}: {error}", remedy)
        else:
            yield Finding("compiled", name, "ok", "imports")


def _has_avx2() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def check_models() -> Iterator[Finding]:
    """Model files of the catalogue: the packaged ones must be there, the others may."""
    for model in catalogue.CATALOGUE:
        try:
            found = catalogue.find(model.name)
        except CurateError as error:
            if model.packaged or "not the published" in str(error):
                yield Finding("models", model.name, "fail", "missing or damaged", str(error))
            else:
                yield Finding("models", model.name, "ok", f"not here (optional): {model.purpose}")
        else:
            yield Finding("models", model.name, "ok", f"{found.path} ({model.licence})")


def check_ray() -> Iterator[Finding]:
    """Ray can be imported; a cluster that the environment names is shown, not contacted."""
    try:
        ray = importlib.import_module("ray")
    except Exception as error:  # noqa: BLE001 - what a broken install raises is the finding
        remedy = (
            "pip install --force-reinstall 'ray[data,default]', or run with the inline executor"
        )
        yield Finding("ray", "import", "fail", f"{type(error).__name__}: {error}", remedy)
        return
    yield Finding("ray", "import", "ok", str(ray.__version__))
    address = os.environ.get("RAY_ADDRESS")
    yield Finding("ray", "cluster", "ok", f"RAY_ADDRESS={address}" if address else "local")


def check_memory() -> Iterator[Finding]:
    """Memory that this process may still take, within its container's limit."""
    available = available_memory_bytes()
    if available is None:
        yield Finding("machine", "memory", "warn", "unknown", "needs /proc/meminfo (Linux)")
        return
    status = _grade(available, FEWEST_MEMORY_BYTES, COMFORTABLE_MEMORY_BYTES)
    remedy = "close other programs, or raise the container's memory limit; 4 GiB suffice"
    found = f"{available / GIB:.1f} GiB available"
    yield Finding("machine", "memory", status, found, "" if status == "ok" else remedy)


def available_memory_bytes() -> int | None:
    """The smaller of what the machine has free and what the control group (v2) still allows."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    available = int(fields["MemAvailable"][0]) * 1024
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            used = int((group / "memory.current").read_text(encoding="ascii"))
            available = min(available, max(0, int(limit) - used))
    except OSError:
        pass
    return available


def check_disk(folder: str) -> Iterator[Finding]:
    """Free space where runs are written and where temporary files go."""
    places = {"disk": Path(folder).absolute(), "temporary disk": Path(tempfile.gettempdir())}
    for name, place in places.items():
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        status = _grade(free, FEWEST_DISK_BYTES, COMFORTABLE_DISK_BYTES)
        if not os.access(place, os.W_OK):
            remedy = "choose a folder that you may write to (`output:`, TMPDIR)"
            yield Finding("machine", name, "fail", f"{place} is not writable", remedy)
            continue
        remedy = "free space, or choose another `output:` (TMPDIR for temporary files)"
        found = f"{free / GIB:.1f} GiB free in {place}"
        yield Finding("machine", name, status, found, "" if status == "ok" else remedy)


def check_shared_memory() -> Iterator[Finding]:
    """Ray's object store lives in /dev/shm; where that is small it spills to the disk."""
    place = Path("/dev/shm")
    if not place.is_dir():
        remedy = "Ray will keep objects in files, which is slower"
        yield Finding("machine", "/dev/shm", "warn", "missing", remedy)
        return
    free = shutil.disk_usage(place).free
    small = free < COMFORTABLE_SHARED_MEMORY_BYTES
    remedy = "start the container with --shm-size=2g; Ray keeps objects in files until then"
    found = f"{free / GIB:.1f} GiB free"
    status: Status = "warn" if small else "ok"
    yield Finding("machine", "/dev/shm", status, found, remedy if small else "")


def check_open_files() -> Iterator[Finding]:
    """Files that one process may hold open; Ray raises the soft limit to the hard one itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = hard != resource.RLIM_INFINITY and hard < COMFORTABLE_OPEN_FILES
    shown = ["unlimited" if one == resource.RLIM_INFINITY else f"{one:,}" for one in (soft, hard)]
    status: Status = "warn" if few else "ok"
    remedy = f"raise the hard limit to {COMFORTABLE_OPEN_FILES} (`ulimit -Hn`, limits.conf)"
    found = f"{shown[0]} (at most {shown[1]})"
    yield Finding("machine", "open files", status, found, remedy if few else "")


def _grade(value: int, fewest: int, comfortable: int) -> Status:
    return "fail" if value < fewest else "warn" if value < comfortable else "ok"
