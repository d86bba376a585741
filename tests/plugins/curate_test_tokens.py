"""A small folder `tokens/`, written by the project's own functions, without a pipeline run."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.pipeline.job import JobContext
from curate.pipeline.spec.model import EngineConfig
from curate.pipeline.tokens.pack_jobs import PackJob, final_name
from curate.storage.parquet import write_parquet
from curate.storage.store import FileRef, Store
from curate.tokenizer.encoding.assemble import DOCUMENTS_SCHEMA
from curate.tokenizer.files.manifest import (
    Counts,
    Dataset,
    TokenFile,
    TokenizerRecord,
    make_manifest,
    special_tokens,
)
from curate.tokenizer.files.megatron import token_type, write_index
from curate.tokenizer.packing.rows import PackingSettings

TOKENIZER_JSON = json.dumps(
    {"added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": True}]}
).encode()
DOCUMENTS = {
    "train": {
        "web": [[5, 6, 7, 0], [0], [298, 1, 0], [8] * 40 + [0]],
        "books": [[*range(1, 18), 0], [9, 9, 0]],
    },
    "validation": {"web": [[4, 0]], "books": []},
}
Documents = Mapping[str, Mapping[str, Sequence[Sequence[int]]]]


def write_tokens(
    folder: Path,
    settings: PackingSettings,
    documents: Documents = DOCUMENTS,
    vocabulary_size: int = 300,
    train_order: Sequence[Sequence[int]] | None = None,
) -> Path:
    """Write `tokens/` for lists of ids by split and source, and the tokenizer beside it.

    train_order: rows of documents.parquet per phase, as a mixture gives them.
    """
    store, dtype = Store(str(folder)), token_type(vocabulary_size)
    files: list[FileRef] = []
    datasets = {}
    for split, sources in documents.items():
        rows, indexes, own = [], [], []
        for source, texts in sources.items():
            if not texts:
                continue
            name, lengths = f"{source}-00000", np.array([len(ids) for ids in texts])
            ids = np.array([token for text in texts for token in text], dtype=dtype)
            index = io.BytesIO()
            write_index(index, dtype, lambda lengths=lengths: [lengths], len(texts))
            files.append(store.publish(f"tokens/{split}/{name}.bin", ids.tobytes()))
            indexes.append(store.publish(f"tokens/{split}/{name}.idx", index.getvalue()))
            own.append(Dataset(name=name, source=source, documents=len(texts), tokens=len(ids)))
            starts = np.cumsum(lengths) - lengths
            rows += [
                {
                    "document_id": f"{source}/{source}.txt#{number}",
                    "source": source,
                    "file": name,
                    "token_offset": int(starts[number]),
                    "length": len(text),
                    "shard": f"documents/{source}/part-00000.parquet",
                    "row": number,
                }
                for number, text in enumerate(texts)
            ]
        datasets[split] = tuple(own)
        files += indexes
        batches = pa.Table.from_pylist(rows, schema=DOCUMENTS_SCHEMA).to_batches()
        path = f"tokens/{split}/documents.parquet"
        files.append(write_parquet(store, path, DOCUMENTS_SCHEMA, batches, 256))
        order = train_order if split == "train" else None
        files += _packed(store, split, settings, indexes, order)
    tokenizer = TokenizerRecord(
        sha256=hashlib.sha256(TOKENIZER_JSON).hexdigest(),
        vocabulary_size=vocabulary_size,
        special_tokens=special_tokens(TOKENIZER_JSON),
        end_of_document="<|endoftext|>",
        end_of_document_id=0,
        encoded_with="nothing 0",
    )
    splits = {
        split: {
            source: Counts(documents=len(texts), tokens=sum(map(len, texts)), text_bytes=0)
            for source, texts in sources.items()
        }
        for split, sources in documents.items()
    }
    listed = [TokenFile.of(ref, "tokens/") for ref in files]
    manifest = make_manifest(tokenizer, splits, datasets, listed)
    store.publish("tokens/manifest.json", manifest.to_bytes())
    store.publish("tokenizer/tokenizer.json", TOKENIZER_JSON)
    return folder / "tokens"


def _packed(
    store: Store,
    split: str,
    settings: PackingSettings,
    indexes: list[FileRef],
    order: Sequence[Sequence[int]] | None,
) -> list[FileRef]:
    context = JobContext(store, EngineConfig(), seed=17)
    sequences = order and tuple(
        store.publish(f"steps/order/{phase}.bin", np.array(rows, dtype="<i8").tobytes())
        for phase, rows in enumerate(order)
    )
    job = PackJob(f"pack-{split}", "0" * 32, settings, tuple(indexes), sequences)
    result = job.run(context)
    found = []
    for file in result.files:
        path = f"tokens/{split}/{final_name(file.kind, file.part)}"
        store.move(file.ref.path, path)
        found.append(FileRef(path, file.ref.size_bytes, file.ref.checksum))
    return found
