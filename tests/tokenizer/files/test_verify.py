"""`verify_tokens` finds every damage, and nothing where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from curate_test_tokens import DOCUMENTS, TOKENIZER_JSON, write_tokens

from curate.errors import DataError
from curate.storage.store import Store
from curate.tokenizer.files.manifest import Manifest, TokenFile, read_manifest
from curate.tokenizer.files.reader import TrainingRows
from curate.tokenizer.files.verify import verify_tokens
from curate.tokenizer.packing.report import STRATEGIES
from curate.tokenizer.packing.rows import PackingSettings, Strategy

TRAIN = [*DOCUMENTS["train"]["web"], *DOCUMENTS["train"]["books"]]
SETTINGS = PackingSettings("best_fit", 16, 4)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("size", [2, 16, 64])
def test_sound_files_have_no_faults(tmp_path: Path, strategy: Strategy, size: int) -> None:
    folder = write_tokens(tmp_path, PackingSettings(strategy, size, 2))
    found = verify_tokens(folder, TOKENIZER_JSON)
    assert found.faults == []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert (found.files, found.documents, found.tokens) == (len(files) - 1, 7, 72)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_phases_with_repeats_have_no_faults(tmp_path: Path, strategy: Strategy) -> None:
    order = [[3, 0, 3, 1, 4], [5, 2, 4, 4], []]
    folder = write_tokens(tmp_path, PackingSettings(strategy, 16, 2), train_order=order)
    assert verify_tokens(folder, TOKENIZER_JSON).faults == []
    rows = TrainingRows(folder)
    assert len(rows.plan.phases) == 3 and rows.plan.phases[2] == 0
    of_phases = [{0, 1, 3, 4}, {2, 4, 5}]
    for number in range(2 * len(rows)):
        phase = int(number % len(rows) >= rows.plan.phases[0])
        sample = rows.sample(number)
        assert set(sample.pieces["document"].tolist()) <= of_phases[phase]
    figures = rows.plan.figures[strategy]
    assert figures.documents == 9
    if strategy == "concat":
        tokens = [[len(TRAIN[row]) for row in phase] for phase in order]
        assert figures.rows == sum((sum(phase) - 1) // 16 for phase in tokens[:2])


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(bytes(data))


def settle(folder: Path) -> None:
    """Write the manifest's checksums anew, as if the damage had been there before them."""
    store = Store(str(folder))
    path = folder / "manifest.json"
    manifest = read_manifest(path.read_bytes(), str(path))
    files = tuple(
        TokenFile(
            path=file.path,
            size_bytes=store.size(file.path) or 0,
            xxh3_64=f"{store.checksum(file.path):016x}",
        )
        for file in manifest.files
    )
    path.write_bytes(manifest.model_copy(update={"files": files}).to_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "train/web-00000.bin",
        "train/books-00000.idx",
        "train/documents.parquet",
        "validation/packing.json",
        "train/packing/00000.pieces.npy",
        "train/packing/00000.starts.npy",
    ],
)
def test_one_wrong_bit_anywhere_is_found(tmp_path: Path, name: str) -> None:
    folder = write_tokens(tmp_path, SETTINGS)
    flip(folder / name, (folder / name).stat().st_size // 2)
    found = verify_tokens(folder, TOKENIZER_JSON)
    assert any(name in fault and "checksum" in fault for fault in found.faults)


@pytest.mark.parametrize(
    "name",
    [
        "train/books-00000.idx",
        "train/documents.parquet",
        "validation/packing.json",
        "train/packing/00000.pieces.npy",
        "train/packing/00000.starts.npy",
    ],
)
def test_no_damage_ends_the_check_of_the_other_files(tmp_path: Path, name: str) -> None:
    folder = write_tokens(tmp_path, SETTINGS)
    path = folder / name
    sound = path.read_bytes()
    files = sum(1 for each in folder.rglob("*") if each.is_file()) - 1
    places = [place * len(sound) // 16 for place in range(16)]
    for place in places:
        for damaged in (
            sound[:place] + bytes([sound[place] ^ 0x10]) + sound[place + 1 :],
            sound[:place] + b"\xff\xff" + sound[place + 2 :],
            sound[:place],
        ):
            path.write_bytes(damaged)
            found = verify_tokens(folder, TOKENIZER_JSON)
            assert found.files == files
            assert any(name in fault for fault in found.faults) or damaged == sound


def change_rows(folder: Path) -> None:
    path = folder / "train" / "documents.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[2]["token_offset"] += 1
    pq.write_table(pq.read_table(path).from_pylist(rows, pq.read_schema(path)), path)


def change_pieces(folder: Path) -> None:
    path = folder / "train" / "packing" / "00000.pieces.npy"
    pieces = np.load(path)
    pieces["length"][-1] += 50
    np.save(path, pieces)


def lose_a_piece_token(folder: Path) -> None:
    path = folder / "train" / "packing" / "00000.pieces.npy"
    pieces = np.load(path)
    pieces["length"][0] -= 1
    np.save(path, pieces)


def change_end(folder: Path) -> None:
    path = folder / "train" / "web-00000.bin"
    ids = np.fromfile(path, dtype="<u2")
    ids[3] = 7
    ids.tofile(path)


def change_id(folder: Path) -> None:
    path = folder / "train" / "web-00000.bin"
    ids = np.fromfile(path, dtype="<u2")
    ids[1] = 300
    ids.tofile(path)


def change_counts(folder: Path) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["splits"]["train"]["books"]["tokens"] = 20
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_rows, r"documents.parquet: row 2 is .*web-00000\.idx has offset 5 and length 3"),
        (change_pieces, r"packing.json: part 0: piece \d+ is .* not inside a document"),
        (lose_a_piece_token, r"packing.json: 70 tokens are in rows, the pieces hold 69"),
        (change_end, r"web-00000.bin: document 0 does not end with <\|endoftext\|> \(1 such"),
        (change_id, r"token 1 \(byte 2\) is 300, outside the vocabulary of 300"),
        (
            change_counts,
            r"source books: \(documents, tokens\) is \(2, 20\), its files hold \(2, 21",
        ),
    ],
)
def test_what_contradicts_is_found_when_checksums_agree(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    folder = write_tokens(tmp_path, SETTINGS)
    damage(folder)
    settle(folder)
    found = verify_tokens(folder, TOKENIZER_JSON)
    assert re.search(message, "\n".join(found.faults)), found.faults


def test_other_tokenizers_strange_files_and_missing_ones(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path, SETTINGS)
    (folder / "train" / "note.txt").write_text("a note")
    (folder / "validation" / "web-00000.bin").unlink()
    faults = "\n".join(verify_tokens(folder, b"{}").faults)
    assert "were made with the tokenizer" in faults
    assert "note.txt: the manifest does not name it" in faults
    assert "validation/web-00000.bin: the file is missing" in faults


def test_a_folder_without_a_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give the folder tokens/ of a finished run"):
        verify_tokens(tmp_path, None)


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path, SETTINGS)
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"format_version": 2', '"format_version": 1'))
    with pytest.raises(DataError, match="format_version: Input should be 2"):
        verify_tokens(folder, None)
    assert Manifest.model_fields["format_version"].default == 2
