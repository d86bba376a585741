"""What a run will cost: at a glance, or measured on a drawn share of the input.

`glance` reads the first records of some files and sends them through the per-document stages, in
seconds; what exchanges remove and what the builds cost is taken from nominal rates. `measure` runs
the whole pipeline on a share of the reading jobs in a throw-away folder. Both scale by input bytes
and count seconds of one worker.
"""

from __future__ import annotations

import resource
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from curate.errors import CurateError
from curate.pipeline.budget import input_bytes
from curate.pipeline.engine import Run
from curate.pipeline.environment import capture_environment
from curate.pipeline.exchanges.rows import first_phase
from curate.pipeline.executors.base import Done, WorkerSetup
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.glance import GLANCE_FILES, GlanceJob
from curate.pipeline.plan import Plan, PlannedStep, segment_label
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.steps import drawn_groups, group_splits
from curate.storage.store import Store

NOMINAL_SECONDS_PER_MEGABYTE = {
    "settle": 0.01,
    "lookup": 0.001,
    "documents": 0.008,
    "fates": 0.004,
    "count": 0.012,
    "tokenizer": 0.12,
    "encode": 0.06,
    "assemble": 0.01,
}
"""Steps that a glance does not run: seconds of one core per MB of text that reaches them, measured
on the example pipelines (2 cores of an EPYC, November 2026). Other steps cost next to nothing.
"""
ZSTD_SHARE = 0.4
"""Bytes of a compressed Parquet file per byte of text."""
GLANCE_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """Scaled to the whole input. rows and text_bytes reach the step. Seconds are of one worker."""

    rows: int
    text_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a run. scale: whole input over the input looked at. worker_peak_bytes: measured on a
    sample, None at a glance. kept_share: of the documents read; at a glance, before exchanges.
    """

    steps: Mapping[str, StepEstimate]
    scale: float
    worker_peak_bytes: int | None
    kept_share: float
    output_bytes: int


def glance(spec: PipelineSpec, plan: Plan) -> Estimate:
    """Estimate from the first records. Raises CurateError when a stage fails on them."""
    executor = InlineExecutor()
    with tempfile.TemporaryDirectory(prefix="curate-glance-") as folder:
        executor.start(WorkerSetup(folder, spec.engine, spec.seed, capture_environment(())))
        try:
            counts = {name: _look(executor, plan, name) for name in spec.sources}
        finally:
            executor.stop()
    whole = input_bytes(spec)
    seen = sum(found["input_bytes"] for found in counts.values())
    scales = {
        name: max(1.0, whole[name] / max(1, found["input_bytes"])) for name, found in counts.items()
    }
    limits = {
        name: min(scales[name], (spec.sources[name].limit or 2**62) / max(1, found["documents"]))
        for name, found in counts.items()
    }
    steps: dict[str, StepEstimate] = {}
    for name, found in counts.items():
        share = spec.sources[name].sample or 1.0
        _add_source(steps, plan, name, found, limits[name] * share)
    last = {name: segment_label(chain[-1]) for name, chain in plan.chains.items()}
    kept = {
        name: _scaled(steps[label], _kept(counts[name], plan, name)) for name, label in last.items()
    }
    for label, step in plan.steps.items():
        if label not in steps:
            steps[label] = _nominal(step, plan, steps, kept)
    read = sum(steps[f"{name}.read"].rows for name in counts)
    rows, text = sum(each.rows for each in kept.values()), _text(kept)
    output = int(ZSTD_SHARE * text) + (int(0.5 * text) if spec.pack is not None else 0)
    return Estimate(steps, sum(whole.values()) / max(1, seen), None, rows / max(1, read), output)


def _look(executor: InlineExecutor, plan: Plan, name: str) -> Mapping[str, int]:
    """Run the glance of one source in the worker."""
    spec = plan.spec
    source, files = spec.sources[name], spec.input_files[name]
    chosen = files[:: max(1, len(files) // GLANCE_FILES)]
    splits = tuple(
        split for file in chosen for split in source.splits(file, spec.engine.shard_input_bytes)
    )
    executor.submit(("glance", 0), GlanceJob(name, source, splits, plan.chains[name]))
    completion = executor.next(GLANCE_TIMEOUT_SECONDS)
    if completion is None:
        raise CurateError(
            f"source '{name}': looking at its first records takes more than "
            f"{GLANCE_TIMEOUT_SECONDS:.0f} s; use --sample"
        )
    if not isinstance(completion.outcome, Done):
        message = getattr(completion.outcome, "message", "") or str(completion.outcome)
        raise CurateError(f"source '{name}': looking at its first records failed: {message}")
    return completion.outcome.result.counts


def _add_source(
    steps: dict[str, StepEstimate], plan: Plan, name: str, found: Mapping[str, int], scale: float
) -> None:
    """Reading and the segments of one source."""
    steps[f"{name}.read"] = StepEstimate(
        int(found["documents"] * scale),
        int(found["text_bytes"] * scale),
        found["read_us"] * scale / 1e6,
    )
    for segment in plan.chains[name]:
        prefix = f"{segment.index}|"
        steps[segment_label(segment)] = StepEstimate(
            int(found[f"{prefix}in"] * scale),
            int(found[f"{prefix}text_bytes"] * scale),
            found[f"{prefix}us"] * scale / 1e6,
        )


def _kept(found: Mapping[str, int], plan: Plan, name: str) -> float:
    """Share of the documents of the last segment that it keeps."""
    index = plan.chains[name][-1].index
    return found[f"{index}|out"] / max(1, found[f"{index}|in"])


def _nominal(
    step: PlannedStep,
    plan: Plan,
    steps: Mapping[str, StepEstimate],
    kept: Mapping[str, StepEstimate],
) -> StepEstimate:
    """A step that the glance does not run, from what reaches it. kept: documents by source."""
    rows = text = 0
    if step.kind in ("settle", "lookup"):
        name = step.label.rpartition(".")[0]
        sources = plan.passing(name)
        entry = next(entry for entry in plan.exchanges() if entry.name == name)
        for source in sources:
            emits = next(
                segment_label(segment)
                for segment in plan.chains[source]
                if segment.exchange is not None and segment.exchange.name == name
            )
            rows += steps[emits].rows * first_phase(entry).rows_per_document
            text += steps[emits].text_bytes
    elif step.kind == "fates":
        read = {name: steps[f"{name}.read"] for name in kept}
        rows = sum(read[name].rows - kept[name].rows for name in kept)
        text = _text(read) - _text(kept)
    else:
        of = kept if step.source is None else {step.source: kept[step.source]}
        rows, text = sum(each.rows for each in of.values()), _text(of)
    seconds = NOMINAL_SECONDS_PER_MEGABYTE.get(step.kind, 0.0) * text / 1e6
    return StepEstimate(rows, text, seconds)


def _scaled(step: StepEstimate, share: float) -> StepEstimate:
    return StepEstimate(int(step.rows * share), int(step.text_bytes * share), 0.0)


def _text(steps: Mapping[str, StepEstimate]) -> int:
    return sum(step.text_bytes for step in steps.values())


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
