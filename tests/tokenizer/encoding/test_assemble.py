from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import DataError, SpecError
from curate.storage.store import FileRef
from curate.tokenizer.encoding.assemble import (
    CHUNK_SCHEMA,
    DOCUMENTS_SCHEMA,
    assemble,
    document_rows,
    encode_batch,
    plan_files,
)
from curate.tokenizer.encoding.encode import Encoder
from curate.tokenizer.encoding.split import TRAIN, VALIDATION, split_of
from curate.tokenizer.files.manifest import (
    Counts,
    TokenFile,
    TokenizerRecord,
    make_manifest,
    read_manifest,
)
from curate.tokenizer.files.megatron import IndexedDataset, token_type
from curate.tokenizer.training.trained import TrainedTokenizer

UINT16 = np.dtype("<u2")


@pytest.fixture(scope="module")
def encoder(trained: TrainedTokenizer) -> Encoder:
    return Encoder(trained.tokenizer_json, "<|endoftext|>")


def documents(texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "id": [f"web/{number}" for number in range(len(texts))],
            "text": pa.array(texts, pa.large_string()),
            "source": ["web"] * len(texts),
        }
    )


SPLITS = (TRAIN, VALIDATION)


class Chunk:
    """What an encode job leaves behind for one part and split, in memory."""

    def __init__(self) -> None:
        self.ids = b""
        self.rows = CHUNK_SCHEMA.empty_table()


def encode_part(
    encoder: Encoder, part: pa.RecordBatch, shard: str, batch_rows: int
) -> dict[str, Chunk]:
    chunks = {split: Chunk() for split in SPLITS}
    for start in range(0, part.num_rows, batch_rows):
        batch = part.slice(start, batch_rows)
        splits = split_of(batch.column("id"), seed=17, validation_fraction=0.2)
        for split, encoded in encode_batch(batch, splits, encoder, shard, start, SPLITS).items():
            chunks[split].ids += encoded.ids.tobytes()
            rows = pa.Table.from_batches([encoded.rows])
            chunks[split].rows = pa.concat_tables([chunks[split].rows, rows])
    return chunks


def write_files(
    folder: Path, chunks: list[Chunk], dtype: np.dtype, max_file_bytes: int
) -> pa.Table:
    """Assemble the chunks into `folder`; the rows of documents.parquet."""

    def lengths_of(chunk: int) -> np.ndarray:
        return chunks[chunk].rows.column("length").to_numpy()

    rows = []
    every_length = (lengths_of(chunk) for chunk in range(len(chunks)))
    for planned in plan_files("web", every_length, dtype, max_file_bytes):
        with (
            open(folder / f"{planned.name}.bin", "wb") as bin_output,
            open(folder / f"{planned.name}.idx", "wb") as idx_output,
        ):
            assemble(
                planned,
                lambda chunk: io.BytesIO(chunks[chunk].ids),
                lengths_of,
                dtype,
                bin_output,
                idx_output,
            )
        rows += list(document_rows(planned, lambda chunk: chunks[chunk].rows))
    return pa.Table.from_batches(rows, DOCUMENTS_SCHEMA)


def test_from_documents_to_files_and_back_to_text(
    encoder: Encoder,
    trained: TrainedTokenizer,
    real_texts: list[str],
    hostile_texts: list[str],
    tmp_path: Path,
) -> None:
    texts = real_texts[:60] + hostile_texts
    parts = [documents(texts[:40]), documents(texts[40:])]
    dtype = token_type(encoder.vocabulary_size)
    chunks = [encode_part(encoder, part, f"part-{n}", 7) for n, part in enumerate(parts)]
    found: dict[tuple[str, int], str] = {}
    for split in SPLITS:
        folder = tmp_path / split
        folder.mkdir()
        rows = write_files(folder, [chunk[split] for chunk in chunks], dtype, 4096)
        datasets = {
            name: IndexedDataset(folder / name) for name in set(rows.column("file").to_pylist())
        }
        assert len(datasets) > 1
        for row in rows.to_pylist():
            start, length = row["token_offset"], row["length"]
            ids = datasets[row["file"]].tokens[start : start + length].tolist()
            assert ids[-1] == encoder.end_of_document_id
            text = encoder.text.exact.tokenizer.decode(ids[:-1], skip_special_tokens=False)
            found[row["shard"], row["row"]] = text
            assert row["document_id"] == f"web/{row['row']}"
        for dataset in datasets.values():
            dataset.check_ids(trained.vocabulary_size)
    expected = {
        (f"part-{number}", row): text
        for number, part in enumerate(parts)
        for row, text in enumerate(part.column("text").to_pylist())
    }
    assert found == expected


def test_batches_do_not_change_a_chunk(encoder: Encoder, real_texts: list[str]) -> None:
    part = documents(real_texts[:50])
    whole, pieces = (encode_part(encoder, part, "part-0", rows) for rows in (50, 3))
    for split in SPLITS:
        assert whole[split].ids == pieces[split].ids
        assert whole[split].rows.equals(pieces[split].rows)


@given(
    st.lists(st.lists(st.integers(1, 30), max_size=12), max_size=6),
    st.integers(2, 80),
)
def test_planned_files_hold_every_document_once_in_order(
    chunks: list[list[int]], max_file_bytes: int
) -> None:
    files = plan_files(
        "web", (np.array(chunk, np.int32) for chunk in chunks), UINT16, max_file_bytes
    )
    found = []
    for planned in files:
        assert planned.documents > 0
        assert planned.tokens * 2 <= max_file_bytes or planned.documents == 1
        for part in planned.ranges:
            lengths = chunks[part.chunk]
            last = part.first_document + part.documents
            assert part.first_token == sum(lengths[: part.first_document])
            assert part.tokens == sum(lengths[part.first_document : last])
            found += [(part.chunk, number) for number in range(part.first_document, last)]
    assert found == [(c, number) for c, chunk in enumerate(chunks) for number in range(len(chunk))]
    for one, next_one in itertools.pairwise(files):
        first = next_one.ranges[0]
        assert (one.tokens + chunks[first.chunk][first.first_document]) * 2 > max_file_bytes
    assert [planned.name for planned in files] == [f"web-{n:05d}" for n in range(len(files))]


def test_chunks_of_other_sizes_give_the_same_files(
    encoder: Encoder, real_texts: list[str], tmp_path: Path
) -> None:
    part = documents(real_texts[:80])
    written = []
    for name, cuts in {"one": [0, 80], "many": [0, 1, 30, 30, 80]}.items():
        (tmp_path / name).mkdir()
        parts = [part.slice(a, b - a) for a, b in itertools.pairwise(cuts)]
        chunks = [encode_part(encoder, piece, "part-0", 9)["train"] for piece in parts]
        write_files(tmp_path / name, chunks, UINT16, 9000)
        written.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) > 4


def test_a_chunk_that_ends_early_is_told() -> None:
    planned = plan_files("web", [np.array([5, 5], np.int32)], UINT16, 100)[0]
    with pytest.raises(DataError, match="chunk 0 of the encoded documents ends 8 bytes early"):
        assemble(
            planned,
            lambda chunk: io.BytesIO(b"\0" * 12),
            lambda chunk: np.array([5, 5], np.int32),
            UINT16,
            io.BytesIO(),
            io.BytesIO(),
        )


def test_splits_are_a_draw_on_the_id() -> None:
    ids = pa.array([f"web/{number}" for number in range(20_000)])
    splits = split_of(ids, seed=17, validation_fraction=0.1).to_pylist()
    assert splits.count("validation") == pytest.approx(2000, abs=200)
    assert split_of(ids.slice(500, 9), 17, 0.1).to_pylist() == splits[500:509]
    assert set(split_of(ids, 17, 0.0).to_pylist()) == {"train"}
    assert split_of(ids, 18, 0.1).to_pylist() != splits


@pytest.fixture(scope="module")
def record(trained: TrainedTokenizer, encoder: Encoder) -> TokenizerRecord:
    return TokenizerRecord.of(trained.tokenizer_json, encoder)


def test_the_manifest_is_canonical_and_comes_back(record: TokenizerRecord) -> None:
    counts = {
        "validation": {"web": Counts(documents=1, tokens=2, text_bytes=3)},
        "train": {
            "web": Counts(documents=10, tokens=20, text_bytes=30),
            "books": Counts(documents=1, tokens=1, text_bytes=0),
        },
    }
    refs = [
        FileRef(f"tokens/train/{name}", 40, 255) for name in ("web-00000.bin", "books-00000.bin")
    ]
    files = [TokenFile.of(ref, "tokens/") for ref in refs]
    manifest = make_manifest(record, counts, {}, files)
    assert manifest.totals["train"] == Counts(documents=11, tokens=21, text_bytes=30)
    assert [file.path for file in manifest.files] == [
        "train/books-00000.bin",
        "train/web-00000.bin",
    ]
    assert manifest.files[0].xxh3_64 == "00000000000000ff"
    assert manifest.dtype == UINT16
    again = make_manifest(record, dict(reversed(counts.items())), {}, reversed(files))
    assert again.to_bytes() == manifest.to_bytes()
    assert read_manifest(manifest.to_bytes(), "manifest.json") == manifest


def test_a_reader_refuses_another_tokenizer_and_other_formats(
    record: TokenizerRecord, trained: TrainedTokenizer
) -> None:
    manifest = make_manifest(record, {}, {}, [])
    manifest.check_tokenizer(trained.tokenizer_json)
    with pytest.raises(DataError, match="were made with the tokenizer"):
        manifest.check_tokenizer(trained.tokenizer_json + b" ")
    newer = json.loads(manifest.to_bytes()) | {"format_version": 99}
    for wrong in (b"", b"[]", json.dumps(newer).encode()):
        with pytest.raises(DataError, match=r"^tokens/manifest\.json: "):
            read_manifest(wrong, "tokens/manifest.json")


def test_an_encoder_needs_its_end_token(trained: TrainedTokenizer) -> None:
    with pytest.raises(SpecError):
        Encoder(trained.tokenizer_json, "</s>")
