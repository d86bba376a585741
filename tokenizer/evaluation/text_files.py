"""Texts from files, for tools that measure a tokenizer outside a run.

`.parquet` and `.jsonl` hold a column `text` (and may hold `source`, `language`, `url`), `.txt` is
one document; `.jsonl` and `.txt` may be `.gz`. Without a `source` the file's name is one. At most
so many bytes of text are read per file, whole documents.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import DataError, SpecError
from curate.tokenizer.evaluation.evaluate import COLUMNS

TEXT_SCHEMA = pa.schema(
    [pa.field(name, pa.large_string() if name == "text" else pa.string()) for name in COLUMNS]
)
ROWS = 1000


def read_texts(paths: Sequence[str], bytes_per_file: int) -> list[pa.Table]:
    """One table of `TEXT_SCHEMA` per file. Raises SpecError, DataError."""
    return [_read(Path(path), bytes_per_file) for path in paths]


def _read(path: Path, limit: int) -> pa.Table:
    name = path.name.removesuffix(".gz")
    if not path.is_file():
        raise SpecError(f"{path}: no such file")
    try:
        if name.endswith(".parquet"):
            batches = _parquet(path)
        elif name.endswith((".jsonl", ".json")):
            batches = _json_lines(path)
        elif name.endswith(".txt"):
            batches = _plain(path)
        else:
            raise SpecError(f"{path}: texts are .parquet, .jsonl(.gz) or .txt(.gz)")
        return _filled(bounded(batches, limit), name.partition(".")[0])
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def bounded(tables: Iterator[pa.Table], limit: int) -> pa.Table:
    """Whole documents of `tables` in order, up to `limit` bytes of text and at least one."""
    kept: list[pa.Table] = []
    for table in tables:
        if not table.num_rows:
            continue
        sizes = pc.fill_null(pc.binary_length(table.column("text")), 0).to_numpy()
        fits = int(np.searchsorted(np.cumsum(sizes), limit, side="right"))
        kept.append(table.slice(0, fits if kept else max(1, fits)))
        limit -= int(sizes[:fits].sum())
        if fits < len(sizes) or limit <= 0:
            break
    return pa.concat_tables(kept) if kept else TEXT_SCHEMA.empty_table()


def _parquet(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        present = [name for name in COLUMNS if name in file.schema_arrow.names]
        if "text" not in present:
            raise DataError(f"{path}: no column 'text'; its columns: {file.schema_arrow.names}")
        for batch in file.iter_batches(ROWS, columns=present):
            yield _completed(pa.Table.from_batches([batch]))


def _completed(table: pa.Table) -> pa.Table:
    table = table.filter(pc.is_valid(table.column("text")))
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in TEXT_SCHEMA
    ]
    return pa.table(columns, schema=TEXT_SCHEMA)


def _json_lines(path: Path) -> Iterator[pa.Table]:
    rows: list[dict[str, Any]] = []
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                text = row["text"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path}:{number}: no object with a text ({error!r})") from error
            if isinstance(text, str):
                texts = {name: row.get(name) for name in COLUMNS}
                rows.append({n: v if isinstance(v, str) else None for n, v in texts.items()})
            if len(rows) >= ROWS:
                yield pa.Table.from_pylist(rows, TEXT_SCHEMA)
                rows = []
    yield pa.Table.from_pylist(rows, TEXT_SCHEMA)


def _plain(path: Path) -> Iterator[pa.Table]:
    with _opened(path) as file:
        yield pa.Table.from_pylist([{"text": file.read()}], TEXT_SCHEMA)


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _filled(table: pa.Table, name: str) -> pa.Table:
    sources = pc.fill_null(table.column("source"), name)
    return table.set_column(1, TEXT_SCHEMA.field("source"), sources)
