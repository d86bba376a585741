"""`python fake_shards.py FOLDER SHARDS`: plan and load a run of that many shards whose ledgers are
made up; prints JSON figures.

The reading step and the first segment of one source have a commit per shard, as a real run would
have written them. Measured is what a second start of the driver does before any work: keys of all
jobs, the ledgers, the table of shards.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import orjson

from curate.pipeline.chain import SegmentPlan
from curate.pipeline.driver import PlanningDriver, Step
from curate.pipeline.events import SilentEvents
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.plan import build_plan
from curate.pipeline.spec.model import (
    EngineConfig,
    PipelineSpec,
    RemovedConfig,
    ReportConfig,
    StageEntry,
)
from curate.pipeline.steps import StepFactory
from curate.stages.dedup.exact import ExactDedup
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.base import (
    BadRecord,
    Caps,
    InputFile,
    InputSplit,
    Record,
    Skipped,
    Source,
)
from curate.storage.store import Store

SHARD_BYTES = 256 * 2**20


class FakeFiles(Source):
    """Files that are not there."""

    format: ClassVar[str] = "fake"
    count: int

    def files(self, folder: str) -> list[InputFile]:
        return [
            InputFile(
                f"crawl/{n:08d}.warc.gz", f"s3://b/crawl/{n:08d}.warc.gz", SHARD_BYTES, f"{n:x}"
            )
            for n in range(self.count)
        ]

    def splits(self, file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
        return [InputSplit(file, 0, file.size_bytes)]

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        raise NotImplementedError("nothing is read here")


def pipeline(folder: Path, count: int) -> PipelineSpec:
    stages = (
        StageEntry("gopher_quality", GopherQuality(), ("web",)),
        StageEntry("exact_dedup", ExactDedup(), ("gopher_quality",)),
    )
    return PipelineSpec(
        name="scale",
        output=str(folder),
        seed=1,
        sources={"web": FakeFiles(count=count)},
        stages=stages,
        tokenizer=None,
        pack=None,
        engine=EngineConfig(),
        removed=RemovedConfig(),
        report=ReportConfig(),
        max_bad_fraction=0.01,
        keep_intermediates="extracted",
        path="",
        folder=str(folder),
        text="",
    )


def write_ledger(store: Store, step: Step, kinds: tuple[str, ...]) -> None:
    """One commit per job of `step`, as the driver writes them."""
    path = Path(store.full(f"steps/{step.name}/ledger.jsonl"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for index in range(step.jobs):
            files = [
                [kind, 0, 10**8 + index, index * 2**40 + 12_345, 50_000 + index % 7, 2 * 10**8]
                for kind in kinds
            ]
            counts = {
                "read|documents": 50_000,
                "stage|gopher_quality|read": 50_000,
                "segment|out": 40_000,
            }
            file.write(
                orjson.dumps({"key": step.make(index).key, "files": files, "counts": counts})
                + b"\n"
            )


def peak_kibibytes() -> int:
    """Largest resident size of this process; `getrusage` would count the parent's before exec."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


class Factory:
    """The steps of one start; `write` makes up their ledgers first."""

    def __init__(self, spec: PipelineSpec, store: Store, write: bool) -> None:
        self.store, self.write, self.spec = store, write, spec
        self.plan = build_plan(spec)
        self.driver = PlanningDriver(
            store, SimulatedExecutor(), SilentEvents(store), lambda name: None
        )
        self.steps = StepFactory(self.plan, self.driver, "all")
        self.seconds: dict[str, float] = {}
        self.retained: dict[str, int] = {}

    def timed(self, name: str, work: Any) -> Any:
        started, before = time.monotonic(), tracemalloc.get_traced_memory()[0]
        result = work()
        self.seconds[name] = round(time.monotonic() - started, 2)
        self.retained[name] = tracemalloc.get_traced_memory()[0] - before
        return result

    def load(self, name: str, step: Step, kinds: tuple[str, ...]) -> None:
        if self.write:
            write_ledger(self.store, step, kinds)
        self.timed(name, lambda: self.driver.run([step]))
        assert step.records.done.all()

    def run(self) -> None:
        (source,) = self.spec.sources.values()
        files = self.timed("files", lambda: source.files(""))
        read = self.timed("read step", lambda: self.steps.read("web", source, files))
        self.load("read ledger", read, ("rows", "fates"))
        self.timed("shards", self.steps.finish_reading)
        segment: SegmentPlan = self.plan.chains["web"][0]
        step = self.steps.segment(segment)
        self.load("segment ledger", step, ("sidecar", "exchange", "fates"))
        self.steps.finish_segment(segment, step)
        assert len(self.steps.shards("web")) == len(files)


def main(folder: str, shards: int, trace: bool) -> None:
    store = Store(folder)
    spec = pipeline(Path(folder), shards)
    if not Path(folder, "steps").exists():
        Factory(spec, store, write=True).run()
        return
    if trace:
        tracemalloc.start()
    factory = Factory(spec, store, write=False)
    started = time.process_time()
    factory.run()
    figures = {
        "cpu_seconds": round(time.process_time() - started, 1),
        "by_part_s": factory.seconds,
        "peak_rss_mib": peak_kibibytes() // 1024,
        "retained_bytes_per_shard": {
            name: round(size / shards, 1) for name, size in factory.retained.items()
        },
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["trace"])
