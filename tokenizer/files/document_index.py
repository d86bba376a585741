"""`documents.parquet` of a split, by row: from a document of the token files to its id, source and
place in `documents/`.

Above 50 million rows it is a folder with a part per token file; either way rows are found through
the row counts in the footers, and one row group is read at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import DataError

BATCH_ROWS = 2**16
COLUMNS = ("document_id", "source", "file", "token_offset", "length", "shard", "row")


class DocumentIndex:
    """The rows of one split. folder: `tokens/<split>`, local. Raises DataError for damage."""

    def __init__(self, folder: str | Path) -> None:
        path = Path(folder) / "documents.parquet"
        names = sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]
        self._names = names
        self._files = [_opened(name) for name in names]
        groups = [
            (number, group, file.metadata.row_group(group).num_rows)
            for number, file in enumerate(self._files)
            for group in range(file.metadata.num_row_groups)
        ]
        self._groups = [(number, group) for number, group, _ in groups]
        rows = np.cumsum([rows for _, _, rows in groups], dtype=np.int64)
        self._first_rows = np.concatenate([np.zeros(1, dtype=np.int64), rows])

    def __len__(self) -> int:
        return int(self._first_rows[-1])

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows in order, a row group in memory."""
        for number, group in self._groups:
            with _readable(self._names[number]):
                yield from self._files[number].iter_batches(
                    BATCH_ROWS, row_groups=[group], columns=list(columns), use_threads=False
                )

    def rows(self, wanted: Sequence[int]) -> list[dict[str, Any]]:
        """These rows, in the order asked for."""
        found: dict[int, dict[str, Any]] = {}
        numbers = np.unique(np.array(wanted, dtype=np.int64))
        if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < len(self):
            raise IndexError(f"rows {numbers[0]} to {numbers[-1]} of {len(self):,} documents")
        group_of = np.searchsorted(self._first_rows, numbers, side="right") - 1
        for place in np.unique(group_of).tolist():
            number, group = self._groups[place]
            inside = numbers[group_of == place]
            with _readable(self._names[number]):
                table = self._files[number].read_row_group(group, use_threads=False)
            taken = table.take(pa.array(inside - self._first_rows[place])).to_pylist()
            found |= dict(zip(inside.tolist(), taken, strict=True))
        return [found[row] for row in wanted]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run the pipeline again") from error


def _opened(path: Path) -> pq.ParquetFile:
    with _readable(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    if missing := [name for name in COLUMNS if name not in file.schema_arrow.names]:
        raise DataError(f"{path}: no column {', '.join(missing)}; run the pipeline again")
    return file
