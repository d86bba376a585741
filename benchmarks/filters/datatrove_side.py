"""One run of datatrove's FineWeb chain: Parquet in, kept documents out, one core."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter


def run(source: Path, target: Path) -> int:
    """Filter one Parquet file into another, as examples/fineweb.py does. Returns documents kept."""
    documents = ParquetReader(str(source.parent), glob_pattern=source.name).run()
    for stage in (
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ):
        documents = stage.run(documents)
    writer = ParquetWriter(str(target.parent), output_filename=target.name, compression="zstd")
    return sum(1 for _ in writer.run(documents))


def main() -> None:
    """Print what the run took, after a run over a small file that pays for what happens once."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    warm_up, source, target = map(Path, sys.argv[1:4])
    run(warm_up, target)
    wall, processor = time.perf_counter(), time.process_time()
    kept = run(source, target)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - processor
    read = pq.ParquetFile(source).metadata.num_rows
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "read": read, "kept": kept}))


if __name__ == "__main__":
    main()
