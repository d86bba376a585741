"""Crashes and lost machines that end, and a job that always dies."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa

from curate.pipeline.job import Decision, JobContext, JobResult
from curate.stages.base import Annotator

MARK = "please fail here"


class FailsAtFirst(Annotator):
    """Measures `length`. On a document with `MARK` it appends a line to `attempts` and fails as
    long as that file is short.

    how: `exit` ends the process; `linger` writes the Ray node's id into `attempts` and waits for
    the machine's death.
    """

    name: ClassVar[str] = "fails_at_first"

    attempts: str
    times: int = 1
    how: Literal["exit", "linger"] = "exit"

    def signals(self) -> tuple[pa.Field, ...]:
        return (pa.field("length", pa.int64()),)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = [text.as_py() for text in batch.column("text")]
        if any(MARK in text for text in texts):
            self._fail()
        return pa.RecordBatch.from_arrays(
            [pa.array([len(text) for text in texts], pa.int64())], names=["length"]
        )

    def _fail(self) -> None:
        path = Path(self.attempts)
        before = path.read_text().splitlines() if path.exists() else []
        if len(before) >= self.times:
            return
        with path.open("a") as file:
            file.write(f"{_ray_node() if self.how == 'linger' else os.getpid()}\n")
        if self.how == "linger":
            time.sleep(120)
        os._exit(3)


@dataclass(frozen=True)
class Deadly:
    """A job about no document in particular, as those that settle; it ends its process."""

    step: str
    key: str

    def run(self, context: JobContext) -> JobResult:
        context.watch.begin("partition 3", "deadly")
        os._exit(3)


@dataclass(frozen=True)
class Heedless(Deadly):
    """It says that it leaves documents out, and does not."""

    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class DiesLater(Deadly):
    """It dies when its last document is done."""

    decisions: tuple[Decision, ...] = ()

    def run(self, context: JobContext) -> JobResult:
        context.watch.begin("web/a#0", "deadly")
        context.watch.end()
        os._exit(3)


def _ray_node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())
