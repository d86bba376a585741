"""Every export is read back as its consumer does.

By the consumer's own package where it is installed (datatrove's merger and torch dataset, Hugging
Face datasets); otherwise by a reader written from the format's specification. `docs/token_files.md`
says which.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import struct
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from curate_test_tokens import DOCUMENTS, TOKENIZER_JSON, write_tokens

import curate.tokenizer.files.export
from curate.errors import DataError
from curate.tokenizer.files.export import ExportFormat, export_tokens
from curate.tokenizer.packing.rows import PackingSettings

SETTINGS = PackingSettings("best_fit", 16, 4)
WEB = DOCUMENTS["train"]["web"]


@pytest.fixture(params=[300, 70_000])
def vocabulary_size(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.fixture
def tokens(tmp_path: Path, vocabulary_size: int) -> Path:
    return write_tokens(tmp_path / "run", SETTINGS, vocabulary_size=vocabulary_size)


def exported(tokens: Path, wanted: ExportFormat) -> Path:
    output = tokens.parent.parent / "exports" / wanted
    found = export_tokens(tokens, TOKENIZER_JSON, wanted, output)
    assert (found.files, found.tokens) == (3, 72)
    about = json.loads((output / "export.json").read_text())
    assert about["end_of_document_id"] == 0
    assert (output / "tokenizer.json").read_bytes() == TOKENIZER_JSON
    names = {str(path.relative_to(output)) for path in output.rglob("*.*")}
    assert {file["path"] for file in about["files"]} <= names
    return output


def ids_by(output: Path, name: str, starts: list[int], ends: list[int]) -> list[list[int]]:
    dtype = np.dtype(json.loads((output / "export.json").read_text())["token_type"])
    ids = np.memmap(output / name, dtype=dtype, mode="r")
    assert ends[-1] == len(ids)
    return [ids[start:end].tolist() for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    ("wanted", "ending"), [("datatrove", "ds"), ("dolma", "npy"), ("raw", "bin")]
)
def test_ids_are_linked_and_not_copied(tokens: Path, wanted: ExportFormat, ending: str) -> None:
    output = exported(tokens, wanted)
    for name in ("train/web-00000", "train/books-00000", "validation/web-00000"):
        assert os.path.samefile(tokens / f"{name}.bin", output / f"{name}.{ending}")


def test_datatrove_by_its_specification(tokens: Path) -> None:
    output = exported(tokens, "datatrove")
    ends = np.fromfile(output / "train/web-00000.ds.index", dtype="<u8").tolist()
    assert ids_by(output, "train/web-00000.ds", [0, *ends[:-1]], ends) == WEB
    name, tokens_in_file, _ = (output / "train/web-00000.ds.metadata").read_text().split("\n")
    assert name.rsplit("|", 1)[1] in ("2", "4") and tokens_in_file == "49"


def test_datatrove_reads_its_documents(tokens: Path) -> None:
    """Its merger reads index, metadata and ids, and writes one file of the folder: ours again."""
    merger = pytest.importorskip(
        "datatrove.pipeline.tokens.merger", reason="needs datatrove: pip install datatrove"
    )
    output = exported(tokens, "datatrove")
    merged = merger.DocumentTokenizerMerger(
        str(output / "train"),
        str(output.parent / "merged"),
        "all",
        shuffle=False,
        save_loss_metadata=False,
    )
    merged.run()
    (found,) = (output.parent / "merged").glob("*.ds")
    size = int((output / "train/web-00000.ds.metadata").read_text().split("\n")[0][-1])
    ids = np.fromfile(found, dtype=f"<u{size}").tolist()
    stream = [t for source in ("books", "web") for text in DOCUMENTS["train"][source] for t in text]
    assert ids == stream


def test_datatrove_hands_out_windows(tokens: Path) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install torch")
    reader = pytest.importorskip(
        "datatrove.utils.dataset", reason="needs datatrove: pip install datatrove"
    )
    output = exported(tokens, "datatrove")
    size = int((output / "train/web-00000.ds.metadata").read_text().split("\n")[0][-1])
    dataset = reader.DatatroveFileDataset(
        str(output / "train/web-00000.ds"), 7, token_size=size, return_positions=True
    )
    stream = [(t, i) for text in WEB for i, t in enumerate(text)]
    assert len(dataset) == len(stream) // 8
    first = dataset[0]
    assert first["input_ids"].tolist() == [t for t, _ in stream[:8]]
    assert first["positions"].tolist() == [i for _, i in stream[:8]]


def test_dolma_by_its_specification(tokens: Path) -> None:
    output = exported(tokens, "dolma")
    with gzip.open(output / "train/web-00000.csv.gz", "rt", newline="") as lines:
        rows = list(csv.reader(lines))
    starts, ends = ([int(row[column]) for row in rows] for column in (0, 1))
    assert ids_by(output, "train/web-00000.npy", starts, ends) == WEB
    assert rows[2][2:] == ["web/web.txt#2", "documents/web/part-00000.parquet", "3"]


def test_olmo_core_finds_the_documents(tokens: Path) -> None:
    utils = pytest.importorskip(
        "olmo_core.data.utils", reason="needs OLMo-core and torch: pip install ai2-olmo-core torch"
    )
    output = exported(tokens, "dolma")
    dtype = np.dtype(json.loads((output / "export.json").read_text())["token_type"]).type
    path = output / "train/web-00000.npy"
    by_rows = list(utils.iter_document_indices(path, use_array_if_local=False, dtype=dtype))
    by_ids = list(utils.iter_document_indices(path, eos_token_id=0, dtype=dtype))
    assert by_rows == by_ids
    assert [utils.load_array_slice(path, *span, dtype).tolist() for span in by_rows] == WEB


def test_raw_as_torchtitan_maps_it(tokens: Path) -> None:
    output = exported(tokens, "raw")
    offsets = np.load(output / "train/web-00000.offsets.npy")
    assert offsets.dtype == np.dtype("<i8") and len(offsets) == len(WEB) + 1
    name = "train/web-00000.bin"
    assert ids_by(output, name, offsets[:-1].tolist(), offsets[1:].tolist()) == WEB


def test_parquet_of_ids(tokens: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curate.tokenizer.files.export, "PARQUET_TOKENS", 6)
    output = exported(tokens, "huggingface")
    file = pq.ParquetFile(output / "train/web-00000.parquet")
    assert file.num_row_groups == 3, "groups end with the document that fills them"
    rows = file.read().to_pylist()
    assert [row["input_ids"] for row in rows] == WEB
    assert [row["id"] for row in rows] == [f"web/web.txt#{number}" for number in range(len(WEB))]


def test_hugging_face_datasets_reads_the_parquet(tokens: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs datasets: pip install datasets")
    output = exported(tokens, "huggingface")
    files = sorted(str(path) for path in (output / "train").glob("web-*.parquet"))
    found = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(output.parent / "cache")
    )
    assert found["input_ids"] == WEB


def test_another_file_system_gets_a_copy(tokens: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    output = tokens.parent.parent / "far"
    found = export_tokens(tokens, TOKENIZER_JSON, "raw", output)
    assert (found.linked, found.copied) == (0, 3)
    name = "train/web-00000.bin"
    assert (output / name).read_bytes() == (tokens / name).read_bytes()


def test_an_export_is_there_whole_or_not_at_all(tokens: Path) -> None:
    index = tokens / "validation" / "web-00000.idx"
    index.write_bytes(index.read_bytes()[:-3])
    output = tokens.parent.parent / "broken"
    with pytest.raises(DataError, match="truncated or damaged"):
        export_tokens(tokens, TOKENIZER_JSON, "raw", output)
    assert not list(output.parent.glob("*broken*"))
    output.mkdir()
    with pytest.raises(DataError, match="exists already"):
        export_tokens(tokens, TOKENIZER_JSON, "raw", output)
    with pytest.raises(DataError, match="made with the tokenizer"):
        export_tokens(tokens, b"{}", "raw", output / "new")


def test_the_layouts_are_little_endian(tokens: Path) -> None:
    output = exported(tokens, "datatrove")
    data = (output / "train/web-00000.ds.index").read_bytes()
    assert struct.unpack("<4Q", data) == (4, 5, 8, 49)
