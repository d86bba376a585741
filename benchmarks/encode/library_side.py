"""The bare library `tokenizers`: `encode_batch_fast` on texts in memory, ids not even looked at.

Usage: python library_side.py TEXTS.parquet TOKENIZER.json. Prints JSON: bytes, CPU seconds (after a
first tenth of the texts).
"""

from __future__ import annotations

import json
import sys
import time

import pyarrow.parquet as pq
from tokenizers import Tokenizer

BATCH = 500


def main() -> None:
    """Measure."""
    texts = pq.read_table(sys.argv[1], columns=["text"]).column("text").to_pylist()
    tokenizer = Tokenizer.from_file(sys.argv[2])
    tokenizer.encode_special_tokens = True
    first = len(texts) // 10
    tokenizer.encode_batch_fast(texts[:first], add_special_tokens=False)
    started = time.process_time()
    for start in range(first, len(texts), BATCH):
        tokenizer.encode_batch_fast(texts[start : start + BATCH], add_special_tokens=False)
    seconds = time.process_time() - started
    size = sum(len(text.encode()) for text in texts[first:])
    print(json.dumps({"bytes": size, "seconds": seconds}))


if __name__ == "__main__":
    main()
