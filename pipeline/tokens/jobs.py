"""Jobs after the documents: train the tokenizer, encode parts, assemble token files, index them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.tokens.count_jobs import SourceCounts
from curate.pipeline.tokens.split_documents import COLUMNS, SPLIT, documents
from curate.storage.parquet import (
    PUBLISHED,
    ParquetWriter,
    read_batches,
    write_parquet,
)
from curate.storage.store import Creation, FileRef, Store
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.encoding.assemble import (
    CHUNK_SCHEMA,
    DOCUMENTS_SCHEMA,
    ChunkRange,
    PlannedFile,
    assemble,
    document_rows,
    encode_batch,
    plan_files,
)
from curate.tokenizer.encoding.encode import Backend, TextEncoder, shared_encoder
from curate.tokenizer.encoding.split import TRAIN, VALIDATION, Splitting
from curate.tokenizer.evaluation.evaluate import Evaluation, evaluation_bytes
from curate.tokenizer.evaluation.token_facts import token_facts
from curate.tokenizer.files.megatron import token_type
from curate.tokenizer.training.counts import ALL, Counts, gather
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import tokenizer_config

EVALUATION_BYTES = 256 * 2**20
"""Text that the evaluation of a tokenizer reads at most (whole batches)."""

MEASURED = ("text", "source", "language")


@dataclass(frozen=True)
class TokenizerJob:
    """Train on the train split: one job, because the result must not depend on how it is cut."""

    step: str
    key: str
    config: TokenizerConfig
    counts: tuple[SourceCounts, ...]
    inputs: tuple[FileRef, ...]
    """Parts of documents/, for the evaluation."""
    splitting: Splitting

    def run(self, context: JobContext) -> JobResult:
        with all_cores():
            trained = train(self.gathered(context.store), self.config)
            facts = {
                "documents": trained.documents,
                "text_bytes": trained.text_bytes,
                "notes": list(trained.notes),
                **self.shares(),
            }
            evaluation = self.evaluation(context, trained.tokenizer_json, facts)
        files = {
            "tokenizer": trained.tokenizer_json,
            "tokenizer_config": tokenizer_config(self.config),
            "evaluation": evaluation,
        }
        published = []
        for kind, data in files.items():
            path = output_path(self.step, self.key, kind, extension="json")
            published.append(OutputFile(kind, 0, context.store.publish(path, data)))
        return JobResult(tuple(published))

    def shares(self) -> dict[str, object]:
        """Fraction of the counts of every source, where the mixture changes any."""
        if all(each.share == ALL for each in self.counts):
            return {}
        own = {
            each.source: f"{each.share.numerator}/{each.share.denominator}" for each in self.counts
        }
        return {"shares": own}

    def gathered(self, store: Store) -> Counts:
        """The counts of all sources, each in its share."""
        return gather(
            lambda: [read_batches(store, each.counts) for each in self.counts],
            [each.share for each in self.counts],
            sum(each.documents for each in self.counts),
            sum(each.text_bytes for each in self.counts),
            self.config,
        )

    def split(
        self, context: JobContext, wanted: str, columns: Sequence[str] = COLUMNS
    ) -> Iterator[pa.RecordBatch]:
        """The documents of one split."""
        for ref in self.inputs:
            for batch in documents(
                context.store,
                ref,
                context.engine.batch_bytes,
                self.splitting,
                context.seed,
                columns,
            ):
                yield batch.filter(pc.equal(batch.column(SPLIT), wanted))

    def evaluation(
        self, context: JobContext, tokenizer_json: bytes, trained: dict[str, object]
    ) -> bytes:
        """Measured on the validation split, or on the training text where that is empty."""
        encoder = TextEncoder(tokenizer_json)
        for split in (VALIDATION, TRAIN):
            evaluation = Evaluation(encoder.vocabulary.size)
            left = EVALUATION_BYTES
            for batch in self.split(context, split, MEASURED):
                if batch.num_rows:
                    evaluation.measure(batch, encoder)
                    left -= _bytes(batch.column("text"))
                if left <= 0:
                    break
            if evaluation.sources:
                break
        return evaluation_bytes(split, evaluation, trained, token_facts(encoder))


@contextmanager
def all_cores() -> Iterator[None]:
    """Let `tokenizers` use every core: results do not depend on threads (tested), and no other job
    of the run can work while one trains. Later jobs of this process have one thread again.
    """
    wanted = {"RAYON_NUM_THREADS": str(os.cpu_count() or 1), "TOKENIZERS_PARALLELISM": "true"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _bytes(text: pa.Array) -> int:
    return int(pc.sum(pc.binary_length(text)).as_py() or 0)


@dataclass(frozen=True)
class EncodeJob:
    """Encode one part of `documents/` into a chunk of ids and rows per split."""

    step: str
    key: str
    documents: FileRef
    shard: str
    tokenizer: FileRef
    end_of_document: str
    backend: Backend
    splitting: Splitting

    def run(self, context: JobContext) -> JobResult:
        context.store.verify(self.tokenizer)
        encoder = shared_encoder(
            context.store.read(self.tokenizer.path), self.end_of_document, self.backend
        )
        chunks = {split: _Chunk(self, context, split) for split in self.splitting.splits}
        try:
            row = 0
            for batch in documents(
                context.store,
                self.documents,
                context.engine.batch_bytes,
                self.splitting,
                context.seed,
            ):
                context.watch.begin(batch.column("id")[0].as_py(), "encode")
                splits = batch.column(SPLIT)
                for split, encoded in encode_batch(
                    batch, splits, encoder, self.shard, row, self.splitting.splits
                ).items():
                    chunks[split].add(encoded.ids, encoded.rows)
                row += batch.num_rows
            return self.result(chunks)
        except BaseException as error:
            for chunk in chunks.values():
                chunk.abandon(error)
            raise

    def result(self, chunks: dict[str, _Chunk]) -> JobResult:
        files: list[OutputFile] = []
        counts: Counter[str] = Counter()
        for split, chunk in chunks.items():
            files += chunk.close()
            for name, number in (
                ("documents", chunk.rows),
                ("tokens", chunk.tokens),
                ("text_bytes", chunk.text_bytes),
            ):
                counts[f"tokens|{split}|{chunk.source}|{name}"] += number
        return JobResult(tuple(files), counts)


class _Chunk:
    """Ids and rows of one split while a part is encoded."""

    def __init__(self, job: EncodeJob, context: JobContext, split: str) -> None:
        self.split = split
        self.source = job.shard.split("/")[1]
        path = output_path(job.step, job.key, f"ids-{split}", extension="bin")
        self._ids = Creation(context.store, path)
        path = output_path(job.step, job.key, f"rows-{split}", extension="parquet")
        self._file = Creation(context.store, path)
        self._writer = ParquetWriter(self._file.file, CHUNK_SCHEMA, context.engine.row_group_bytes)
        self.rows = self.tokens = self.text_bytes = 0

    def add(self, ids: np.ndarray, rows: pa.RecordBatch) -> None:
        self._ids.file.write(ids.data)
        self._writer.write(rows)
        self.rows += rows.num_rows
        self.tokens += len(ids)
        self.text_bytes += int(pc.sum(rows.column("text_bytes")).as_py() or 0)

    def close(self) -> list[OutputFile]:
        self._writer.close()
        files = []
        for kind, creation in (("ids", self._ids), ("rows", self._file)):
            creation.close()
            files.append(OutputFile(f"{kind}-{self.split}", 0, creation.file.ref(self.rows)))
        return files

    def abandon(self, error: BaseException) -> None:
        """Drop what is half-written."""
        for creation in (self._ids, self._file):
            creation.abandon(error)


@dataclass(frozen=True)
class TokenPlanJob:
    """Which documents of one split and source go into which token file: a small JSON, from the
    lengths alone.
    """

    step: str
    key: str
    source: str
    chunks: tuple[FileRef, ...]
    """Rows of the chunks, in order."""
    vocabulary_size: int
    max_file_bytes: int

    def run(self, context: JobContext) -> JobResult:
        lengths = (lengths_of(context.store, ref) for ref in self.chunks)
        planned = plan_files(
            self.source, lengths, token_type(self.vocabulary_size), self.max_file_bytes
        )
        path = output_path(self.step, self.key, "plan", extension="json")
        ref = context.store.publish(path, orjson.dumps([asdict(file) for file in planned]))
        return JobResult((OutputFile("plan", 0, ref),))


def lengths_of(store: Store, rows: FileRef) -> np.ndarray:
    """Lengths of the documents of a chunk, in tokens."""
    pieces = [batch.column("length").to_numpy() for batch in read_batches(store, rows, ["length"])]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int32)


def read_plan(data: bytes) -> list[PlannedFile]:
    """What a `TokenPlanJob` published."""
    return [
        PlannedFile(file["name"], tuple(ChunkRange(**part) for part in file["ranges"]))
        for file in orjson.loads(data)
    ]


@dataclass(frozen=True)
class AssembleJob:
    """One `.bin`/`.idx` pair from ranges of chunks, and the rows of `documents.parquet` for it."""

    step: str
    key: str
    planned: PlannedFile
    chunks: tuple[tuple[FileRef, FileRef], ...]
    """(ids, rows) of the chunks that the plan numbers."""
    vocabulary_size: int

    def run(self, context: JobContext) -> JobResult:
        store = context.store
        paths = {
            kind: output_path(self.step, self.key, kind, extension=kind) for kind in ("bin", "idx")
        }
        with store.create(paths["bin"]) as bin_file, store.create(paths["idx"]) as idx_file:
            assemble(
                self.planned,
                lambda chunk: self.open_ids(store, chunk),
                lambda chunk: lengths_of(store, self.chunks[chunk][1]),
                token_type(self.vocabulary_size),
                bin_file,
                idx_file,
            )
        path = output_path(self.step, self.key, "rows")
        batches = document_rows(self.planned, lambda chunk: self.rows(store, chunk))
        rows = write_parquet(store, path, DOCUMENTS_SCHEMA, batches, context.engine.row_group_bytes)
        return JobResult(
            (
                OutputFile("bin", 0, bin_file.ref()),
                OutputFile("idx", 0, idx_file.ref()),
                OutputFile("rows", 0, rows),
            )
        )

    def open_ids(self, store: Store, chunk: int) -> IO[bytes]:
        """The ids of a chunk, after its bytes were checked."""
        store.verify(self.chunks[chunk][0])
        return store.open(self.chunks[chunk][0].path)

    def rows(self, store: Store, chunk: int) -> pa.Table:
        return pa.Table.from_batches(read_batches(store, self.chunks[chunk][1]), CHUNK_SCHEMA)


@dataclass(frozen=True)
class TokenIndexJob:
    """`documents.parquet` of one split: the rows of its files, one after another."""

    step: str
    key: str
    split: str
    inputs: tuple[FileRef, ...]

    def run(self, context: JobContext) -> JobResult:
        path = output_path(self.step, self.key, "rows")
        batches = (batch for ref in self.inputs for batch in read_batches(context.store, ref))
        ref = write_parquet(
            context.store,
            path,
            DOCUMENTS_SCHEMA,
            batches,
            context.engine.row_group_bytes,
            PUBLISHED,
        )
        return JobResult((OutputFile("rows", 0, ref),))
