"""Parquet files: the same bytes for the same rows, flat memory, damage found."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.storage.parquet import cut_by_bytes, read_batches, write_parquet
from curate.storage.store import DamagedFile, FileRef, Store

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("source", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("also_broken", pa.list_(pa.string())),
    ]
)
TEXT = st.one_of(st.none(), st.text(max_size=200))


def table(texts: list[str | None]) -> pa.Table:
    rows = [
        {
            "id": f"web/é#{n}",
            "text": text,
            "source": "web" if n % 3 else None,
            "score": None if n % 5 == 0 else n / 7,
            "also_broken": None if n % 2 else ["a", "b"][: n % 3],
        }
        for n, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write(
    store: Store, path: str, batches: list[pa.RecordBatch], row_group_bytes: int = 2_000
) -> FileRef:
    return write_parquet(store, path, SCHEMA, batches, row_group_bytes)


@given(texts=st.lists(TEXT, max_size=60), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_the_same_bytes_however_the_rows_were_batched(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None], cuts: list[int]
) -> None:
    store = Store(str(tmp_path_factory.getbasetemp() / "parquet"))
    rows = table(texts)
    places = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    pieces = [rows.slice(start, end - start) for start, end in itertools.pairwise(places)]
    one = write(store, "one", rows.combine_chunks().to_batches())
    many = write(store, "many", [b for piece in pieces for b in piece.to_batches()])
    assert (one.size_bytes, one.checksum, one.rows) == (many.size_bytes, many.checksum, len(texts))
    assert store.read("one") == store.read("many")
    assert pa.Table.from_batches(read_batches(store, one, rows=7), SCHEMA).equals(rows)


def test_row_groups_end_with_the_row_that_reaches_the_size(tmp_path: Path) -> None:
    rows = table(["x" * 936] * 10)  # 1,000 bytes each with the 64 that the other columns count for
    ref = write(Store(str(tmp_path)), "file", rows.to_batches(), 3_000)
    groups = pq.ParquetFile(tmp_path / "file").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [3, 3, 3, 1]
    assert ref.rows == 10


def test_no_pandas_metadata_and_page_checksums(tmp_path: Path) -> None:
    write(Store(str(tmp_path)), "file", table(["a", "b"]).to_batches())
    schema = pq.read_schema(tmp_path / "file")
    assert not schema.metadata
    with pq.ParquetFile(tmp_path / "file", page_checksum_verification=True) as file:
        assert file.read().num_rows == 2
    assert "pandas" not in str(pq.read_metadata(tmp_path / "file").metadata)


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    rows = table([f"text {n} " * 20 for n in range(40)])
    ref = write(store, "file", rows.to_batches())
    good = store.read("file")
    dice = random.Random(5)
    places = [*range(0, len(good), 37), *range(max(0, len(good) - 400), len(good))]
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1 << dice.randrange(8)
        store.publish("file", bytes(damaged))
        with pytest.raises(DamagedFile, match="file"):
            list(read_batches(store, ref))


def test_truncated_and_missing_files_are_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, "file", table(["a"] * 5).to_batches())
    store.publish("file", store.read("file")[:-1])
    with pytest.raises(DamagedFile, match="recorded were"):
        list(read_batches(store, ref))
    other = store.publish("file", b"x" * ref.size_bytes)
    with pytest.raises(DamagedFile, match="not readable as Parquet"):
        list(read_batches(store, other))
    store.delete("file")
    with pytest.raises(DamagedFile, match="missing"):
        list(read_batches(store, ref))


def test_another_number_of_rows_than_recorded_is_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, "file", table(["a"] * 5).to_batches())
    with pytest.raises(DamagedFile, match="5 rows, recorded were 6"):
        list(read_batches(store, FileRef("file", ref.size_bytes, ref.checksum, 6)))


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    ref = write(store, "file", table(["a", "b"]).to_batches())
    (batch,) = read_batches(store, ref, ["score", "id"])
    assert set(batch.schema.names) == {"score", "id"}
    with pytest.raises(DamagedFile, match="columns \\['gone'\\] are missing"):
        list(read_batches(store, ref, ["id", "gone"]))


@given(texts=st.lists(st.text(max_size=30), max_size=40), batch_bytes=st.integers(1, 200))
def test_cutting_by_bytes_loses_nothing(texts: list[str], batch_bytes: int) -> None:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
    pieces = list(cut_by_bytes(batch, batch_bytes))
    assert [text for piece in pieces for text in piece.column("text").to_pylist()] == texts
    for piece in pieces:
        size = sum(len(text.encode()) for text in piece.column("text").to_pylist())
        assert piece.num_rows == 1 or size <= batch_bytes
