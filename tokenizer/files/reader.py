"""Reading token files and training rows, mapped into memory.

`TokenFiles` gives the ids of a document of a split by its row in documents.parquet. `TrainingRows`
gives rows of the packing plan and samples in training order, ready for a model: inputs, labels,
positions and document boundaries, as NumPy arrays (torch takes them by `torch.from_numpy`; nothing
here imports it). Any number of processes may read; a reader has no state.

Files are opened when first needed and checked against the manifest (size, header, lengths); ids of
another tokenizer than the one given are refused. `curate tokens verify` reads every byte. Memory:
pages that are read; 8 bytes per document of a file while it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError

import numpy as np

from curate.errors import DataError
from curate.tokenizer.files.manifest import Manifest, read_manifest
from curate.tokenizer.files.megatron import IndexedDataset
from curate.tokenizer.packing.plan import (
    PLAN_NAME,
    PackingPlan,
    pieces_name,
    read_packing_plan,
    starts_name,
)
from curate.tokenizer.packing.rows import piece_type
from curate.tokenizer.packing.sample_order import SampleOrder, row_of_sample

STARTS_TYPES = (np.dtype("<u4"),)
PIECE_TYPES = (piece_type(0), piece_type(2**32))
IGNORED_LABEL = -100
"""Where the model has nothing to predict, as PyTorch's cross entropy takes it."""


class TokenFiles:
    """The documents of one split.

    folder: `tokens/` of a run, local. tokenizer_json: bytes of the tokenizer that the ids are meant
    for. Raises DataError when they belong to another one, or a file does not fit the manifest.
    """

    def __init__(
        self, folder: str | Path, split: str = "train", tokenizer_json: bytes | None = None
    ) -> None:
        self.folder, self.split = Path(folder), split
        self.manifest = self._manifest()
        if tokenizer_json is not None:
            self.manifest.check_tokenizer(tokenizer_json)
        if split not in self.manifest.datasets:
            known = ", ".join(self.manifest.datasets)
            raise DataError(f"{self.folder}: there is no split '{split}'; there are: {known}")
        self.datasets = self.manifest.datasets[split]
        ends = np.cumsum([dataset.documents for dataset in self.datasets], dtype=np.int64)
        self._first_rows = np.concatenate([np.zeros(1, dtype=np.int64), ends])
        self._opened: dict[int, IndexedDataset] = {}

    def _manifest(self) -> Manifest:
        path = self.folder / "manifest.json"
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise DataError(
                f"{path}: the file is missing; give the folder tokens/ of a finished run"
            ) from error
        return read_manifest(data, str(path))

    def __len__(self) -> int:
        return int(self._first_rows[-1])

    def __getitem__(self, row: int) -> np.ndarray:
        """The ids of one document, its end-of-document token last; a view of the file."""
        number, place = self.place(row)
        return self.dataset(number)[place]

    def place(self, row: int) -> tuple[int, int]:
        """(number of the file pair, document in it) of a row of documents.parquet."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self):,} documents of '{self.split}'")
        number = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        return number, row - int(self._first_rows[number])

    def dataset(self, number: int) -> IndexedDataset:
        """One file pair, checked when it is opened."""
        if number not in self._opened:
            expected = self.datasets[number]
            opened = IndexedDataset(self.folder / self.split / expected.name)
            found = (len(opened), len(opened.tokens), opened.dtype.name)
            recorded = (expected.documents, expected.tokens, self.manifest.dtype.name)
            if found != recorded:
                raise DataError(
                    f"{self.folder / self.split / expected.name}: (documents, tokens, type) is "
                    f"{found}, the manifest says {recorded}; the files belong to another run"
                )
            self._opened[number] = opened
        return self._opened[number]


@dataclass(frozen=True)
class Sample:
    """One training row, as a model takes it.

    inputs: int64[T], padded with the end-of-document token. labels: int64[T], the token after each
    input in its document, IGNORED_LABEL where the document ends and on padding. positions:
    int32[T], from 0 in every piece. boundaries: int32, starts of the pieces, then T (`cu_seqlens`;
    padding is a piece of its own): attention must not pass them. pieces: records of `document`
    (row of documents.parquet), `start` and `length` in tokens. row: of the plan; epoch: the pass
    over the rows.
    """

    inputs: np.ndarray
    labels: np.ndarray
    positions: np.ndarray
    boundaries: np.ndarray
    pieces: np.ndarray
    row: int
    epoch: int


class TrainingRows:
    """Rows of a split's packing plan, numbered 0 … `len` - 1, and samples in training order.

    Arguments as `TokenFiles`. seed: of the sample order, the run's own by default.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        tokenizer_json: bytes | None = None,
        seed: int | None = None,
    ) -> None:
        self.files = TokenFiles(folder, split, tokenizer_json)
        self._folder = Path(folder) / split
        self.plan = self._plan()
        self.seed = self.plan.seed if seed is None else seed
        parts = [part.rows for part in self.plan.parts]
        self._first_rows = np.concatenate([[0], np.cumsum(parts, dtype=np.int64)]).astype(np.int64)
        self._opened: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def _plan(self) -> PackingPlan:
        path = self._folder / PLAN_NAME
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise DataError(f"{path}: the file is missing; run the pipeline again") from error
        return read_packing_plan(data, str(path))

    def __len__(self) -> int:
        return int(self._first_rows[-1])

    @cached_property
    def rows_of_length(self) -> dict[int, np.ndarray]:
        """Input tokens -> int64 rows that have so many; several lengths for `buckets` alone."""
        found: dict[int, list[np.ndarray]] = {}
        first = 0
        for part in self.plan.parts:
            for length, rows in part.lengths:
                inputs = min(length, self.plan.sequence_length)
                found.setdefault(inputs, []).append(np.arange(first, first + rows))
                first += rows
        return {length: np.concatenate(parts) for length, parts in found.items()}

    def sample(self, number: int) -> Sample:
        """Sample `number` of training: any, in any order, without those before it."""
        epoch, row = row_of_sample(number, self.plan.phases, self.seed)
        return self.row(row, epoch)

    def order(self, epoch: int = 0, phase: int = 0) -> SampleOrder:
        """From samples of one epoch and phase to rows, and back; both count from the phase's first
        one.
        """
        phases = self.plan.phases
        return SampleOrder(phases[phase], self.seed, epoch * len(phases) + phase)

    def pieces(self, row: int) -> np.ndarray:
        """What the row is made of: (document, start, length) records."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self):,} training rows of '{self.files.split}'")
        part = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        starts, pieces = self.part(part)
        place = row - int(self._first_rows[part])
        first, end = int(starts[place]), int(starts[place + 1])
        if not first <= end <= len(pieces):
            raise DataError(
                f"{self._folder / starts_name(part)}: row {place} has the pieces {first} to {end} "
                f"of {len(pieces)}; the file is damaged, run the pipeline again"
            )
        found: np.ndarray = pieces[first:end]
        return found

    def row(self, number: int, epoch: int = 0) -> Sample:
        """One row of the plan, in place of a sample."""
        pieces = self.pieces(number)
        size = self._inputs(pieces)
        end = self.files.manifest.tokenizer.end_of_document_id
        inputs = np.full(size, end, dtype=np.int64)
        labels = np.full(size, IGNORED_LABEL, dtype=np.int64)
        positions = np.zeros(size, dtype=np.int32)
        boundaries = []
        at = 0
        for document, start, length in pieces.tolist():
            length = min(length, size - at)
            if not length:
                continue  # the border token of a window, which is the label of the piece before
            ids = self.files[document]
            stop = start + length
            if stop > len(ids):
                raise DataError(
                    f"{self._folder}: row {number} takes tokens {start} to {stop} of document "
                    f"{document}, which has {len(ids)}; the packing plan belongs to other files"
                )
            inputs[at : at + length] = ids[start:stop]
            following = ids[start + 1 : stop + 1]
            labels[at : at + len(following)] = following
            positions[at : at + length] = np.arange(length)
            boundaries.append(at)
            at += length
        positions[at:] = np.arange(size - at)
        boundaries += [at, size] if at < size else [size]
        bounds = np.array(boundaries, dtype=np.int32)
        return Sample(inputs, labels, positions, bounds, pieces, number, epoch)

    def window(self, number: int) -> np.ndarray:
        """The tokens of a row as they stand in the files, without padding: of `concat` T + 1, as
        Megatron-Core's `GPTDataset` hands them out.
        """
        parts = [
            self.files[document][start : start + length]
            for document, start, length in self.pieces(number).tolist()
        ]
        return np.concatenate(parts)

    def _inputs(self, pieces: np.ndarray) -> int:
        if self.plan.strategy == "buckets":
            return int(pieces["length"][0])
        return self.plan.sequence_length

    def part(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """(starts, pieces) of one part of the plan, checked when it is opened."""
        if part not in self._opened:
            starts = _mapped(self._folder / starts_name(part), STARTS_TYPES)
            pieces = _mapped(self._folder / pieces_name(part), PIECE_TYPES)
            expected = self.plan.parts[part]
            found = (len(starts) - 1, len(pieces), int(starts[-1]) if len(starts) else 0)
            recorded = (expected.rows, expected.pieces, expected.pieces)
            if found != recorded:
                raise DataError(
                    f"{self._folder / starts_name(part)}: (rows, pieces, end) is {found}, "
                    f"{PLAN_NAME} says {recorded}; the files belong to another run"
                )
            self._opened[part] = (starts, pieces)
        return self._opened[part]


def _mapped(path: Path, known: Sequence[np.dtype]) -> np.ndarray:
    try:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: the file is missing; run the pipeline again") from error
    # NumPy reads the header as a piece of Python.
    except (ValueError, EOFError, OSError, OverflowError, SyntaxError, TokenError) as error:
        raise DataError(f"{path}: truncated or damaged ({error})") from error
    if found.dtype not in known or found.ndim != 1:
        raise DataError(f"{path}: damaged (it holds {found.ndim} dimensions of {found.dtype})")
    return found
