"""Peak memory of a worker that filters 5 GB of base shards, one after the other.

    PYTHONPATH=. python benchmarks/filters/memory.py WORK [--gigabytes 5] [--characters 200]

WORK: the folder of `run.py` (english.parquet in it). A base shard of 256 MiB of text is made of it
once and filtered as often as the size needs: what could grow with the number of shards or documents
would grow here just as well. `--characters` cuts the documents into pieces of that length, for many
documents. Prints the high-water mark of this process after 0.5, 2, and all GB.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from curate_side import base_shard, chain

from curate.pipeline.job import JobContext
from curate.pipeline.live_shard import LiveShard
from curate.pipeline.segment import SegmentJob
from curate.pipeline.spec import load
from curate.storage.store import Store

HERE = Path(__file__).resolve().parent
SHARD_BYTES = 256 << 20
MARKS_GB = (0.5, 2.0)


def high_water_mib() -> int:
    """Largest resident size of this process since the mark was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def texts(file: Path, characters: int | None) -> Iterator[str]:
    """Documents, again from the start until a shard is full."""
    size = 0
    while True:
        for batch in pq.ParquetFile(file).iter_batches(500, columns=["text"], use_threads=False):
            for text in batch.column(0).to_pylist():
                length = characters or len(text) or 1
                for start in range(0, max(len(text), 1), length):
                    piece = text[start : start + length]
                    size += len(piece.encode())
                    yield piece
                    if size >= SHARD_BYTES:
                        return


def write_shard(source: Path, target: Path, characters: int | None) -> int:
    """A file of the documents of one shard. Returns how many they are."""
    schema = pa.schema([("id", pa.string()), ("text", pa.large_string())])
    written, pending = 0, []

    def flush() -> None:
        ids = [str(written + number) for number in range(len(pending))]
        writer.write_batch(pa.record_batch([ids, pa.array(pending, pa.large_string())], schema))

    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for text in texts(source, characters):
            pending.append(text)
            if len(pending) == 2_000:
                flush()
                written += len(pending)
                pending.clear()
        flush()
    return written + len(pending)


def main() -> None:
    """Print a row of the table of README.md per mark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("work", type=Path)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--characters", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        folder = Path(name)
        documents = write_shard(
            arguments.work / "english.parquet", folder / "shard.parquet", arguments.characters
        )
        plan = chain(folder, folder / "shard.parquet", HERE / "stages.yaml")
        store = Store(str(folder / "run"))
        context = JobContext(store, load(str(folder / "pipeline.yaml")).engine, seed=17)
        base = base_shard(store, folder / "shard.parquet")
        Path("/proc/self/clear_refs").write_text("5")
        done, marks = 0.0, [*MARKS_GB, arguments.gigabytes]
        shards = 0
        while marks:
            job = SegmentJob("s", f"{shards:032x}", plan, LiveShard(base), None, 0, "all")
            for file in job.run(context).files:
                (folder / "run" / file.ref.path).unlink()
            shards, done = shards + 1, done + SHARD_BYTES / 1e9
            while marks and done >= marks[0]:
                million = documents * shards / 1e6
                print(f"| {marks.pop(0)} | {million:.2f} | {high_water_mib():,} |", flush=True)


if __name__ == "__main__":
    main()
