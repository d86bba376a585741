"""The rooms look only down, and chance and second copies of modules stay out."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ORDER = (
    "storage",
    "kernels",
    "models",
    "stages",
    "tokenizer",
    "pretrain",
    "recipes",
    "pipeline",
    "dashboards",
    "cli",
)
"""Lowest first. A room imports itself and rooms before it; `curate.errors` is for all."""

FREE = ("errors",)


def room_files(repository: Path, room: str) -> list[Path]:
    folder = repository / "curate" / "cli" if room == "cli" else repository / room
    return sorted(folder.rglob("*.py"))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a file imports; `from a import b` yields `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write curate.<room>"
            module = node.module or ""
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def test_every_room_has_a_place_in_the_order(rooms: tuple[str, ...]) -> None:
    assert set(rooms) <= set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_rooms_below_it(repository: Path, room: str) -> None:
    below = {*ORDER[: ORDER.index(room) + 1], *FREE}
    wrong = []
    for path in room_files(repository, room):
        for line, module in imported_modules(path):
            parts = module.split(".")
            target = parts[1] if parts[0] == "curate" and len(parts) > 1 else None
            if target in ORDER and target not in below:
                wrong.append(f"{path.relative_to(repository)}:{line}: {module}")
    assert not wrong


def test_no_file_imports_a_room_by_its_bare_name(repository: Path, rooms: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(repository)}:{line}: {module}"
        for folder in (*ORDER, "tests", "benchmarks")
        for path in room_files(repository, folder)
        for line, module in imported_modules(path)
        if module.partition(".")[0] in rooms
    ]
    assert not wrong


def test_stages_know_nothing_of_ray_or_yaml(repository: Path) -> None:
    strangers = {"ray", "yaml", "typer", "rich"}
    for room in ("storage", "kernels", "models", "stages", "tokenizer"):
        for path in room_files(repository, room):
            found = {module.partition(".")[0] for _, module in imported_modules(path)}
            assert not found & strangers, path


def test_the_data_path_never_calls_hash(repository: Path) -> None:
    """`hash()` of a string differs between processes; `__hash__` methods are no calls."""
    wrong = [
        f"{path.relative_to(repository)}:{node.lineno}"
        for room in ORDER
        for path in room_files(repository, room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash"
    ]
    assert not wrong


def declared_distributions(repository: Path, *extras: str) -> set[str]:
    """Normalised names of what `curate[extras]` requires directly."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (ORDER, ("s3", "gcs", "trafilatura", "justext", "datatrove-words", "train", "embeddings")),
        (
            ("tests", "benchmarks"),
            ("dev", "s3", "trafilatura", "justext", "datatrove-words", "train", "embeddings"),
        ),
    ],
)
def test_every_imported_distribution_is_declared(
    repository: Path, folders: tuple[str, ...], extras: tuple[str, ...]
) -> None:
    """The scripts beside the C++ that write its tables are for maintainers, those that make golden
    figures run in a peer's environment; they are left out.
    """
    installed = metadata.packages_distributions()
    declared = declared_distributions(repository, *extras)
    wrong = set()
    for folder in folders:
        for path in room_files(repository, folder):
            if "native" in path.parts or path.name == "make_golden.py":
                continue
            for line, module in imported_modules(path):
                top = module.partition(".")[0]
                owners = {canonicalize_name(name) for name in installed.get(top, ())}
                if owners and top != "curate" and not owners & declared:
                    wrong.add(f"{path.relative_to(repository)}:{line}: {top} ({owners})")
    assert not wrong


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import random\n", "TID251"),
        ("from random import shuffle\n", "TID251"),
        ("import numpy as np\n\nprint(np.random.default_rng(1))\n", "TID251"),
        ("import stages\n", "TID251"),
        ("from pipeline.run_folder import RunFolder\n", "TID251"),
    ],
)
def test_ruff_refuses_chance_and_bare_rooms_on_the_data_path(
    repository: Path, code: str, rule: str
) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise"]
    result = subprocess.run(
        [*command, "--stdin-filename", str(repository / "stages" / "planted.py"), "-"],
        input=f'"""Planted."""\n\n{code}',
        capture_output=True,
        text=True,
        check=False,
    )
    assert rule in result.stdout, result.stdout + result.stderr


def test_tests_may_use_chance_but_no_bare_rooms(repository: Path) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise"]
    result = subprocess.run(
        [*command, "--stdin-filename", str(repository / "tests" / "planted.py"), "-"],
        input="import random\n\nimport stages\n\nprint(random, stages)\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.count("TID251") == 1, result.stdout


def test_importing_the_package_brings_no_bare_room(
    repository: Path, rooms: tuple[str, ...]
) -> None:
    code = (
        "import sys, curate.stages.base, curate.storage.schema\n"
        f"sys.exit(bool(set({rooms!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, check=False)
    assert done.returncode == 0
