"""What a run will cost: from its input alone, or measured on a drawn share of it.

Without a sample only input bytes and formulas are known. With one, the pipeline runs on that share
of the reading jobs in a throw-away folder with one worker, and seconds, rows and bytes are scaled
by input bytes. Memory is the peak of the worker.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from curate.errors import BudgetError
from curate.pipeline.engine import Run
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.plan import Plan
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.pipeline.steps import drawn_groups, group_splits
from curate.storage.store import Store

WORKER_BASE_BYTES = 350 * 2**20
"""A worker process with Arrow, Ray and the language model loaded, before any document."""
BATCH_COPIES = 6
"""Copies of a batch's text alive at once at most (row group, filter, slices, encoder)."""
LEAST_DISK_SHARE = 0.2
"""Disk that a run needs at the very least, per input byte (compressed text of compressed input)."""


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """Scaled to the whole input. Seconds are of one worker."""

    rows: int
    text_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a run. scale: whole input over sampled input."""

    steps: Mapping[str, StepEstimate]
    scale: float
    worker_peak_bytes: int
    kept_share: float
    output_bytes: int


def input_bytes(spec: PipelineSpec) -> dict[str, int]:
    """Bytes of the input files by source."""
    return {
        name: sum(file.size_bytes for file in source.files(spec.folder))
        for name, source in spec.sources.items()
    }


def worker_memory_bytes(engine: EngineConfig) -> int:
    """Upper bound of one worker's memory, whatever the corpus: batches, a row group, the largest
    document, one merge.
    """
    document = engine.max_document_bytes
    merge = engine.exchange_fan_in * 8_192 * 48
    return (
        WORKER_BASE_BYTES
        + BATCH_COPIES * (engine.batch_bytes + engine.row_group_bytes)
        + 3 * document
        + merge
    )


def check_disk(store: Store, spec: PipelineSpec) -> None:
    """Raises BudgetError when the output disk cannot even hold a fifth of the input."""
    if not store.is_local:
        return
    needed = int(LEAST_DISK_SHARE * sum(input_bytes(spec).values()))
    folder = store.full("")
    while not _exists(folder):
        folder = folder.rpartition("/")[0] or "/"
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BudgetError(
            f"output: {spec.output}: {free / 1e9:,.1f} GB are free, this input needs at least "
            f"{needed / 1e9:,.1f} GB; "
            "free some space or choose another disk"
        )


def _exists(folder: str) -> bool:
    try:
        shutil.disk_usage(folder)
    except FileNotFoundError:
        return False
    return True


def measure(spec: PipelineSpec, plan: Plan, rate: float) -> Estimate:
    """Run a drawn share of the reading jobs with one worker and scale."""
    whole = sum(input_bytes(spec).values())
    sampled = 0
    for name, source in spec.sources.items():
        groups = group_splits(source, source.files(spec.folder), spec.engine.shard_input_bytes)
        for group in drawn_groups(groups, spec.seed, name, rate):
            sampled += sum(
                min(split.end - split.start, split.file.size_bytes) or split.file.size_bytes
                for split in group
            )
    scale = max(1.0, whole / max(1, sampled))
    collected = _Collected()
    with tempfile.TemporaryDirectory(prefix="curate-estimate-") as folder:
        trial = replace(
            spec, output=f"{folder}/run", max_bad_fraction=1.0, stages=_without_rails(spec)
        )
        record = Run(trial, InlineExecutor(), (collected,), sample_rate=rate).execute().record
        size = sum(Store(trial.output).sizes("").values())
    steps = {
        label: StepEstimate(int(rows * scale), int(text * scale), seconds * scale)
        for label, (rows, text, seconds) in collected.steps.items()
    }
    totals: Any = record["totals"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Estimate(steps, scale, peak, totals["kept"] / max(1, totals["read"]), int(size * scale))


def _without_rails(spec: PipelineSpec) -> tuple[Any, ...]:
    return tuple(replace(entry, expect_kept=None) for entry in spec.stages)


class _Collected:
    """Sums rows, text bytes and seconds per step from the events of a run."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[int, int, float]] = {}
        self._started: dict[str, float] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        label = event.get("step", "")
        rows, text, seconds = self.steps.get(label, (0, 0, 0.0))
        if event["event"] == "step_started":
            self._started[label] = event["time"]
        elif event["event"] == "shard_done":
            self.steps[label] = (rows + event["rows"], text + event["bytes"], seconds)
        elif event["event"] == "step_done":
            self.steps[label] = (rows, text, seconds + event["time"] - self._started[label])
