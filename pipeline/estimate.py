"""What a run will cost: from its input alone, or measured on a drawn share of it.

Without a sample only input bytes and formulas are known. With one, the pipeline runs on that share
of the reading jobs in a throw-away folder with one worker, and seconds, rows and bytes are scaled
by input bytes. Memory is the peak of the worker.
"""

from __future__ import annotations

import resource
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from curate.pipeline.budget import input_bytes
from curate.pipeline.engine import Run
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.plan import Plan
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.steps import drawn_groups, group_splits
from curate.storage.store import Store


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


def measure(spec: PipelineSpec, plan: Plan, rate: float) -> Estimate:
    """Run a drawn share of the reading jobs with one worker and scale."""
    whole = sum(input_bytes(spec).values())
    sampled = 0.0
    for name, source in spec.sources.items():
        groups = group_splits(source, spec.input_files[name], spec.engine.shard_input_bytes)
        parts = Counter(split.file.path for group in groups for split in group)
        for group in drawn_groups(groups, spec.seed, name, rate):
            sampled += sum(split.file.size_bytes / parts[split.file.path] for split in group)
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
    """Sums rows, text bytes and seconds per step from the events of a run with one worker: the time
    since the event before belongs to the shard that is done.
    """

    def __init__(self) -> None:
        self.steps: dict[str, tuple[int, int, float]] = {}
        self._before = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "shard_done":
            rows, text, seconds = self.steps.get(event["step"], (0, 0, 0.0))
            seconds += event["time"] - self._before
            self.steps[event["step"]] = (rows + event["rows"], text + event["bytes"], seconds)
        self._before = event["time"]
