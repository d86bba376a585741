"""Token files in the layouts of other trainers. The ids are never copied where a hard link can be
made: all of these formats are the same bytes, plain ids one after another, with different names and
different files beside them.

* `datatrove` (also nanotron): `.ds`; `.ds.index`, uint64 ends of documents in tokens;
  `.ds.metadata`, text (`datatrove/pipeline/tokens/tokenizer.py`).
* `dolma` (also OLMo, OLMo-core): `.npy`, which in spite of its name has no NumPy header; `.csv.gz`
  with start, end, id, source file and line, from 1 (`dolma/tokenizer/memmap_writer.py`).
* `raw` (nanoGPT, torchtitan's example of a memory-mapped source, levanter-like readers): `.bin`;
  `.offsets.npy`, int64 starts of documents and the end of the last.
* `huggingface`: Parquet with id, source, input_ids; this one copies.

Beside them stand `tokenizer.json` and `export.json` (type of the ids, end-of-document token,
files), because none of the formats says what its ids mean. Ids are uint16 up to 65,499 tokens, else
uint32 (int32 of Megatron, the same bytes). An export appears whole or not at all: it is made in a
folder beside its place and renamed. Memory: one batch of rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import DataError
from curate.tokenizer.files.document_index import COLUMNS, DocumentIndex
from curate.tokenizer.files.manifest import Dataset
from curate.tokenizer.files.megatron import IndexedDataset
from curate.tokenizer.files.reader import TokenFiles

ExportFormat = Literal["datatrove", "dolma", "raw", "huggingface"]

ENDINGS: dict[ExportFormat, str] = {"datatrove": ".ds", "dolma": ".npy", "raw": ".bin"}
PARQUET_TOKENS = 2**22
"""Ids per row group of a Parquet export, or one longer document."""

PARQUET_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("input_ids", pa.large_list(pa.field("item", pa.int32(), nullable=False))),
    ]
)


@dataclass
class Exported:
    """What was written. copied: .bin files that could not be linked (another file system)."""

    files: int = 0
    linked: int = 0
    copied: int = 0
    tokens: int = 0


def export_tokens(
    tokens: str | Path, tokenizer_json: bytes, wanted: ExportFormat, output: str | Path
) -> Exported:
    """Write every split of the folder `tokens/` of a run to a new folder.

    Raises DataError when `output` exists, or the files do not fit manifest and tokenizer.
    """
    output = Path(os.path.abspath(output))
    if output.exists():
        raise DataError(f"{output}: exists already; an export is written to a new folder")
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.name}.{uuid.uuid4().hex[:12]}.tmp")
    unfinished.mkdir()
    try:
        exported = _Export(Path(tokens), tokenizer_json, wanted, unfinished).run()
        unfinished.rename(output)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return exported


class _Export:
    """One export, into a folder that nobody looks at yet."""

    def __init__(
        self, tokens: Path, tokenizer_json: bytes, wanted: ExportFormat, folder: Path
    ) -> None:
        self.tokens, self.tokenizer_json = tokens, tokenizer_json
        self.wanted, self.folder = wanted, folder
        self.exported = Exported()
        self.manifest = TokenFiles(tokens, tokenizer_json=tokenizer_json).manifest

    def run(self) -> Exported:
        listed = []
        for split in self.manifest.datasets:
            (self.folder / split).mkdir()
            files = TokenFiles(self.tokens, split, self.tokenizer_json)
            rows = _Rows(DocumentIndex(self.tokens / split)) if self.needs_rows else None
            for number, dataset in enumerate(files.datasets):
                opened = files.dataset(number)
                name = self.dataset(split, dataset, opened, rows)
                listed.append({"path": name, **dataset.model_dump(exclude={"name"})})
                self.exported.files += 1
                self.exported.tokens += dataset.tokens
        self.describe(listed)
        return self.exported

    @property
    def needs_rows(self) -> bool:
        return self.wanted in ("dolma", "huggingface")

    def dataset(
        self, split: str, dataset: Dataset, opened: IndexedDataset, rows: _Rows | None
    ) -> str:
        """Write one file pair; the path of its ids."""
        stem = f"{split}/{dataset.name}"
        if self.wanted == "huggingface":
            assert rows is not None
            name = f"{stem}.parquet"
            _write_parquet(self.folder / name, dataset, opened, rows)
            return name
        name = stem + ENDINGS[self.wanted]
        self.link(self.tokens / f"{stem}.bin", self.folder / name)
        ends = np.cumsum(opened.lengths, dtype="<u8")
        if self.wanted == "datatrove":
            (self.folder / f"{name}.index").write_bytes(ends.tobytes())
            (self.folder / f"{name}.metadata").write_text(self.datatrove_metadata(dataset))
        elif self.wanted == "raw":
            offsets = np.concatenate([np.zeros(1, "<i8"), ends.astype("<i8")])
            np.save(self.folder / f"{stem}.offsets.npy", offsets, allow_pickle=False)
        else:
            assert rows is not None
            _write_dolma_rows(self.folder / f"{stem}.csv.gz", dataset, rows)
        return name

    def link(self, source: Path, target: Path) -> None:
        """A second name for the same bytes, or a copy where the file system has no such thing."""
        try:
            os.link(source, target)
            self.exported.linked += 1
        except OSError:
            shutil.copyfile(source, target)
            self.exported.copied += 1

    def datatrove_metadata(self, dataset: Dataset) -> str:
        name = f"tokenizer.json {self.manifest.tokenizer.sha256[:16]}"
        item_bytes = self.manifest.dtype.itemsize
        return f"{name}|{item_bytes}\n{dataset.tokens}\n{dataset.tokens:,} tokens"

    def describe(self, listed: list[dict[str, object]]) -> None:
        (self.folder / "tokenizer.json").write_bytes(self.tokenizer_json)
        tokenizer = self.manifest.tokenizer
        ids = "int32" if self.wanted == "huggingface" else _unsigned(self.manifest.dtype)
        about = {
            "format": self.wanted,
            "token_type": ids,
            "tokenizer_sha256": tokenizer.sha256,
            "vocabulary_size": tokenizer.vocabulary_size,
            "special_tokens": tokenizer.special_tokens,
            "end_of_document_id": tokenizer.end_of_document_id,
            "end_of_document_policy": tokenizer.end_of_document_policy,
            "beginning_of_document_policy": tokenizer.beginning_of_document_policy,
            "files": listed,
        }
        text = json.dumps(about, indent=2, sort_keys=True, ensure_ascii=False)
        (self.folder / "export.json").write_text(text + "\n", encoding="utf-8")


def _unsigned(dtype: np.dtype) -> str:
    return f"uint{8 * dtype.itemsize}"


class _Rows:
    """Takes the rows of documents.parquet in order, so many at a time."""

    def __init__(self, index: DocumentIndex) -> None:
        self._batches = index.batches(COLUMNS)
        self._held: pa.RecordBatch | None = None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The next `rows` rows."""
        while rows:
            batch = self._held if self._held is not None else next(self._batches)
            taken = batch.slice(0, rows)
            self._held = batch.slice(rows) if batch.num_rows > rows else None
            rows -= taken.num_rows
            yield taken


def _write_dolma_rows(path: Path, dataset: Dataset, rows: _Rows) -> None:
    """start, end, id, src, loc of every document, without a heading, as dolma writes them."""
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        for batch in rows.take(dataset.documents):
            starts = batch.column("token_offset").to_numpy()
            ends = starts + batch.column("length").to_numpy()
            columns = (batch.column(name).to_pylist() for name in ("document_id", "shard"))
            lines = (batch.column("row").to_numpy().astype(np.int64) + 1).tolist()
            writer.writerows(zip(starts.tolist(), ends.tolist(), *columns, lines, strict=True))


def _write_parquet(path: Path, dataset: Dataset, opened: IndexedDataset, rows: _Rows) -> None:
    done = 0
    with pq.ParquetWriter(
        path, PARQUET_SCHEMA, compression="zstd", use_dictionary=["source"]
    ) as writer:
        for batch in rows.take(dataset.documents):
            ends = np.cumsum(opened.lengths[done : done + batch.num_rows], dtype=np.int64)
            done += batch.num_rows
            first = 0
            while first < batch.num_rows:
                before = int(ends[first - 1]) if first else 0
                last = int(np.searchsorted(ends, before + PARQUET_TOKENS, side="right"))
                last = max(last, first + 1)
                part = batch.slice(first, last - first)
                start = int(part.column("token_offset")[0].as_py())
                offsets = np.concatenate([[0], ends[first:last] - before])
                ids = opened.tokens[start : start + int(offsets[-1])].astype(np.int32)
                lists = pa.LargeListArray.from_arrays(
                    pa.array(offsets), pa.array(ids), type=PARQUET_SCHEMA.field("input_ids").type
                )
                columns = [part.column("document_id"), part.column("source"), lists]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=PARQUET_SCHEMA))
                first = last
