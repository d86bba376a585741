"""datatrove's DocumentTokenizer: Parquet in, `.ds` files out. Runs in an environment that has it.

Usage: python datatrove_side.py WARM_UP.parquet TEXTS.parquet TOKENIZER.json FOLDER. Prints JSON:
bytes, CPU seconds (after a run over the small file).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer


def run(source: Path, tokenizer: str, folder: Path) -> None:
    """Tokenize one Parquet file."""
    reader = ParquetReader(str(source.parent), glob_pattern=source.name)
    step = DocumentTokenizer(
        str(folder),
        tokenizer,
        save_filename="texts",
        eos_token="<|endoftext|>",
        shuffle_documents=False,
    )
    step.run(reader.run(), rank=0, world_size=1)


def main() -> None:
    """Measure."""
    warm_up, source, tokenizer, folder = sys.argv[1:]
    run(Path(warm_up), tokenizer, Path(folder) / "warm_up")
    started = time.process_time()
    run(Path(source), tokenizer, Path(folder) / "texts")
    seconds = time.process_time() - started
    texts = pq.read_table(source, columns=["text"]).column("text").to_pylist()
    size = sum(len(text.encode()) for text in texts)
    print(json.dumps({"bytes": size, "seconds": seconds}))


if __name__ == "__main__":
    main()
