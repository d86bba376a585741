"""The wheel and the source distribution are whole, and they work far from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BUILT_HERE = ("tests", "build", "dist", "runs")
pytestmark = pytest.mark.timeout(900)  # the kernels are compiled once, from nothing


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run without the repository on the import path."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command,
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def build(tree: Path, hook: str, target: Path) -> Path:
    """Call a hook of the build backend on `tree` with the packages of this environment."""
    target.mkdir()
    code = (
        "import sys; from setuptools import build_meta; "
        f"print('BUILT', build_meta.{hook}(sys.argv[1]), sep='=')"
    )
    done = run(sys.executable, "-c", code, str(target), cwd=tree, CURATE_BUILD_JOBS="2")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    name = done.stdout.rsplit("BUILT=", 1)[1].strip()
    return target / name


@pytest.fixture(scope="module")
def checkout(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with its links and no build output, as a fresh clone has it.

    The language model is copied along: its build requirement is not part of a test environment.
    """
    pytest.importorskip("pybind11", reason="the build requirements come with the extra `dev`")
    tree = tmp_path_factory.mktemp("checkout") / "curate"
    unwanted = shutil.ignore_patterns(".*", "*.so", "__pycache__", "*.egg-info", *BUILT_HERE)
    shutil.copytree(repository, tree, symlinks=True, ignore=unwanted)
    (tree / "tests").mkdir()
    assert (tree / "models" / "data" / "lid.176.ftz").is_file()
    return tree


@pytest.fixture(scope="module")
def source_distribution(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "build_sdist", tmp_path_factory.mktemp("sdist") / "out")


@pytest.fixture(scope="module")
def unpacked(source_distribution: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(source_distribution) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution: both must be whole for that."""
    return build(unpacked, "build_wheel", tmp_path_factory.mktemp("wheel") / "out")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel; the dependencies come from this environment."""
    target = tmp_path_factory.mktemp("installed")
    command = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet")
    done = run(*command, "--target", str(target), str(wheel), cwd=target)
    assert done.returncode == 0, done.stderr
    return target


def python_files(repository: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """Paths below `curate/` of every module, as they should be in the wheel.

    `kernels/native/` holds C++ and the scripts that write its tables; it is no package.
    """
    for folder in (*rooms, "cli"):
        root = repository / "curate" / folder
        for path in root.resolve().rglob("*.py"):
            if "native" in path.parts:
                continue
            yield f"curate/{folder}/{path.relative_to(root.resolve())}"
    yield from (f"curate/{path.name}" for path in (repository / "curate").glob("*.py"))


def data_files(repository: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """Templates of the commands and of the report, recipes and tables, as they should be in the
    wheel.
    """
    for folder in (*rooms, "cli"):
        root = (repository / "curate" / folder).resolve()
        for path in {*root.rglob("templates/*"), *root.rglob("*.yaml")}:
            yield f"curate/{folder}/{path.relative_to(root)}"


def test_the_wheel_holds_every_module_and_the_model(
    wheel: Path, checkout: Path, rooms: tuple[str, ...]
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(python_files(checkout, rooms)) <= names
    templates = set(data_files(checkout, rooms))
    assert {"curate/dashboards/templates/report.html", "curate/recipes/gopher.yaml"} <= templates
    assert templates <= names
    assert {"curate/py.typed", "curate/models/data/lid.176.ftz"} <= names
    assert "curate/models/data/NOTICE.md" in names
    assert any(name.startswith("curate/kernels/_native.") for name in names)
    outside = {name for name in names if not name.startswith(("curate/", "curate-"))}
    assert not outside, "a bare room would shadow a folder of the user"


def test_every_module_of_the_wheel_imports_far_from_the_tree(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import importlib, pkgutil, sys, curate\n"
        "found = [module.name for module in pkgutil.walk_packages(curate.__path__, 'curate.')]\n"
        "for name in found:\n"
        "    if not name.endswith('__main__'): importlib.import_module(name)\n"
        "from curate.stages.language import Language\n"
        "from curate.kernels import build_digest\n"
        "import curate.pipeline, curate.stages, curate.tokenizer, curate.dashboards\n"
        "Language(keep=['en']).models(); build_digest()\n"
        "print(len(found), curate.__file__)\n"
    )
    done = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.returncode == 0, done.stderr
    count, origin = done.stdout.split()
    assert int(count) > 20
    assert Path(origin).is_relative_to(installed)


def test_the_command_of_the_wheel_runs(installed: Path, tmp_path: Path) -> None:
    script = installed / "bin" / "curate"
    done = run(sys.executable, str(script), "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.stdout.startswith("curate "), done.stderr


def test_the_build_stops_where_the_links_are_missing(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybind11", reason="the build requirements come with the extra `dev`")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copyfile(repository / name, tmp_path / name)
    (tmp_path / "curate").mkdir()
    (tmp_path / "curate" / "stages").write_text("../stages")
    done = run(sys.executable, "setup.py", "--name", cwd=tmp_path)
    assert done.returncode != 0
    assert "curate/stages/base.py cannot be read" in done.stderr


def test_the_type_checker_sees_through_the_links(checkout: Path) -> None:
    planted = checkout / "stages" / "planted.py"
    planted.write_text('"""Planted."""\n\nnumber: int = "text"\n')
    try:
        command = (sys.executable, "-m", "mypy", "--strict", "--follow-imports=skip")
        done = run(*command, "-p", "curate", cwd=checkout)
    finally:
        planted.unlink()
    assert done.returncode == 1
    assert "curate/stages/planted.py:3: error: Incompatible types" in done.stdout
