"""Parquet: row groups as splits, wrong schemas, damaged files and rows."""

from __future__ import annotations

import datetime
import decimal
import io

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.stages.sources.base import Caps
from curate.stages.sources.parquet import Parquet


def _bytes(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_rows_become_documents_in_row_order_for_any_split_size(read, write):
    table = pa.table({"text": [f"text {row}" for row in range(1000)], "id": list(range(1000))})
    path = write("a.parquet", _bytes(table, row_group_size=130))
    whole = read(Parquet(paths=(path,)))
    assert [record.offset for record in whole.documents] == list(range(1000))
    assert whole.documents[7].meta == {"source_id": 7}
    for split_bytes in (1, 2000):
        assert read(Parquet(paths=(path,)), split_bytes=split_bytes).documents == whole.documents
    source = Parquet(paths=(path,))
    assert len(source.splits(source.files(".")[0], 1)) == 8


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_every_kind_of_string_column(read, write, kind):
    table = pa.table({"text": pa.array(["ä", "b"], pa.string()).cast(kind)})
    assert read(Parquet(paths=(write("a.parquet", _bytes(table)),))).texts == ["ä", "b"]


def test_nulls_nul_characters_invalid_utf8_and_long_rows_are_quarantined(read, write):
    raw = pa.array(
        [b"good", None, b"a\0b", b"caf\xe9", b"x" * 500, b"\xed\xa0\x80", b"also good"], pa.binary()
    )
    text = pa.StringArray.from_buffers(
        len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0]
    )
    for column in (raw, text):
        path = write("a.parquet", _bytes(pa.table({"text": column, "n": range(7)})))
        reading = read(Parquet(paths=(path,)), Caps(max_document_bytes=400))
        assert [(record.offset, record.text) for record in reading.documents] == [
            (0, "good"),
            (6, "also good"),
        ]
        assert [(bad.offset, bad.error) for bad in reading.bad] == [
            (1, "text_not_string"),
            (2, "nul_character"),
            (3, "invalid_utf8"),
            (4, "too_large"),
            (5, "invalid_utf8"),
        ]


def test_meta_holds_what_json_can_hold(read, write):
    table = pa.table(
        {
            "doc": [{"text": "hello", "lang": "en"}],
            "day": [datetime.date(2020, 1, 2)],
            "at": [datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.UTC)],
            "price": [decimal.Decimal("1.50")],
            "blob": pa.array([b"\xff\x00"], pa.binary()),
            "list": [[1, 2]],
        }
    )
    path = write("a.parquet", _bytes(table))
    (document,) = read(Parquet(paths=(path,), text_field="doc.text", date_field="at")).documents
    assert document.date == "2020-01-02T03:04:00+00:00"
    assert orjson.loads(orjson.dumps(document.meta)) == {
        "doc": {"lang": "en"},
        "day": "2020-01-02",
        "price": "1.50",
        "blob": "/wA=",
        "list": [1, 2],
    }


def test_a_file_with_another_schema_is_one_bad_record_and_the_others_are_read(
    read, write, tmp_path
):
    good = pa.table({"text": ["a", "b"]})
    write("in/1.parquet", _bytes(good))
    write("in/2.parquet", _bytes(pa.table({"body": ["a"] * 5}), row_group_size=1))
    write("in/3.parquet", _bytes(pa.table({"text": [1, 2, 3]}), row_group_size=1))
    write("in/4.parquet", b"")
    write("in/5.parquet", _bytes(good)[:-30])
    write("in/6.parquet", b"PAR1 no parquet PAR1")
    write("in/7.parquet", _bytes(good))
    reading = read(Parquet(paths=("in/*",)), split_bytes=1, folder=str(tmp_path))
    assert len(reading.texts) == 4
    assert [(bad.path[0], bad.error) for bad in reading.bad] == [
        ("2", "wrong_schema"),
        ("3", "wrong_schema"),
        ("4", "empty_file"),
        ("5", "corrupt_file"),
        ("6", "corrupt_file"),
    ]
    assert "'text'" in reading.bad[0].message and "body" in reading.bad[0].message


@pytest.mark.parametrize("checksum", [True, False])
def test_a_damaged_row_group_is_one_bad_record_and_the_others_survive(read, write, checksum):
    table = pa.table({"text": [f"text number {row} " * 20 for row in range(3000)]})
    data = bytearray(
        _bytes(table, row_group_size=1000, write_page_checksum=checksum, compression="zstd")
    )
    second = pq.read_metadata(io.BytesIO(data)).row_group(1).column(0)
    start = second.dictionary_page_offset or second.data_page_offset
    # Without checksums only damage to the structure can be seen, so that case breaks the page's
    # header.
    middle = start + (second.total_compressed_size // 2 if checksum else 0)
    data[middle : middle + 64] = bytes(value ^ 0x5A for value in data[middle : middle + 64])
    reading = read(Parquet(paths=(write("a.parquet", bytes(data)),)))
    assert reading.errors == {"corrupt_row_group": 1}
    assert {record.offset for record in reading.documents} >= {*range(1000), *range(2000, 3000)}
    assert 1000 <= reading.bad[0].offset < 2000
