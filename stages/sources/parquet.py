"""Parquet: one document per row, read row group by row group.

A file is cut between row groups. Text columns may be string, large string, dictionary or binary
(checked as UTF-8); other columns go to `meta`. A damaged row group becomes one quarantined record
and the other groups are read. Page checksums are verified where the writer stored them. Locator:
row number in the file. Memory: one row group's compressed columns and 256 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, ClassVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.fields import FieldSource, plain_value
from curate.stages.sources.files import open_file
from curate.stages.sources.jsonl import too_large
from curate.stages.sources.lines import RAW_BYTES

BATCH_ROWS = 256
_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)


class Parquet(FieldSource):
    """Rows of Parquet files."""

    format: ClassVar = "parquet"
    version: ClassVar = 2
    distributions: ClassVar = ("pyarrow",)

    def splits(self, file: InputFile, shard_input_bytes: int) -> list[InputSplit]:
        """Runs of row groups of about `shard_input_bytes` compressed bytes; start and end are
        row-group numbers."""
        with open_file(file) as raw:
            try:
                metadata = _open(raw).metadata
            except _ERRORS:
                return [InputSplit(file, 0, 0)]
        # Shares of the file by decompressed size: asking a column for its compressed size ends the
        # process (C++ terminate, pyarrow 26) when the footer is damaged.
        sizes = [
            metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)
        ]
        total = max(sum(sizes), 1)
        splits, start, held = [], 0, 0
        for group, size in enumerate(sizes):
            held += size
            if held * file.size_bytes >= shard_input_bytes * total:
                splits.append(InputSplit(file, start, group + 1))
                start, held = group + 1, 0
        if start < metadata.num_row_groups or not splits:
            splits.append(InputSplit(file, start, metadata.num_row_groups))
        return splits

    def share_before(self, file: InputFile, offset: int) -> float:
        """By rows."""
        with open_file(file) as raw:
            try:
                rows: int = _open(raw).metadata.num_rows
            except _ERRORS:
                return 1.0
        return min(1.0, offset / max(rows, 1))

    def records(self, split: InputSplit, caps: Caps) -> Iterator[Record | BadRecord | Skipped]:
        path = split.file.path
        if split.file.size_bytes == 0:
            yield BadRecord(path, 0, "empty_file", "the file has no bytes")
            return
        with open_file(split.file) as raw:
            try:
                table = _open(raw)
                problem = self._schema_problem(table.schema_arrow)
            except _ERRORS as error:
                yield BadRecord(
                    path,
                    0,
                    "corrupt_file",
                    f"no readable Parquet file: {_one_line(error)}",
                    _head(raw),
                )
                return
            if problem is not None:
                if split.start == 0:
                    yield BadRecord(
                        path, 0, "wrong_schema", problem, table.schema_arrow.to_string().encode()
                    )
                return
            first_row = sum(
                table.metadata.row_group(group).num_rows for group in range(split.start)
            )
            for group in range(split.start, split.end):
                yield from self._group(table, group, first_row, path, caps)
                first_row += table.metadata.row_group(group).num_rows

    def _group(
        self, table: pq.ParquetFile, group: int, row: int, path: str, caps: Caps
    ) -> Iterator[Record | BadRecord]:
        """One row group; `row` is its first row's number in the file."""
        end = row + table.metadata.row_group(group).num_rows
        batches = table.iter_batches(batch_size=BATCH_ROWS, row_groups=[group])
        while row < end:
            try:
                batch = next(batches)
            except (StopIteration, *_ERRORS) as error:
                message = f"row group {group} is damaged; rows {row} to {end - 1} cannot be read: "
                yield BadRecord(path, row, "corrupt_row_group", message + _one_line(error))
                return
            for fields in _rows(batch):
                if isinstance(fields, str):
                    yield BadRecord(path, row, "invalid_utf8", fields)
                else:
                    yield self._row(fields, path, row, caps)
                row += 1

    def _row(
        self, fields: dict[str, object], path: str, row: int, caps: Caps
    ) -> Record | BadRecord:
        document = self.document(fields, path, row, b"")
        if isinstance(document, BadRecord):
            return replace(document, raw=orjson.dumps(plain_value(fields))[:RAW_BYTES])
        if len(document.text) * 4 > caps.max_document_bytes:
            size = len(document.text.encode())
            if size > caps.max_document_bytes:
                return too_large(path, row, document.text[:RAW_BYTES].encode(), size, caps)
        document.meta = {key: plain_value(value) for key, value in document.meta.items()}
        return document

    def _schema_problem(self, schema: pa.Schema) -> str | None:
        """Why the text column cannot be read from this file, or None."""
        kind = _type_of(schema, self.text_field)
        if kind is None:
            names = ", ".join(schema.names)[:500]
            return f"the file has no column '{self.text_field}' (text_field); it has: {names}"
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        readable = (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
        binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
        if any(check(kind) for check in readable + binary):
            return None
        return f"the column '{self.text_field}' holds {kind}, not strings"


def _open(raw: BinaryIO) -> pq.ParquetFile:
    return pq.ParquetFile(raw, pre_buffer=False, page_checksum_verification=True)


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    """Type of a column, or of a struct's field for a dotted name."""
    head, _, rest = name.partition(".")
    if name in schema.names:
        return schema.field(name).type
    if head not in schema.names:
        return None
    kind = schema.field(head).type
    while rest and pa.types.is_struct(kind):
        head, _, rest = rest.partition(".")
        index = kind.get_field_index(head)
        if index < 0:
            return None
        kind = kind.field(index).type
    return None if rest else kind


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Rows as objects; a sentence for a row with a string that is not UTF-8 (Arrow does not check
    what it reads)."""
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except UnicodeDecodeError:
        for index in range(batch.num_rows):
            try:
                yield batch.slice(index, 1).to_pylist()[0]
            except UnicodeDecodeError as error:
                yield f"byte {error.start} of a column's value is not UTF-8: {error.reason}"
    else:
        yield from rows


def _head(raw: BinaryIO) -> bytes:
    raw.seek(0)
    return raw.read(1024)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
