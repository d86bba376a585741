"""Parquet with the same bytes for the same rows, however they arrived in batches.

Row groups are cut by cumulative text bytes of rows, each combined into one chunk and written by one
call; a fixed codec, page checksums on, no pandas metadata, no statistics that depend on
threads. Reads verify page checksums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.storage.store import DamagedFile, FileRef, Store


class Compression(NamedTuple):
    """Codec and level of a file's pages."""

    codec: str
    level: int | None


PASSING = Compression("lz4", None)
"""Of intermediate files, written once, read once or twice and then removed: 1.6 times as fast to
write and twice as fast to read as zstd 1, two fifths larger.
"""
EXTRACTED = Compression("zstd", 1)
"""Of what reading leaves, which usually stays in `steps/`: written twice as fast as with level 3,
12 % larger.
"""
PUBLISHED = Compression("zstd", 3)
"""Of files that stay."""


class ParquetWriter:
    """Collects batches of one schema and writes row groups of about `row_group_bytes` of text."""

    def __init__(
        self,
        file: Any,
        schema: pa.Schema,
        row_group_bytes: int,
        compression: Compression = PASSING,
    ) -> None:
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression=compression.codec,
            compression_level=compression.level,
            version="2.6",
            data_page_version="1.0",
            write_page_checksum=True,
            store_schema=True,
            use_dictionary=[
                field.name
                for field in schema
                if field.name in ("source", "language", "stage", "rule", "signal")
            ],
            write_statistics=True,
        )
        self._schema = schema
        self._row_group_bytes = row_group_bytes
        self._weight = "text" if "text" in schema.names else None
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; a row group ends with the row that reaches the size, wherever the batch was
        cut.
        """
        self.rows += batch.num_rows
        start = 0
        sizes = np.cumsum(self._sizes(batch))
        while start < batch.num_rows:
            done = int(sizes[start - 1]) if start else 0
            needed = self._row_group_bytes - self._pending_bytes
            end = int(np.searchsorted(sizes, done + needed, side="left")) + 1
            end = min(end, batch.num_rows)
            self._pending.append(batch.slice(start, end - start))
            self._pending_bytes += int(sizes[end - 1]) - done
            start = end
            if self._pending_bytes >= self._row_group_bytes:
                self._flush()

    def _sizes(self, batch: pa.RecordBatch) -> np.ndarray:
        """Bytes per row: the weight column plus 64 for the rest."""
        if self._weight is None:
            return np.full(batch.num_rows, 64, dtype=np.int64)
        lengths = pc.fill_null(pc.binary_length(batch.column(self._weight)), 0)
        result: np.ndarray = lengths.to_numpy(zero_copy_only=False).astype(np.int64) + 64
        return result

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, self._schema).combine_chunks()
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
            self._pending, self._pending_bytes = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


def write_parquet(
    store: Store,
    path: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch] | Sequence[pa.RecordBatch],
    row_group_bytes: int,
    compression: Compression = PASSING,
) -> FileRef:
    """Publish `batches` as one Parquet file."""
    with store.create(path) as file:
        writer = ParquetWriter(file, schema, row_group_bytes, compression)
        for batch in batches:
            writer.write(batch)
        writer.close()
    return file.ref(writer.rows)


def read_batches(
    store: Store, ref: FileRef, columns: Sequence[str] | None = None, rows: int = 65_536
) -> Iterator[pa.RecordBatch]:
    """Batches of a published file in order, one row group in memory. Raises DamagedFile.

    A local file is hashed whole before (8 GB/s, and the second reading comes from memory). Of a
    remote one the pages are checked, which leaves out headers and footer: an object store checks
    what it sends by itself.
    """
    if store.is_local:
        store.verify(ref)
    try:
        # Arrow reads a local file by itself, without an object of Python for every piece.
        with pa.OSFile(store.full(ref.path)) if store.is_local else store.open(ref.path) as file:
            if file.seek(0, 2) != ref.size_bytes:
                raise DamagedFile(ref.path, f"{file.tell()} bytes, recorded were {ref.size_bytes}")
            file.seek(0)
            checked = not store.is_local
            with pq.ParquetFile(
                file, page_checksum_verification=checked, pre_buffer=False
            ) as parquet:
                total = 0
                chosen = None if columns is None else list(columns)
                if chosen and (absent := set(chosen).difference(parquet.schema_arrow.names)):
                    raise DamagedFile(ref.path, f"columns {sorted(absent)} are missing")
                for group in range(parquet.num_row_groups):
                    # A third of the time of iter_batches, which grows its arrays as it reads.
                    table = parquet.read_row_group(group, columns=chosen, use_threads=False)
                    for batch in table.to_batches(rows):
                        total += batch.num_rows
                        yield batch
        if total != ref.rows:
            raise DamagedFile(ref.path, f"{total} rows, recorded were {ref.rows}")
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, DamagedFile):
            raise
        raise DamagedFile(ref.path, f"not readable as Parquet: {error}") from error


def cut_by_bytes(
    batch: pa.RecordBatch, batch_bytes: int, column: str = "text"
) -> Iterator[pa.RecordBatch]:
    """Slices of `batch` with at most `batch_bytes` in `column`, at least one row each."""
    lengths = pc.fill_null(pc.binary_length(batch.column(column)), 0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    start = 0
    while start < batch.num_rows:
        done = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + batch_bytes, side="right")))
        yield batch.slice(start, end - start)
        start = end
