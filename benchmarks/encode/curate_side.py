"""The encode step as a run does it: parts of documents/ to chunks, chunks to `.bin`/`.idx`.

Usage: python curate_side.py TEXTS.parquet TOKENIZER.json FOLDER PARTS BACKEND. Prints JSON: bytes
of text and CPU seconds of every part, CPU seconds of making the token files, tokens.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.pipeline.job import JobContext
from curate.pipeline.spec.model import EngineConfig
from curate.pipeline.tokens.jobs import AssembleJob, EncodeJob, TokenPlanJob, read_plan
from curate.storage.parquet import PUBLISHED, write_parquet
from curate.storage.schema import DOCUMENT_SCHEMA
from curate.storage.store import FileRef, Store
from curate.tokenizer.encoding.control_tokens import read_vocabulary
from curate.tokenizer.encoding.encode import choose_backend
from curate.tokenizer.encoding.split import Splitting

MAX_FILE_BYTES = 8 * 2**30


def documents(table: pa.Table) -> pa.Table:
    """Rows as a run publishes them."""
    rows = table.num_rows
    columns = {
        "id": pa.array([f"texts/part.parquet#{number}" for number in range(rows)]),
        "text": table.column("text").cast(pa.large_string()),
        "source": pa.array(["texts"] * rows),
        "locator": pa.array([f"part.parquet#{number}" for number in range(rows)]),
    }
    return pa.table(
        [columns.get(field.name, pa.nulls(rows, field.type)) for field in DOCUMENT_SCHEMA],
        schema=DOCUMENT_SCHEMA,
    )


def main() -> None:
    """Measure one tokenizer on one file of texts."""
    texts, tokenizer_file, folder, parts, backend = sys.argv[1:]
    pa.set_cpu_count(1)
    engine = EngineConfig()
    store = Store(folder)
    table = documents(pq.read_table(texts, columns=["text"]))
    data = Path(tokenizer_file).read_bytes()
    tokenizer = store.publish("tokenizer/tokenizer.json", data)
    context = JobContext(store, engine, seed=17)
    chosen = choose_backend(data, backend)
    vocabulary = read_vocabulary(data).size
    size = -(-table.num_rows // int(parts))
    refs: list[tuple[FileRef, int]] = []
    for number in range(int(parts)):
        part = table.slice(number * size, size)
        path = f"documents/texts/part-{number:05d}.parquet"
        batches = part.to_batches(max_chunksize=1000)
        ref = write_parquet(
            store, path, DOCUMENT_SCHEMA, batches, engine.row_group_bytes, PUBLISHED
        )
        refs.append((ref, pc.sum(pc.binary_length(part.column("text"))).as_py()))
    del table
    splitting = Splitting.of(None, None)
    seconds, chunks, tokens = [], [], 0
    for number, (ref, _) in enumerate(refs):
        started = time.process_time()
        job = EncodeJob(
            "encode", f"{number:032x}", ref, ref.path, tokenizer, "<|endoftext|>", chosen, splitting
        )
        result = job.run(context)
        seconds.append(time.process_time() - started)
        files = {file.kind: file.ref for file in result.files}
        chunks.append((files["ids-train"], files["rows-train"]))
        tokens += sum(n for name, n in result.counts.items() if name.endswith("|tokens"))
    started = time.process_time()
    plan_job = TokenPlanJob(
        "plan", "0" * 32, "texts", tuple(rows for _, rows in chunks), vocabulary, MAX_FILE_BYTES
    )
    plan = read_plan(store.read(plan_job.run(context).files[0].ref.path))
    for number, planned in enumerate(plan):
        AssembleJob("files", f"{number:032x}", planned, tuple(chunks), vocabulary).run(context)
    assembling = time.process_time() - started
    print(
        json.dumps(
            {
                "backend": chosen,
                "bytes": [size for _, size in refs],
                "seconds": seconds,
                "assemble_seconds": assembling,
                "tokens": tokens,
            }
        )
    )


if __name__ == "__main__":
    main()
