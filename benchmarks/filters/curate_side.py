"""One run of curate's FineWeb chain: Parquet in, kept and removed documents out, one core.

Runs the engine's own job (`SegmentJob`: a base shard in, kept rows with all signals and fates out)
in this process. `kernel_seconds` is what its annotators and editors took of it, on the documents
that reached them.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.pipeline import operations
from curate.pipeline.chain import SegmentPlan, compile_chain
from curate.pipeline.dag import resolve
from curate.pipeline.job import JobContext
from curate.pipeline.live_shard import LiveShard
from curate.pipeline.segment import SegmentJob
from curate.pipeline.spec import load
from curate.storage.parquet import EXTRACTED, write_parquet
from curate.storage.schema import DOCUMENT_FIELDS, ROW_FIELD
from curate.storage.store import FileRef, Store

PIPELINE = """\
name: filters
output: {folder}/run
sources: {{a: {{format: parquet, paths: [{file}]}}}}
stages:
{stages}
"""


class Clock:
    """Adds up the CPU time of the calls it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, on this clock."""

        def call(*arguments: Any) -> Any:
            start = time.process_time()
            try:
                return work(*arguments)
            finally:
                self.seconds += time.process_time() - start

        return call


def chain(folder: Path, file: Path, stages: Path) -> SegmentPlan:
    """The stages of the benchmark as one segment."""
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(PIPELINE.format(folder=folder, file=file, stages=stages.read_text()))
    spec = load(str(pipeline))
    (segment,) = compile_chain("a", resolve(spec.stages, ["a"]).chains["a"])
    return segment


def base_shard(store: Store, file: Path) -> FileRef:
    """The documents as reading leaves them."""
    schema = pa.schema([*DOCUMENT_FIELDS, ROW_FIELD])

    def batches() -> Iterator[pa.RecordBatch]:
        row = 0
        for batch in pq.ParquetFile(file).iter_batches(2_000, use_threads=False):
            count = batch.num_rows
            columns = {field.name: pa.nulls(count, field.type) for field in schema}
            columns["id"] = columns["locator"] = batch.column("id").cast(pa.string())
            columns["text"] = batch.column("text").cast(pa.large_string())
            columns["source"] = pa.array(["a"] * count)
            columns["row"] = pa.array(range(row, row + count), pa.uint32())
            row += count
            yield pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema)

    return write_parquet(store, f"{file.stem}.parquet", schema, batches(), 16 << 20, EXTRACTED)


def main() -> None:
    """Print the median of the passes, after one over a small file."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    warm_up, source, target = map(Path, sys.argv[1:4])
    stages, passes = Path(sys.argv[4]), int(sys.argv[5])
    target.parent.mkdir(exist_ok=True)
    clock = Clock()
    operations.annotate = clock.timed(operations.annotate)
    operations.edit = clock.timed(operations.edit)
    results = []
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        plan = chain(folder, source, stages)
        store = Store(str(folder / "run"))
        context = JobContext(store, load(str(folder / "pipeline.yaml")).engine, seed=17)
        shards = [base_shard(store, warm_up), base_shard(store, source)]
        for number in range(passes + 1):
            base = shards[min(number, 1)]
            job = SegmentJob(f"s{number}", "0" * 32, plan, LiveShard(base), None, 0, "sample")
            clock.seconds = 0.0
            wall, processor = time.perf_counter(), time.process_time()
            done = job.run(context)
            results.append(
                {
                    "seconds": time.perf_counter() - wall,
                    "cpu_seconds": time.process_time() - processor,
                    "kernel_seconds": clock.seconds,
                    "read": done.counts["segment|in"],
                    "kept": done.counts["segment|out"],
                }
            )
    timed = results[1:]
    print(json.dumps({key: statistics.median(run[key] for run in timed) for key in timed[0]}))


if __name__ == "__main__":
    main()
