"""Documents of a run with their split, as the steps after `documents/` read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from curate.storage.parquet import cut_by_bytes, read_batches
from curate.storage.store import FileRef, Store
from curate.tokenizer.encoding.split import Splitting

COLUMNS = ("id", "text", "source")

SPLIT = "split"


def documents(
    store: Store,
    ref: FileRef,
    batch_bytes: int,
    splitting: Splitting,
    seed: int,
    columns: Sequence[str] = COLUMNS,
) -> Iterator[pa.RecordBatch]:
    """id, text, source (or other columns) and `SPLIT` of one part of `documents/` (of one source),
    in batches bounded by bytes.
    """
    for batch in read_batches(store, ref, sorted({*COLUMNS, *columns, *splitting.columns()})):
        splits = splitting.split(batch, batch.column("source")[0].as_py(), seed)
        yield from cut_by_bytes(
            batch.select(list(columns)).append_column(SPLIT, splits), batch_bytes
        )
