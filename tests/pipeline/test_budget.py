"""A run that cannot fit is refused before it writes anything."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from curate.errors import BudgetError
from curate.pipeline.budget import check_disk, input_bytes, worker_memory_bytes
from curate.pipeline.spec import load
from curate.pipeline.spec.model import EngineConfig
from curate.storage.store import Store


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_disk_below_a_fifth_of_the_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_bytes(b"word " * 200_000)
    (tmp_path / "pipeline.yaml").write_text(
        "name: full\noutput: out/run\nsources: {a: {format: text, paths: [text.txt]}}\nstages: []\n"
    )
    spec = load(str(tmp_path / "pipeline.yaml"))
    assert input_bytes(spec) == {"a": 1_000_000}
    store = Store(spec.output)
    check_disk(store, spec)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(BudgetError, match="needs at least"):
        check_disk(store, spec)
    assert not (tmp_path / "out").exists()


def test_the_memory_bound_depends_on_sizes_only() -> None:
    small = worker_memory_bytes(EngineConfig(batch_bytes=2**20, max_document_bytes=2**20))
    assert small < worker_memory_bytes(EngineConfig()) < 2 * 2**30
