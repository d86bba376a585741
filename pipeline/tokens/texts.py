"""What a finished run knows of its tokenizer: held-out texts to measure it on, and how often each
token occurs in the training shards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import DataError, SpecError
from curate.pipeline.run_folder import RunFolder, stream
from curate.storage.store import Store
from curate.tokenizer.encoding.split import TRAIN, VALIDATION
from curate.tokenizer.evaluation.compare import Seen
from curate.tokenizer.evaluation.evaluate import COLUMNS
from curate.tokenizer.evaluation.text_files import TEXT_SCHEMA, bounded
from curate.tokenizer.files.manifest import read_manifest
from curate.tokenizer.formats.published import NamedTokenizer

MANIFEST = "tokens/manifest.json"
READ_BYTES = 8 * 2**20


class TokenizerRun:
    """The tokenizer of a run folder. Raises DataError, SpecError where the run made none."""

    def __init__(self, url: str) -> None:
        self.folder = RunFolder(url)
        self.name = str(self.folder.run()["name"])
        self.store = Store(self.folder.url)
        if not self.store.exists("tokenizer/tokenizer.json"):
            raise SpecError(
                f"{url}: this run trained no tokenizer; add `tokenizer: {{model: bpe}}` to its file"
            )

    def tokenizer(self) -> NamedTokenizer:
        """As it was trained."""
        return NamedTokenizer(self.name, self.store.read("tokenizer/tokenizer.json"))

    def texts(self, bytes_per_source: int) -> tuple[str, list[pa.Table]]:
        """What they are, and kept documents of every source: of the validation split where there
        is one.
        """
        held_out = self._rows(VALIDATION)
        tables = []
        for source in self.folder.run()["sources"]:
            found = bounded(self._documents(source, held_out), bytes_per_source)
            if found.num_rows:
                tables.append(found)
        what = f"{VALIDATION} documents" if held_out else "kept documents"
        return f"{what} of {self.name}", tables

    def _rows(self, split: str) -> dict[str, np.ndarray]:
        """Rows of a split per part of documents/; empty where nothing was encoded."""
        path = f"tokens/{split}/documents.parquet"
        parts = [path] if self.store.exists(path) else list(self.store.sizes(path))
        found: dict[str, list[np.ndarray]] = {}
        for part in parts:
            with self._readable(part), self.store.open(part) as file:
                table = pq.read_table(file, columns=["shard", "row"])
            shards = table.column("shard").combine_chunks().dictionary_encode()
            codes, rows = shards.indices.to_numpy(), table.column("row").to_numpy()
            for code, shard in enumerate(shards.dictionary.to_pylist()):
                found.setdefault(shard, []).append(rows[codes == code])
        return {shard: np.sort(np.concatenate(rows)) for shard, rows in found.items()}

    def _documents(self, source: str, held_out: dict[str, np.ndarray]) -> Iterator[pa.Table]:
        if not held_out:
            for batch in stream(self.folder.documents(source), list(COLUMNS)):
                yield pa.Table.from_batches([batch]).select(COLUMNS).cast(TEXT_SCHEMA)
            return
        for shard in sorted(held_out):
            if shard.split("/")[1] != source:
                continue
            with (
                self._readable(shard),
                self.store.open(shard) as file,
                pq.ParquetFile(file) as parquet,
            ):
                first = 0
                for batch in parquet.iter_batches(4096, columns=list(COLUMNS), use_threads=False):
                    inside = held_out[shard]
                    inside = inside[(inside >= first) & (inside < first + batch.num_rows)] - first
                    table = pa.Table.from_batches([batch]).take(pa.array(inside.astype(np.int64)))
                    yield table.select(COLUMNS).cast(TEXT_SCHEMA)
                    first += batch.num_rows

    @contextmanager
    def _readable(self, path: str) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{self.folder.url}/{path}: cannot be read ({error}); `curate run` with the same "
                "pipeline file mends it"
            ) from error

    def seen(self) -> Seen | None:
        """Occurrences of every token in the training shards; None where nothing was encoded."""
        if not self.store.exists(MANIFEST):
            return None
        manifest = read_manifest(self.store.read(MANIFEST), f"{self.folder.url}/{MANIFEST}")
        manifest.check_tokenizer(self.tokenizer().tokenizer_json)
        size = manifest.tokenizer.vocabulary_size
        counts = np.zeros(size, dtype=np.int64)
        for entry in manifest.files:
            if entry.path.startswith(f"{TRAIN}/") and entry.path.endswith(".bin"):
                path = f"tokens/{entry.path}"
                if (present := self.store.size(path)) != entry.size_bytes:
                    raise DataError(
                        f"{self.folder.url}/{path}: {present or 0} bytes, the manifest says "
                        f"{entry.size_bytes}; `curate run` with the same pipeline file mends it"
                    )
                with self.store.open(path) as file:
                    while data := file.read(READ_BYTES):
                        found = np.frombuffer(data, manifest.dtype)
                        if len(found) and int(found.max()) >= size:
                            raise DataError(
                                f"{self.folder.url}/{path}: an id is outside the vocabulary of "
                                f"{size}; the file is damaged"
                            )
                        counts += np.bincount(found, minlength=size)
        return Seen("the training shards", counts)


def is_run(place: str) -> bool:
    """Whether a place holds a run (a URL of any store, or a local folder)."""
    if "://" not in place and not Path(place).is_dir():
        return False
    return RunFolder(place).exists()
