"""One run of data-juicer's heuristic text filters: Parquet in, kept documents out, one core.

data-juicer has neither Gopher's nor C4's rules; these are its own filters of the same kind, with
their default bounds. Left out: those that need a model or lists from the network (language, stop
words, flagged words, perplexity, tokens). The operators are called batch by batch in this process,
as its executor's workers call them: its own `datasets` machinery, which starts a process per
operator, would only add to the time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from data_juicer.ops import load_ops
from data_juicer.utils.constant import Fields

ROWS_PER_BATCH = 1_000
FILTERS = (
    "alphanumeric_filter",
    "average_line_length_filter",
    "maximum_line_length_filter",
    "character_repetition_filter",
    "word_repetition_filter",
    "special_characters_filter",
    "text_length_filter",
    "words_num_filter",
)


def run(source: Path, target: Path) -> tuple[int, int]:
    """Filter one Parquet file into another. Returns documents read and kept."""
    operators = load_ops([{name: {}} for name in FILTERS])
    read, kept, writer = 0, 0, None
    for batch in pq.ParquetFile(source).iter_batches(ROWS_PER_BATCH, use_threads=False):
        rows = batch.to_pydict()
        read += batch.num_rows
        for operator in operators:
            count = len(rows["text"])
            rows[Fields.stats] = rows.get(Fields.stats) or [{} for _ in range(count)]
            rows = operator.compute_stats_batched(rows)
            keep = list(operator.process_batched(rows))
            rows = {
                name: [value for value, wanted in zip(values, keep, strict=True) if wanted]
                for name, values in rows.items()
            }
        if writer is None:
            writer = pq.ParquetWriter(target, batch.schema, compression="zstd")
        names = batch.schema.names
        writer.write_batch(
            pa.RecordBatch.from_pydict({name: rows[name] for name in names}, schema=batch.schema)
        )
        kept += len(rows["text"])
    if writer is not None:
        writer.close()
    return read, kept


def main() -> None:
    """Print what the run took, after a run over a small file that pays for what happens once."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    warm_up, source, target = map(Path, sys.argv[1:4])
    run(warm_up, target)
    wall, processor = time.perf_counter(), time.process_time()
    read, kept = run(source, target)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - processor
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "read": read, "kept": kept}))


if __name__ == "__main__":
    main()
