"""Edited texts as Arrow batches: `text` and what was done to it, one row per document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

CHARACTERS_BEFORE = pa.field("characters_before", pa.int64(), nullable=False)
"""Closes the counts of every editor: code points before the edit."""


def count_fields(*names: str) -> pa.Schema:
    """The counts of an editor: int64, never null, `characters_before` last."""
    fields = [pa.field(name, pa.int64(), nullable=False) for name in names]
    return pa.schema([*fields, CHARACTERS_BEFORE])


def edited_batch(
    before: pa.LargeStringArray,
    edited: tuple[np.ndarray, np.ndarray, np.ndarray],
    counts: pa.Schema,
) -> pa.RecordBatch:
    """What an editing kernel returned (offsets, bytes, counts[kinds, rows]) as `text` and `counts`.

    Where it counted no edit at all, `before` goes on without a copy.
    """
    offsets, data, counted = edited
    text = before
    if counted[:-1].any():
        text = pa.LargeStringArray.from_buffers(
            len(before), pa.py_buffer(offsets), pa.py_buffer(data)
        )
    return as_batch(text, list(counted), counts)


def as_batch(text: pa.Array, counted: Sequence[np.ndarray], counts: pa.Schema) -> pa.RecordBatch:
    """`text`, then one column per field of `counts`."""
    schema = pa.schema([pa.field("text", pa.large_string()), *counts])
    columns = [text.cast(pa.large_string()), *(pa.array(column) for column in counted)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
