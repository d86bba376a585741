"""Reading every byte of the token files of a run and comparing everything that is said twice.

Files against the manifest (size, xxh3-64), .idx against .bin (lengths, pointers, type), ids against
the vocabulary, the last token of every document, documents.parquet against .idx, counts against the
manifest, packing plans against documents, the tokenizer against its digest. Cost: every .bin is
read twice; memory: 8 bytes per document of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from curate.errors import DataError
from curate.storage.store import DamagedFile, FileRef, Store
from curate.tokenizer.files.document_index import DocumentIndex
from curate.tokenizer.files.manifest import Manifest
from curate.tokenizer.files.reader import TokenFiles, TrainingRows
from curate.tokenizer.packing.plan import PLAN_NAME

COLUMNS = ("source", "file", "token_offset", "length")
PIECES_AT_ONCE = 2**20


@dataclass
class Verified:
    """What was read, and a line for everything that is wrong: file, place, found, expected."""

    files: int = 0
    documents: int = 0
    tokens: int = 0
    rows: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self, check: Iterator[str]) -> None:
        """Collect the faults of one check; a file that cannot be read on ends the check."""
        try:
            self.faults.extend(check)
        except (DataError, DamagedFile) as error:
            if str(error) not in self.faults:  # several checks open the same file
                self.faults.append(str(error))


def verify_tokens(folder: str | Path, tokenizer_json: bytes | None) -> Verified:
    """Check the folder `tokens/` of a run, local. Raises DataError when it has no readable
    manifest.
    """
    found = Verified()
    manifest = TokenFiles(folder).manifest
    if tokenizer_json is not None:
        found.run(_tokenizer(manifest, tokenizer_json))
    found.run(_checksums(Path(folder), manifest, found))
    for split in manifest.datasets:
        files = TokenFiles(folder, split)
        found.run(_ids(files, found))
        found.run(_documents(files))
        found.run(_counts(files))
        found.run(_rows(files, found))
    return found


def _tokenizer(manifest: Manifest, tokenizer_json: bytes) -> Iterator[str]:
    manifest.check_tokenizer(tokenizer_json)
    yield from ()


def _checksums(folder: Path, manifest: Manifest, found: Verified) -> Iterator[str]:
    store = Store(str(folder))
    for file in manifest.files:
        try:
            store.verify(FileRef(file.path, file.size_bytes, int(file.xxh3_64, 16)))
        except DamagedFile as error:
            yield f"{folder / error.path}: {error.reason}"
        found.files += 1
    named = {file.path for file in manifest.files} | {"manifest.json"}
    for path in store.sizes(""):
        if path not in named:
            yield f"{folder / path}: the manifest does not name it"


def _ids(files: TokenFiles, found: Verified) -> Iterator[str]:
    """The pair fits, ids are in the vocabulary, every document ends as the manifest says."""
    tokenizer = files.manifest.tokenizer
    for number, dataset in enumerate(files.datasets):
        opened = files.dataset(number)
        opened.check_ids(tokenizer.vocabulary_size)
        ends = (opened.pointers + opened.lengths * opened.dtype.itemsize) // opened.dtype.itemsize
        wrong = np.flatnonzero(
            (opened.lengths < 1)
            | (opened.tokens[np.maximum(ends - 1, 0)] != tokenizer.end_of_document_id)
        )
        if len(wrong):
            yield (
                f"{files.folder / files.split / dataset.name}.bin: document {int(wrong[0])} does "
                f"not end with {tokenizer.end_of_document} ({len(wrong):,} such documents)"
            )
        found.documents += len(opened)
        found.tokens += len(opened.tokens)


def _documents(files: TokenFiles) -> Iterator[str]:
    """documents.parquet says of every row where it lies; the .idx says the same."""
    index = DocumentIndex(files.folder / files.split)
    path = files.folder / files.split / "documents.parquet"
    if len(index) != len(files):
        yield f"{path}: {len(index):,} rows, the manifest says {len(files):,} documents"
        return
    row = 0
    for batch in index.batches(COLUMNS):
        at = 0
        while at < batch.num_rows:
            number, first = files.place(row)
            dataset, opened = files.datasets[number], files.dataset(number)
            rows = min(batch.num_rows - at, dataset.documents - first)
            part = batch.slice(at, rows)
            offsets = opened.pointers[first : first + rows] // opened.dtype.itemsize
            equal = (
                (part.column("token_offset").to_numpy() == offsets)
                & (part.column("length").to_numpy() == opened.lengths[first : first + rows])
                & (part.column("file").to_numpy(zero_copy_only=False) == dataset.name)
                & (part.column("source").to_numpy(zero_copy_only=False) == dataset.source)
            )
            if not equal.all():
                wrong = int(np.flatnonzero(~equal)[0])
                yield (
                    f"{path}: row {row + wrong} is {part.slice(wrong, 1).to_pylist()[0]}, "
                    f"{dataset.name}.idx has offset {int(offsets[wrong])} and length "
                    f"{int(opened.lengths[first + wrong])}"
                )
                return
            at, row = at + rows, row + rows


def _counts(files: TokenFiles) -> Iterator[str]:
    """What the manifest counts per source is what its file pairs hold."""
    for source, counts in files.manifest.splits[files.split].items():
        own = [dataset for dataset in files.datasets if dataset.source == source]
        found = (sum(each.documents for each in own), sum(each.tokens for each in own))
        if found != (counts.documents, counts.tokens):
            yield (
                f"{files.folder}/manifest.json: {files.split}: source {source}: (documents, "
                f"tokens) is {(counts.documents, counts.tokens)}, its files hold {found}"
            )


def _rows(files: TokenFiles, found: Verified) -> Iterator[str]:
    """Every piece lies in its document, no row is too long, the figures add up."""
    rows = TrainingRows(files.folder, files.split)
    path = files.folder / files.split / PLAN_NAME
    lengths = [files.dataset(number).lengths for number in range(len(files.datasets))]
    document_lengths = np.concatenate([np.empty(0, dtype="<i4"), *lengths])
    used = 0
    for number, part in enumerate(rows.plan.parts):
        starts, pieces = rows.part(number)
        for first in range(0, len(pieces), PIECES_AT_ONCE):
            some = pieces[first : first + PIECES_AT_ONCE]
            known = some["document"] < len(document_lengths)
            whole = document_lengths[np.where(known, some["document"], 0)].astype(np.int64)
            inside = known & (some["start"] >= 0) & (some["length"] >= 1)
            inside &= some["start"].astype(np.int64) + some["length"] <= whole
            if not inside.all():
                wrong = int(np.flatnonzero(~inside)[0])
                yield (
                    f"{path}: part {number}: piece {first + wrong} is {some[wrong].tolist()} "
                    "(document, start, length), which is not inside a document"
                )
                return
        if starts[0] != 0 or (starts[1:] < starts[:-1]).any():
            yield f"{path}: part {number}: the starts of its rows do not ascend from 0"
            return
        sizes = np.repeat(*np.array(part.lengths, dtype=np.int64).reshape(-1, 2).T)
        in_rows = np.diff(
            np.concatenate([[0], np.cumsum(pieces["length"], dtype=np.int64)])[starts]
        )
        short = rows.plan.strategy == "best_fit"
        if (in_rows > sizes).any() or (not short and (in_rows != sizes).any()):
            yield f"{path}: part {number}: a row has more or fewer tokens than it should"
        used += int(in_rows.sum())
    figures = rows.plan.figures[rows.plan.strategy]
    if not figures.rows == sum(rows.plan.phases) == len(rows):
        yield (
            f"{path}: {figures.rows:,} rows, {sum(rows.plan.phases):,} in phases, "
            f"{len(rows):,} in its parts"
        )
    expected = figures.tokens - figures.discarded_tokens
    if rows.plan.strategy == "concat":
        # The border token that neighbouring windows of a phase share.
        expected += sum(max(0, phase - 1) for phase in rows.plan.phases)
    if used != expected:
        yield f"{path}: {expected:,} tokens are in rows, the pieces hold {used:,}"
    found.rows += len(rows)
