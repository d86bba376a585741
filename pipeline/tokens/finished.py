"""The token side of a finished run: where things lie, and what stands behind a training sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from curate.errors import DataError
from curate.storage.store import Store
from curate.tokenizer.files.document_index import DocumentIndex
from curate.tokenizer.files.reader import IGNORED_LABEL, TrainingRows


class TokenRun:
    """A run folder with token files, on a local disk: they are mapped, not downloaded."""

    def __init__(self, run: str) -> None:
        store = Store(run)
        if not store.is_local:
            raise DataError(
                f"{run}: token files are read from a local disk; copy tokens/ and tokenizer/ of "
                "the run there and give that folder"
            )
        self.folder = Path(store.full(""))
        self.tokens = self.folder / "tokens"

    def tokenizer_json(self) -> bytes:
        """The run's tokenizer. Raises DataError when it is missing."""
        path = self.folder / "tokenizer" / "tokenizer.json"
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(
                f"{path}: the file is missing; give the folder of a finished run with a tokenizer"
            ) from error


@dataclass(frozen=True)
class ShownPiece:
    """A stretch of a document in a training row: tokens `start` to `start + length` of
    `document_tokens`, whose text lies in row `row` of `shard`.
    """

    document_id: str
    source: str
    shard: str
    row: int
    start: int
    length: int
    document_tokens: int
    text: str


@dataclass(frozen=True)
class ShownSample:
    """A training sample for people. `tokens`: inputs; `predicted`: those with a label."""

    sample: int
    epoch: int
    row: int
    rows: int
    strategy: str
    tokens: int
    padding: int
    predicted: int
    pieces: tuple[ShownPiece, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def show_sample(run: str, split: str, number: int, seed: int | None) -> ShownSample:
    """Text, documents and sources behind sample `number` of training.

    Raises DataError when the run has no such split, plan or sample.
    """
    place = TokenRun(run)
    tokenizer_json = place.tokenizer_json()
    rows = TrainingRows(place.tokens, split, tokenizer_json, seed)
    try:
        sample = rows.sample(number)
    except IndexError as error:
        raise DataError(f"{run}: split '{split}': {error}; samples are numbered from 0") from error
    tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    pieces = sample.pieces.tolist()
    documents = DocumentIndex(place.tokens / split).rows([document for document, _, _ in pieces])
    shown = tuple(
        ShownPiece(
            document_id=row["document_id"],
            source=row["source"],
            shard=row["shard"],
            row=row["row"],
            start=start,
            length=length,
            document_tokens=row["length"],
            text=tokenizer.decode(
                rows.files[document][start : start + length].tolist(), skip_special_tokens=False
            ),
        )
        for row, (document, start, length) in zip(documents, pieces, strict=True)
    )
    size = len(sample.inputs)
    return ShownSample(
        sample=number,
        epoch=sample.epoch,
        row=sample.row,
        rows=len(rows),
        strategy=rows.plan.strategy,
        tokens=size,
        padding=size - min(size, sum(piece.length for piece in shown)),
        predicted=int(np.count_nonzero(sample.labels != IGNORED_LABEL)),
        pieces=shown,
    )
