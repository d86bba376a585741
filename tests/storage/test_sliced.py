"""Sliced files: every slice alone, damage found before a row is used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.storage.sliced import BATCH_ROWS, read_index, read_slice, write_sliced
from curate.storage.store import DamagedFile, FileRef, Store

SCHEMA = pa.schema([pa.field("number", pa.int64()), pa.field("word", pa.string())])


def batch(numbers: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"number": numbers, "word": [f"wörd {n}" for n in numbers]}, schema=SCHEMA
    )


def write(store: Store, slices: dict[int, list[list[int]]], path: str = "file.sliced") -> FileRef:
    return write_sliced(
        store,
        path,
        SCHEMA,
        ((number, map(batch, parts)) for number, parts in sorted(slices.items())),
    )


def numbers_of(store: Store, ref: FileRef, number: int) -> list[int]:
    return [
        n for found in read_slice(store, ref, number) for n in found.column("number").to_pylist()
    ]


@given(
    slices=st.dictionaries(
        st.integers(0, 2**40),
        st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), max_size=4),
        max_size=6,
    )
)
def test_every_slice_reads_back_alone(
    tmp_path_factory: pytest.TempPathFactory, slices: dict[int, list[list[int]]]
) -> None:
    store = Store(str(tmp_path_factory.getbasetemp() / "sliced"))
    ref = write(store, slices)
    flat = {number: [n for part in parts for n in part] for number, parts in slices.items()}
    assert set(read_index(store, ref)) == {number for number, rows in flat.items() if rows}
    assert ref.rows == sum(len(rows) for rows in flat.values())
    for number in [*flat, 7]:
        assert numbers_of(store, ref, number) == flat.get(number, [])
    store.verify(ref)


def test_batches_stay_small_however_they_came(tmp_path: Path) -> None:
    ref = write(Store(str(tmp_path)), {1: [list(range(3 * BATCH_ROWS + 5))]})
    assert [found.num_rows for found in read_slice(Store(str(tmp_path)), ref, 1)] == [
        BATCH_ROWS
    ] * 3 + [5]


def test_the_bytes_do_not_depend_on_how_a_slice_was_batched(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    one = write(store, {1: [list(range(1000))], 2: [[5]]}, "one")
    many = write(store, {1: [list(range(400)), [], list(range(400, 1000))], 2: [[], [5]]}, "many")
    assert (one.size_bytes, one.checksum) == (many.size_bytes, many.checksum)


def test_every_flipped_byte_is_found_by_whoever_needs_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, {1: [list(range(30))], 4: [list(range(30, 50))]})
    good = store.read(ref.path)
    index = read_index(store, ref)
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 0x10
        store.publish(ref.path, bytes(damaged))
        for number, rows in ((1, list(range(30))), (4, list(range(30, 50)))):
            inside = index[number].offset <= place < index[number].offset + index[number].size_bytes
            shared = place < index[1].offset or place >= index[4].offset + index[4].size_bytes
            if inside or shared:
                with pytest.raises(DamagedFile, match=r"file\.sliced"):
                    numbers_of(store, ref, number)
            else:
                assert numbers_of(store, ref, number) == rows


def test_a_missing_or_short_or_foreign_file_is_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, {1: [[1, 2]]})
    data = store.read(ref.path)
    store.publish(ref.path, data[:-1])
    with pytest.raises(DamagedFile, match="bytes, recorded were"):
        numbers_of(store, ref, 1)
    for foreign in (b"", b"CURATE1\n", b"\xff" * ref.size_bytes):
        other = store.publish("other", foreign)
        with pytest.raises(DamagedFile, match="other"):
            numbers_of(store, other, 1)
    store.delete(ref.path)
    with pytest.raises(DamagedFile, match="missing"):
        numbers_of(store, ref, 1)


def test_slices_may_not_go_backwards(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(ValueError, match="ascending"):
        write_sliced(store, "file", SCHEMA, iter([(2, [batch([1])]), (1, [batch([2])])]))
    assert not store.exists("file")


def test_large_indexes_and_many_batches_read_back(tmp_path: Path) -> None:
    """An index that is longer than what is read of the end at first."""
    store = Store(str(tmp_path))
    slices = {number: [[number]] for number in range(3_000)}
    slices[1_500] = [list(range(20 * BATCH_ROWS))]
    ref = write(store, slices)
    assert numbers_of(store, ref, 2_999) == [2_999]
    assert numbers_of(store, ref, 0) == [0]
    assert numbers_of(store, ref, 1_500) == list(range(20 * BATCH_ROWS))
    assert numbers_of(store, ref, 3_000) == []


def test_a_file_without_rows_has_no_slices(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, {1: [[]], 5: []})
    assert ref.rows == 0
    assert read_index(store, ref) == {}
    assert numbers_of(store, ref, 1) == []


def test_a_reader_keeps_no_file_open_and_hands_out_one_batch_at_a_time(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, {1: [list(range(3 * BATCH_ROWS))]})
    before = len(list(Path("/proc/self/fd").iterdir()))
    readers = [read_slice(store, ref, 1) for _ in range(50)]
    assert [next(reader).num_rows for reader in readers] == [BATCH_ROWS] * 50
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    store.delete(ref.path)
    with pytest.raises(DamagedFile, match="missing"):
        next(readers[0])
