from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curate.errors import DataError
from curate.tokenizer.files.megatron import IndexedDataset, token_type, write_index

DOCUMENTS = [[5, 6, 7, 0], [0], [65_498, 1, 0], [8] * 300 + [0]]


def write_pair(prefix: Path, documents: list[list[int]], vocabulary_size: int) -> None:
    dtype = token_type(vocabulary_size)
    lengths = np.array([len(document) for document in documents])
    ids = np.array([token for document in documents for token in document], dtype=dtype)
    Path(f"{prefix}.bin").write_bytes(ids.tobytes())
    with open(f"{prefix}.idx", "wb") as output:
        write_index(output, dtype, lambda: np.array_split(lengths, 2), len(documents))


@pytest.mark.parametrize(
    ("vocabulary_size", "expected"),
    [(300, "<u2"), (65_499, "<u2"), (65_500, "<i4"), (1_000_000, "<i4")],
)
def test_the_type_of_ids_follows_the_vocabulary(vocabulary_size: int, expected: str) -> None:
    assert token_type(vocabulary_size) == np.dtype(expected)


def test_the_bytes_of_the_index() -> None:
    output = io.BytesIO()
    write_index(
        output, np.dtype("<u2"), lambda: [np.array([2]), np.array([], int), np.array([3])], 2
    )
    assert output.getvalue() == b"".join(
        [
            b"MMIDIDX\x00\x00",
            (1).to_bytes(8, "little"),
            b"\x08",
            (2).to_bytes(8, "little"),
            (3).to_bytes(8, "little"),
            np.array([2, 3], "<i4").tobytes(),
            np.array([0, 4], "<i8").tobytes(),
            np.array([0, 1, 2], "<i8").tobytes(),
        ]
    )


@pytest.mark.parametrize("vocabulary_size", [65_499, 70_000])
def test_what_is_written_is_read(tmp_path: Path, vocabulary_size: int) -> None:
    write_pair(tmp_path / "web-00000", DOCUMENTS, vocabulary_size)
    dataset = IndexedDataset(tmp_path / "web-00000")
    assert [ids.tolist() for ids in dataset] == DOCUMENTS
    dataset.check_ids(vocabulary_size)


@pytest.mark.parametrize("vocabulary_size", [65_499, 70_000])
def test_megatron_core_reads_the_files(tmp_path: Path, vocabulary_size: int) -> None:
    reader = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset",
        reason="needs megatron-core and torch: pip install megatron-core torch",
    )
    write_pair(tmp_path / "web-00000", DOCUMENTS, vocabulary_size)
    dataset = reader.IndexedDataset(str(tmp_path / "web-00000"))
    assert len(dataset) == len(DOCUMENTS)
    assert [ids.tolist() for ids in dataset[:]] == DOCUMENTS
    assert [dataset.get(number).tolist() for number in range(4)] == DOCUMENTS
    assert dataset.index.dtype == token_type(vocabulary_size).type
    assert dataset.index.dtype == reader.DType.optimal_dtype(vocabulary_size)
    assert dataset.document_indices.tolist() == [0, 1, 2, 3, 4]
    builder = reader.IndexedDatasetBuilder(
        str(tmp_path / "theirs.bin"), dtype=reader.DType.optimal_dtype(vocabulary_size)
    )
    for document in DOCUMENTS:
        builder.add_document(np.array(document), [len(document)])
    builder.finalize(str(tmp_path / "theirs.idx"))
    for ending in ("bin", "idx"):
        theirs = (tmp_path / f"theirs.{ending}").read_bytes()
        assert (tmp_path / f"web-00000.{ending}").read_bytes() == theirs


def overwrite(offset: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:offset] + data + content[offset + len(data) :]


@pytest.mark.parametrize(
    ("ending", "damage", "message"),
    [
        ("bin", lambda content: content[:-2], r"web\.bin: 616 bytes, its index says 618; trunc"),
        ("bin", lambda content: content + b"\0\0", "it belongs to another index"),
        ("bin", lambda content: b"", "0 bytes, its index says 618"),
        ("idx", lambda content: b"", "a header has 34"),
        ("idx", lambda content: content[:-8], "114 bytes, 122 for 4 sequences; truncated"),
        ("idx", overwrite(0, b"MMIDIDY"), "offset 0: .* is not"),
        ("idx", overwrite(9, b"\x02"), "offset 9: version 2"),
        ("idx", overwrite(17, b"\x07"), "offset 17: type code 7"),
        ("idx", overwrite(26, b"\x06"), "offset 26: 6 document indices for 4"),
        ("idx", overwrite(18, b"\xff" * 8), "offset 26"),
        ("idx", overwrite(34, b"\xff" * 4), "document 0 has a negative length"),
        ("idx", overwrite(50 + 8, b"\x09"), "pointers do not follow"),
        ("idx", overwrite(82 + 8, b"\x02"), "document indices are not 0"),
    ],
)
def test_damage_is_told_with_file_and_place(
    tmp_path: Path, ending: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    write_pair(tmp_path / "web", DOCUMENTS, 65_499)
    file = tmp_path / f"web.{ending}"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=message):
        IndexedDataset(tmp_path / "web")


def test_a_missing_file_and_ids_of_another_tokenizer_are_told(tmp_path: Path) -> None:
    write_pair(tmp_path / "web", DOCUMENTS, 65_499)
    with pytest.raises(
        DataError, match=r"token 5 \(byte 10\) is 65498, outside the vocabulary of 300"
    ):
        IndexedDataset(tmp_path / "web").check_ids(300)
    (tmp_path / "web.bin").unlink()
    with pytest.raises(DataError, match=r"web\.bin: the file is missing"):
        IndexedDataset(tmp_path / "web")


def test_an_empty_dataset_is_read(tmp_path: Path) -> None:
    write_pair(tmp_path / "web", [], 300)
    assert len(IndexedDataset(tmp_path / "web")) == 0


def test_lengths_that_do_not_match_the_count_are_refused() -> None:
    with pytest.raises(ValueError, match="for 3 documents, the lengths are 2"):
        write_index(io.BytesIO(), np.dtype("<u2"), lambda: [np.array([1, 2])], 3)
