"""Memory of training on many distinct pre-tokens: `python distinct.py FOLDER [--millions 30]`.

The pre-tokens are synthetic: every frequent lower-case word of the texts in FOLDER (see
`prepare.py`) before every other one, capitalised, as in names of programs (`" lineNumber"`), so all
are distinct and have real letters. Counts fall as 1 / rank.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import resource
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from side import batches

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.train import train


def peak_bytes() -> int:
    """Highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Make the counts, train, and print bytes and seconds."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--millions", type=float, default=30)
    arguments.add_argument("--vocabulary", type=int, default=32_000)
    given = arguments.parse_args()
    words: Counter[str] = Counter()
    for text in batches(given.folder, 2):
        for each in text.to_pylist():
            words.update(re.findall(r"[a-z]{2,12}", each))
    side = math.ceil(math.sqrt(given.millions * 1e6))
    frequent = [word for word, _ in words.most_common(side)]
    if len(frequent) < side:
        raise SystemExit(f"the texts have {len(frequent)} words, not {side}")
    capitalised = [word.capitalize() for word in frequent]
    data = bytearray()
    for word in frequent:
        data += "".join(f" {word}{other}" for other in capitalised).encode()
    lengths = np.array([len(word) for word in frequent])
    offsets = np.zeros(side * side + 1, np.int64)
    np.cumsum((lengths[:, None] + lengths[None, :] + 1).ravel(), out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    pieces = pa.LargeBinaryArray.from_buffers(pa.large_binary(), side * side, buffers)
    counts = (np.uint64(2**33) // np.arange(1, side * side + 1, dtype=np.uint64)) + np.uint64(1)
    held = offsets.nbytes + len(data) + counts.nbytes
    before = peak_bytes()
    start = time.process_time()
    trained = train(Counts(pieces, counts, 0, 0), TokenizerConfig(vocab_size=given.vocabulary))
    facts = {
        "distinct": side * side,
        "bytes per pre-token": len(data) / side**2,
        "counts, MB": held / 1e6,
        "peak before training, MB": before / 1e6,
        "peak, MB": peak_bytes() / 1e6,
        "CPU seconds": time.process_time() - start,
        "vocabulary": trained.vocabulary_size,
    }
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
