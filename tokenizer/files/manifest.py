"""`tokens/manifest.json`: the tokenizer of the token files, their counts and their checksums.

Readers take it first: ids mean nothing without the tokenizer they belong to, and rows of
documents.parquet none without the order of the files. The bytes are canonical (sorted keys, no
time, host or absolute path), so equal runs write equal manifests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from curate.errors import DataError
from curate.storage.store import FileRef
from curate.tokenizer.files.megatron import token_type
from curate.tokenizer.files.record import read_record

if TYPE_CHECKING:  # a reader needs no encoder
    from curate.tokenizer.encoding.encode import Encoder


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(_Frozen):
    """Documents, tokens (end-of-document tokens included) and bytes of text (UTF-8)."""

    documents: int = Field(ge=0)
    tokens: int = Field(ge=0)
    text_bytes: int = Field(ge=0)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            documents=self.documents + other.documents,
            tokens=self.tokens + other.tokens,
            text_bytes=self.text_bytes + other.text_bytes,
        )

    @classmethod
    def of_rows(cls, rows: pa.RecordBatch | pa.Table) -> Self:
        """Sums over rows of `CHUNK_SCHEMA`."""
        return cls(
            documents=rows.num_rows,
            tokens=pc.sum(rows.column("length").cast(pa.int64())).as_py() or 0,
            text_bytes=pc.sum(rows.column("text_bytes")).as_py() or 0,
        )


NO_DOCUMENTS = Counts(documents=0, tokens=0, text_bytes=0)


class TokenFile(_Frozen):
    """A published file below `tokens/`: size in bytes and xxh3-64 as 16 hexadecimal digits."""

    path: str
    size_bytes: int = Field(ge=0)
    xxh3_64: str = Field(pattern="^[0-9a-f]{16}$")

    @classmethod
    def of(cls, ref: FileRef, folder: str) -> Self:
        """From the record of a published file; the path becomes relative to `folder`
        (`tokens/`).
        """
        return cls(
            path=ref.path.removeprefix(folder),
            size_bytes=ref.size_bytes,
            xxh3_64=f"{ref.checksum:016x}",
        )


class Dataset(_Frozen):
    """One pair `<split>/<name>.bin` and `.idx`: documents of one source, in document order."""

    name: str
    source: str
    documents: int = Field(ge=0)
    tokens: int = Field(ge=0)


class TokenizerRecord(_Frozen):
    """The tokenizer of the ids. `vocabulary_size` is the highest id plus one, special tokens
    included; `special_tokens` are those that no text can spell. Every document ends with
    `end_of_document`; nothing stands before its first token.
    """

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    vocabulary_size: int = Field(ge=1)
    special_tokens: dict[str, int]
    end_of_document: str
    end_of_document_id: int = Field(ge=0)
    end_of_document_policy: Literal["appended"] = "appended"
    beginning_of_document_policy: Literal["none"] = "none"
    encoded_with: str

    @classmethod
    def of(cls, tokenizer_json: bytes, encoder: Encoder) -> Self:
        return cls(
            sha256=hashlib.sha256(tokenizer_json).hexdigest(),
            vocabulary_size=encoder.vocabulary_size,
            special_tokens=special_tokens(tokenizer_json),
            end_of_document=encoder.end_of_document,
            end_of_document_id=encoder.end_of_document_id,
            encoded_with=encoder.backend_version,
        )


def special_tokens(tokenizer_json: bytes) -> dict[str, int]:
    """Added tokens that are special, by their text."""
    added = json.loads(tokenizer_json).get("added_tokens") or []
    return {token["content"]: int(token["id"]) for token in added if token.get("special")}


class Manifest(_Frozen):
    """The whole file. `splits`: split -> source -> counts; sources without documents are there with
    zeros. `datasets`: split -> file pairs in the order of their rows in documents.parquet.
    """

    format: Literal["curate-tokens"] = "curate-tokens"
    format_version: Literal[2] = 2
    layout: Literal["megatron-core-indexed-dataset"] = "megatron-core-indexed-dataset"
    tokenizer: TokenizerRecord
    token_type: Literal["uint16", "int32"]
    splits: dict[str, dict[str, Counts]]
    totals: dict[str, Counts]
    datasets: dict[str, tuple[Dataset, ...]]
    files: tuple[TokenFile, ...]

    @property
    def dtype(self) -> np.dtype:
        """Type of the ids in the .bin files, little endian."""
        return np.dtype(self.token_type).newbyteorder("<")

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        content = self.model_dump(mode="json")
        return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()

    def check_tokenizer(self, tokenizer_json: bytes) -> None:
        """Raises DataError when the ids were made by another tokenizer."""
        found = hashlib.sha256(tokenizer_json).hexdigest()
        if found != self.tokenizer.sha256:
            raise DataError(
                f"the token files were made with the tokenizer {self.tokenizer.sha256[:16]}…, "
                f"this one is {found[:16]}…; "
                "take tokenizer/tokenizer.json of the same run, or encode again"
            )


def make_manifest(
    tokenizer: TokenizerRecord,
    splits: dict[str, dict[str, Counts]],
    datasets: dict[str, tuple[Dataset, ...]],
    files: Iterable[TokenFile],
) -> Manifest:
    """Add up the totals and put the files in order of their paths."""
    return Manifest(
        tokenizer=tokenizer,
        token_type="uint16" if token_type(tokenizer.vocabulary_size).itemsize == 2 else "int32",
        splits=splits,
        totals={split: sum(sources.values(), NO_DOCUMENTS) for split, sources in splits.items()},
        datasets=datasets,
        files=tuple(sorted(files, key=lambda file: file.path.encode())),
    )


def read_manifest(data: bytes, path: str) -> Manifest:
    """Parse a manifest; `path` is for the message. Raises DataError for anything that is not one of
    a known version.
    """
    return read_record(Manifest, data, path, "token manifest")
