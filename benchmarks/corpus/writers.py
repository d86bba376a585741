"""The two kinds of file of the corpus: Parquet of texts, WARC of pages. Empty ones are not made."""

from __future__ import annotations

import gzip
import uuid
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from documents import Item

GROUP_BYTES = 16 << 20
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("language", pa.string()),
        ("kind", pa.string()),
    ]
)


class TextFile:
    """Parquet of texts, in row groups of about 16 MiB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: pq.ParquetWriter | None = None
        self.rows: list[tuple[str, str, str, str]] = []
        self.bytes = 0

    def write(self, item: Item) -> None:
        text = item.text.encode("utf-8", "replace").decode()
        self.rows.append((f"{item.origin}/{item.path}", text, item.language, item.kind))
        self.bytes += len(text)
        if self.bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self.rows:
            return
        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = pq.ParquetWriter(self.path, SCHEMA, compression="zstd")
        columns = [
            pa.array(column, field.type)
            for column, field in zip(zip(*self.rows, strict=True), SCHEMA, strict=True)
        ]
        self.writer.write_table(pa.table(columns, schema=SCHEMA))
        self.rows, self.bytes = [], 0

    def close(self) -> None:
        self._flush()
        if self.writer is not None:
            self.writer.close()


class Archives:
    """A WARC file per language: a gzip member per response."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.files: dict[str, BinaryIO] = {}

    def write(self, item: Item) -> None:
        language = item.language.replace("_", "-")
        if language not in self.files:
            path = self.folder / language / self.name
            path.parent.mkdir(parents=True, exist_ok=True)
            self.files[language] = path.open("wb")
        self.files[language].write(gzip.compress(response(item), 6, mtime=0))

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def response(item: Item) -> bytes:
    """The page as a WARC response; its identifier follows from its address."""
    assert item.html is not None
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(item.html)}\r\n\r\n"
    body = head.encode() + item.html
    fields = (
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, item.url())}>",
        f"WARC-Target-URI: {item.url()}",
        f"WARC-Date: {item.date}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"
