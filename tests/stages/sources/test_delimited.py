"""CSV and TSV: quotes, ragged rows, wrong bytes, and that a stray quote does not take the file."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

from curate.stages.sources.base import Caps
from curate.stages.sources.delimited import Csv, Tsv


def test_rows_become_documents_with_offsets_and_meta(read, write):
    data = (
        b'\xef\xbb\xbfid,text,url,n\r\n7,"two\nlines, ""quoted""",http://a/,x\r\n\r\n8,plain,,\r\n'
    )
    reading = read(Csv(paths=(write("a.csv", data),)))
    assert reading.texts == ['two\nlines, "quoted"', "plain"]
    assert reading.documents[0].meta == {"source_id": "7", "n": "x"}
    assert reading.documents[0].url == "http://a/"
    assert [data[record.offset : record.offset + 1] for record in reading.documents] == [b"7", b"8"]
    assert reading.skipped == {"blank_line": 1}


def test_tabs_and_files_without_quoting(read, write):
    path = write("a.tsv", b'text\tn\nsay "hi\t1\n"open\t2\nlast\t3\n')
    reading = read(Tsv(paths=(path,), quotes=False))
    assert reading.texts == ['say "hi', '"open', "last"] and not reading.bad


def test_bad_rows_are_quarantined_and_the_rest_survives(read, write):
    rows = [
        b"text,n",
        b"good,1",
        b"a,b,c",
        b"short",
        b"caf\xe9,2",
        b"a\0b,3",
        b"x" * 500 + b",4",
        b'"open,5',
        b"last,6",
    ]
    reading = read(Csv(paths=(write("a.csv", b"\n".join(rows)),)), Caps(max_document_bytes=300))
    assert reading.texts == ["good", "last"]
    assert [bad.error for bad in reading.bad] == [
        "ragged_row",
        "ragged_row",
        "invalid_utf8",
        "nul_character",
        "too_large",
        "ragged_row",
    ]
    assert "unclosed quote" in reading.bad[-1].message and reading.bad[-1].raw == b'"open,5'


def test_a_quoted_record_above_the_limit_is_given_up(read, write):
    body = b"\n".join([b"x" * 50] * 5000)
    data = b'text,n\ngood,1\n"' + body + b'",2\nafter,3\n'
    reading = read(Csv(paths=(write("a.csv", data),)), Caps(max_document_bytes=10_000))
    assert reading.texts[0] == "good" and reading.texts[-1] == "after"
    assert reading.errors["too_large"] >= 1


def test_many_stray_quotes_stay_affordable(read, write, assert_linear_time):
    data = b"text,n\n" + b'"a,1\n' * 1 + b"row,2\n" * 300_000
    reading = read(Csv(paths=(write("a.csv", data),)))
    # More lines than a second reading may have: given up whole, in one pass.
    assert reading.errors == {"ragged_row": 1}

    def odd(many):
        return write("b.csv", b"text,n\n" + (b'"a,1\nrow,2\n' * 99 + b'"b"c"\n') * many)

    def read_bad(path):
        assert read(Csv(paths=(path,))).bad

    assert_linear_time(read_bad, odd, size=200)


@pytest.mark.parametrize("header", [b"body,n", b"", b"text,n,text", b"text,n,n", b"\n"])
def test_a_header_that_does_not_fit_is_one_bad_record(read, write, header):
    reading = read(Csv(paths=(write("a.csv", header + b"\nrow,1\nrow,2\n"),)))
    assert reading.errors == {"wrong_schema": 1} and not reading.documents


def test_a_truncated_stream(read, write):
    data = b"text,n\n" + b"".join(
        b"row %d,%d\n" % (number, number * 7919 % 1009) for number in range(5000)
    )
    reading = read(Csv(paths=(write("a.csv.gz", gzip.compress(data)[:-500]),)))
    assert reading.errors == {"truncated_stream": 1}
    assert reading.texts == [f"row {number}" for number in range(len(reading.texts))]
    assert len(reading.texts) > 3000
    assert read(Csv(paths=(write("b.csv.gz", gzip.compress(data)[:12]),))).errors == {
        "truncated_stream": 1
    }


def test_what_python_writes_comes_back(read, write):
    texts = ["plain", 'quote " inside', "two\nlines", "comma, tab\t", "", "日本語", " spaces "]
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(["text", "n"])
    writer.writerows([text, number] for number, text in enumerate(texts))
    assert read(Csv(paths=(write("a.csv", sink.getvalue().encode()),))).texts == texts


def test_a_real_file(read, test_data):
    path = test_data / "benchmarks" / "truthfulqa.csv"
    reading = read(Csv(paths=(str(path),), text_field="question"))
    with path.open(newline="", encoding="utf-8-sig") as file:
        assert reading.texts == [row["question"] for row in csv.DictReader(file)]
    assert not reading.bad
