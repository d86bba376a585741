"""One run of curate's gopher_quality: Parquet in, kept documents with all signals out, one core."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.stages.quality.gopher import GopherQuality
from curate.stages.rules import evaluate

ROWS_PER_BATCH = 1_000
PASSES = 9


def filtered(batch: pa.RecordBatch, stage: GopherQuality) -> pa.RecordBatch:
    """The kept rows of a batch, with their signals."""
    text = batch.column("text").cast(pa.large_string())
    columns = {"id": batch.column("id"), "text": text}
    measured = pa.RecordBatch.from_pydict(columns)
    for annotator in stage.annotators():
        signals = annotator.annotate(measured.select(["text"]))
        for name in signals.schema.names:
            columns[f"{annotator.name}.{name}"] = signals.column(name)
    measured = pa.RecordBatch.from_pydict(columns)
    return measured.filter(pa.array(evaluate(stage.rules(), measured).first_broken() < 0))


def run(source: Path, target: Path) -> tuple[int, int]:
    """Filter one Parquet file into another. Returns documents read and kept."""
    stage, writer, read, kept = GopherQuality(), None, 0, 0
    for batch in pq.ParquetFile(source).iter_batches(ROWS_PER_BATCH, use_threads=False):
        result = filtered(batch, stage)
        if writer is None:
            writer = pq.ParquetWriter(
                target, result.schema, use_dictionary=False, compression="zstd"
            )
        writer.write_batch(result)
        read, kept = read + batch.num_rows, kept + result.num_rows
    assert writer is not None
    writer.close()
    return read, kept


def main() -> None:
    """Print the median pass of `PASSES`, after a pass over a small file that pays for what happens
    once: one pass is too short to be timed on a busy machine."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    warm_up, source, target = map(Path, sys.argv[1:4])
    run(warm_up, target)
    walls, processors = [], []
    for _ in range(PASSES):
        wall, processor = time.perf_counter(), time.process_time()
        read, kept = run(source, target)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    seconds, cpu_seconds = statistics.median(walls), statistics.median(processors)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "read": read, "kept": kept}))


if __name__ == "__main__":
    main()
