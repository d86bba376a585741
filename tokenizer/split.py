"""The split of a document: a draw on its key, so it never depends on order, shards or workers.

The key is the document's id, or the id of its duplicate cluster where the chain found clusters, so
that near-duplicates never stand on both sides. The draw is compared as an integer; no float
decides. Cost: one 64-bit hash per document.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.kernels.draw import Purpose, draw_many, selected

TRAIN = "train"
VALIDATION = "validation"
SPLITS = (TRAIN, VALIDATION)


def split_of(keys: pa.Array, seed: int, validation_fraction: float) -> pa.Array:
    """The split of each document: n keys (string, no nulls) in, n strings `train` or `validation`
    out.

    Raises ValueError for nulls, a seed outside 64 bits or a fraction outside 0 to 1.
    """
    drawn = selected(draw_many(seed, Purpose.SPLIT, keys), validation_fraction)
    return pa.DictionaryArray.from_arrays(drawn.astype(np.int8), list(SPLITS)).cast(pa.string())
