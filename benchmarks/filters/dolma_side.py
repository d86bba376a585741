"""One run of dolma's Gopher and C4 taggers: Parquet in, documents with attributes out, one core.

Tagging only: dolma's mixer, which reads the attributes and drops documents, would come on top; so
nothing is dropped here and `kept` is what was read.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dolma.core.data_types import InputSpec
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTaggerV2


def run(source: Path, target: Path) -> int:
    """Tag one Parquet file into another. Returns documents written."""
    taggers = (GopherTaggerV2(), FasterC4Tagger())
    written, writer = 0, None
    for batch in pq.ParquetFile(source).iter_batches(1_000, use_threads=False):
        rows = [InputSpec(id=row["id"], text=row["text"]) for row in batch.to_pylist()]
        attributes = [
            json.dumps(
                {name: spans for tagger in taggers for name, spans in tagger.tag(row).items()}
            )
            for row in rows
        ]
        tagged = batch.append_column("attributes", pa.array(attributes, pa.string()))
        if writer is None:
            writer = pq.ParquetWriter(target, tagged.schema, compression="zstd")
        writer.write_batch(tagged)
        written += tagged.num_rows
    if writer is not None:
        writer.close()
    return written


def main() -> None:
    """Print what the run took, after a run over a small file that pays for what happens once."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    warm_up, source, target = map(Path, sys.argv[1:4])
    run(warm_up, target)
    wall, processor = time.perf_counter(), time.process_time()
    kept = run(source, target)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - processor
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "read": kept, "kept": kept}))


if __name__ == "__main__":
    main()
