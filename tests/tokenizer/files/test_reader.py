"""Training rows as a model takes them: every token predicted once, boundaries where documents meet,
and nothing read that belongs to something else.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from curate_test_tokens import DOCUMENTS, TOKENIZER_JSON, write_tokens

from curate.errors import DataError
from curate.tokenizer.files.reader import IGNORED_LABEL, TokenFiles, TrainingRows
from curate.tokenizer.packing.rows import PackingSettings, Strategy

TRAIN = [*DOCUMENTS["train"]["web"], *DOCUMENTS["train"]["books"]]
BEST_FIT = PackingSettings("best_fit", 16, 4)


@pytest.fixture(params=["concat", "best_fit", "buckets"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> TrainingRows:
    strategy: Strategy = request.param
    return TrainingRows(write_tokens(tmp_path, PackingSettings(strategy, 16, 1)))


def test_documents_are_found_by_their_row(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path, BEST_FIT)
    files = TokenFiles(folder, "train", TOKENIZER_JSON)
    assert [files[row].tolist() for row in range(len(files))] == TRAIN
    assert len(TokenFiles(folder, "validation")) == 1
    with pytest.raises(IndexError, match="row 6 of 6 documents of 'train'"):
        files[6]


@pytest.mark.parametrize("vocabulary_size", [300, 70_000])
def test_ids_of_both_types_are_read(tmp_path: Path, vocabulary_size: int) -> None:
    documents = {"train": {"web": [[vocabulary_size - 1, 0]]}}
    folder = write_tokens(tmp_path, BEST_FIT, documents, vocabulary_size)
    assert TrainingRows(folder).sample(0).inputs.tolist() == [vocabulary_size - 1, *[0] * 15]


def test_a_row_holds_stretches_of_documents_and_padding(rows: TrainingRows) -> None:
    assert set(rows.rows_of_length) <= (
        {16} if rows.plan.strategy != "buckets" else {16, 8, 4, 2, 1}
    )
    for number in range(len(rows)):
        sample = rows.row(number)
        assert sample.boundaries[0] == 0 and sample.boundaries[-1] == len(sample.inputs)
        spans = zip(sample.boundaries, sample.boundaries[1:], strict=False)
        pieces = sample.pieces.tolist()
        at = 0
        for (begin, end), piece in zip(spans, [*pieces, None], strict=False):
            assert sample.positions[begin:end].tolist() == list(range(end - begin))
            if piece is None:
                assert (sample.labels[begin:end] == IGNORED_LABEL).all(), "padding"
                continue
            document, start, length = piece
            length = min(length, len(sample.inputs) - at)
            if not length:
                assert rows.plan.strategy == "concat"
                continue
            text = TRAIN[document]
            assert sample.inputs[begin:end].tolist() == text[start : start + length]
            labels = [*text, IGNORED_LABEL][start + 1 : start + length + 1]
            assert sample.labels[begin:end].tolist() == labels
            at += length


def test_every_token_but_the_first_is_predicted_once(rows: TrainingRows) -> None:
    predicted: Counter[int] = Counter()
    for number in range(len(rows)):
        labels = rows.row(number).labels
        predicted.update(labels[labels != IGNORED_LABEL].tolist())
    expected = Counter(token for text in TRAIN for token in text[1:])
    if rows.plan.strategy == "concat":
        assert predicted <= expected and expected.total() - predicted.total() < 17
    else:
        assert predicted == expected


def test_windows_are_those_of_megatron(tmp_path: Path) -> None:
    rows = TrainingRows(write_tokens(tmp_path, PackingSettings("concat", 16, 1)))
    stream = [token for text in TRAIN for token in text]
    assert len(rows) == (len(stream) - 1) // 16
    for number in range(len(rows)):
        window = stream[number * 16 : number * 16 + 17]
        assert rows.window(number).tolist() == window
        assert rows.row(number).inputs.tolist() == window[:16]


def test_samples_do_not_depend_on_who_asked_for_what_before(rows: TrainingRows) -> None:
    total = 3 * len(rows)
    expected = [rows.sample(number).inputs.tolist() for number in range(total)]
    for epoch in range(3):
        part = expected[epoch * len(rows) : (epoch + 1) * len(rows)]
        assert sorted(part) == sorted(
            rows.row(number).inputs.tolist() for number in range(len(rows))
        )
    for readers in (2, 3):
        found: dict[int, list[int]] = {}
        for rank in range(readers):
            own = TrainingRows(rows.files.folder)
            for number in reversed(range(rank, total, readers)):
                found[number] = own.sample(number).inputs.tolist()
        assert [found[number] for number in range(total)] == expected
    sample = rows.sample(total - 1)
    assert rows.order(sample.epoch).position(sample.row) == len(rows) - 1
    assert sample.epoch == 2


def test_torch_and_the_encoders_are_not_imported() -> None:
    code = (
        "import sys, curate.tokenizer.files.reader; "
        "print([m for m in ('torch', 'tokenizers', 'gigatoken', 'ray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_split_without_rows_is_empty(tmp_path: Path) -> None:
    rows = TrainingRows(write_tokens(tmp_path, PackingSettings("concat", 16, 1)), "validation")
    assert len(rows) == 0 and rows.rows_of_length == {}
    with pytest.raises(IndexError):
        rows.sample(0)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def other_version(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[9] = 2
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("web-00000.bin", truncated, r"web-00000\.bin: 96 bytes, its index says 98; truncated"),
        ("web-00000.idx", other_version, r"web-00000\.idx: offset 9: version 2, known is 1"),
        ("web-00000.idx", Path.unlink, r"web-00000\.idx: the file is missing"),
        ("packing.json", truncated, r"packing\.json: the file: Invalid JSON"),
        ("packing/00000.pieces.npy", truncated, r"pieces\.npy: truncated or damaged"),
        ("packing/00000.starts.npy", Path.unlink, r"starts\.npy: the file is missing"),
        ("../manifest.json", truncated, r"manifest\.json: the file: Invalid JSON"),
        ("../manifest.json", Path.unlink, r"manifest\.json: the file is missing"),
    ],
)
def test_damage_is_told_with_the_file(
    tmp_path: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    folder = write_tokens(tmp_path, BEST_FIT)
    damage(folder / "train" / name)

    def read_all() -> None:
        rows = TrainingRows(folder)
        for number in range(len(rows)):
            rows.row(number)

    with pytest.raises(DataError, match=message):
        read_all()


def test_another_tokenizer_and_files_of_another_run_are_refused(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path / "a", BEST_FIT)
    with pytest.raises(
        DataError, match=r"were made with the tokenizer .* take tokenizer/tokenizer"
    ):
        TrainingRows(folder, tokenizer_json=b"{}")
    with pytest.raises(DataError, match="no split 'dev'; there are: train, validation"):
        TokenFiles(folder, "dev")
    other = {"train": {"web": [[1, 0]], "books": [[2, 0]]}, "validation": {}}
    theirs = write_tokens(tmp_path / "b", BEST_FIT, other)
    for ending in ("bin", "idx"):
        name = f"train/web-00000.{ending}"
        (folder / name).write_bytes((theirs / name).read_bytes())
    with pytest.raises(DataError, match=r"\(1, 2, .*the manifest says \(4, 49.*another run"):
        TokenFiles(folder)[0]


def test_rows_in_several_parts_are_one_sequence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = TrainingRows(write_tokens(tmp_path / "a", PackingSettings("concat", 16, 1)))
    monkeypatch.setattr("curate.pipeline.tokens.pack_jobs.pack", _in_small_groups)
    parts = TrainingRows(write_tokens(tmp_path / "b", PackingSettings("concat", 16, 1)))
    assert len(parts.plan.parts) > 1
    for number in range(len(whole)):
        np.testing.assert_array_equal(parts.row(number).inputs, whole.row(number).inputs)


def _in_small_groups(*arguments):
    from curate.tokenizer.packing.rows import pack

    return pack(*arguments, group_pieces=2)
