"""Web archives: exact counts on real files, and damage of every kind with the good records around
it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter

import brotli
import lz4.frame
import pytest
import zstandard

from curate.stages.sources.base import Caps
from curate.stages.sources.warc import Warc

# file: (documents, bad records by error, skipped by reason)
GOLDEN = {
    "example-2008.arc.gz": (
        93,
        {"empty_extraction": 1},
        {"arc_filedesc": 1, "not_http": 38, "not_html": 120, "http_status": 47},
    ),
    "example-2008.warc.gz": (
        93,
        {"empty_extraction": 1},
        {
            "warc_warcinfo": 1,
            "not_http": 38,
            "not_html": 120,
            "http_status": 47,
            "warc_request": 261,
            "warc_metadata": 261,
        },
    ),
    "gov-uk-2014.warc.gz": (
        32,
        {},
        {
            "warc_warcinfo": 1,
            "not_http": 3,
            "not_html": 25,
            "http_status": 5,
            "warc_request": 62,
            "warc_metadata": 62,
        },
    ),
    "iana.warc.gz": (
        16,
        {},
        {"warc_warcinfo": 1, "warc_request": 171, "not_html": 28, "revisit": 123, "http_status": 4},
    ),
    "office-documents.warc.gz": (0, {}, {"warc_warcinfo": 3, "not_html": 9, "warc_request": 9}),
    "sample-0000.warc.gz": (
        22,
        {},
        {"warc_warcinfo": 1, "warc_request": 22, "warc_metadata": 1, "warc_resource": 2},
    ),
    "sample-0001.warc.gz": (
        15,
        {},
        {"warc_warcinfo": 1, "warc_request": 15, "warc_metadata": 1, "warc_resource": 2},
    ),
    "warcfile.warc": (16, {}, {"warc_warcinfo": 1, "warc_request": 17, "warc_metadata": 16}),
    "warcfile.warc.lz4": (16, {}, {"warc_warcinfo": 1, "warc_request": 17, "warc_metadata": 16}),
    "whirlwind.warc.gz": (1, {}, {"warc_warcinfo": 1, "warc_request": 1, "warc_metadata": 1}),
    "whirlwind.warc.wet.gz": (1, {}, {"warc_warcinfo": 1}),
    "broken/IAH-20080430204825-00000-blackbook-truncated.warc.gz": (
        2,
        {},
        {"warc_warcinfo": 1, "not_http": 1, "not_html": 5, "warc_request": 7, "warc_metadata": 7},
    ),
    "broken/badexample.arc.gz": (
        0,
        {"damaged_record": 1, "truncated_record": 2},
        {"arc_filedesc": 1, "not_http": 1, "not_html": 1},
    ),
    "broken/clipped.warc.gz": (0, {"truncated_stream": 1}, {}),
    "broken/example-bad-non-chunked.warc.gz": (
        1,
        {},
        {"warc_warcinfo": 2, "warc_request": 2, "revisit": 1},
    ),
    "broken/example-bad.warc.gz.bad": (
        1,
        {},
        {"warc_warcinfo": 1, "warc_request": 2, "revisit": 1, "http_status": 1},
    ),
    "broken/example-digest.warc": (0, {}, {"warc_request": 4}),
    "broken/example-trunc.warc": (
        0,
        {"damaged_record": 1},
        {"warc_warcinfo": 2, "warc_request": 1},
    ),
    "broken/example-wrong-chunks.warc.gz": (1, {}, {"warc_request": 1}),
    "broken/transfer_compression_brotli.warc.gz": (
        1,
        {},
        {"warc_warcinfo": 1, "warc_request": 1, "warc_metadata": 1, "warc_resource": 1},
    ),
    "broken/truncated_datetime.warc": (
        1,
        {},
        {"warc_warcinfo": 1, "warc_request": 1, "warc_metadata": 1, "warc_resource": 1},
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_counts_of_real_archives(read, test_data, name):
    documents, errors, skipped = GOLDEN[name]
    reading = read(Warc(paths=(str(test_data / "crawl" / name),)))
    assert (len(reading.documents), dict(reading.errors), dict(reading.skipped)) == (
        documents,
        errors,
        skipped,
    )
    assert all(record.url for record in reading.documents)


def test_the_golden_table_covers_every_file(test_data):
    folder = test_data / "crawl"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(GOLDEN)


def test_the_same_crawl_as_arc_and_as_warc_gives_the_same_pages(read, test_data):
    readings = [
        read(Warc(paths=(str(test_data / "crawl" / f"example-2008.{kind}.gz"),)))
        for kind in ("arc", "warc")
    ]
    pages = [
        [(record.url, record.date, record.text) for record in reading.documents]
        for reading in readings
    ]
    assert pages[0] == pages[1]
    first = readings[0].documents[0]
    assert (first.date, first.date_source) == ("2008-01-09T23:18:29Z", "header")
    assert first.meta["warc_date"] == "2008-04-30T20:48:26Z"


def test_offsets_are_where_the_compressed_record_starts(read, test_data):
    path = test_data / "crawl" / "sample-0000.warc.gz"
    raw = path.read_bytes()
    for record in read(Warc(paths=(str(path),))).documents:
        head = zlib.decompressobj(31).decompress(raw[record.offset :], 2000)
        assert head.startswith(b"WARC/1.") and record.url.encode() in head and record.part is None


def test_records_of_one_member_get_numbers(read, test_data):
    reading = read(Warc(paths=(str(test_data / "crawl/broken/example-bad.warc.gz.bad"),)))
    assert [record.locator for record in reading.documents] == ["example-bad.warc.gz.bad#0.1"]


PAGE = b"<html><head><title>Title</title></head><body><main><p>%s</p></main></body></html>"


def page(number: int) -> bytes:
    return PAGE % (
        b"This is the text of page number %d, long enough to be taken for the main content. "
        % number
        * 8
    )


def http(
    body: bytes, *lines: bytes, status: bytes = b"200 OK", kind: bytes = b"text/html; charset=utf-8"
) -> bytes:
    fields = (b"Content-Type: " + kind, *lines) if kind else lines
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\n"
        + b"".join(line + b"\r\n" for line in fields)
        + b"\r\n"
        + body
    )


def warc(
    block: bytes, kind: bytes = b"response", length: int | None = None, extra: bytes = b""
) -> bytes:
    head = (
        b"WARC/1.0\r\nWARC-Type: " + kind + b"\r\nWARC-Target-URI: http://a.example/\r\n" + extra
        + b"WARC-Date: 2020-01-02T03:04:05Z\r\nContent-Type: application/http; msgtype=response\r\n"
        + b"Content-Length: %d\r\n\r\n" % (len(block) if length is None else length)
    )  # fmt: skip
    return head + block + b"\r\n\r\n"


def numbers(reading) -> list[int]:
    """Which of the numbered pages came out."""
    return [
        int(record.text.partition("number ")[2].partition(",")[0]) for record in reading.documents
    ]


COMPRESSORS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_damaged_record_in_the_middle_costs_one_bad_record(read, write, suffix):
    records = [COMPRESSORS[suffix](warc(http(page(number)))) for number in range(5)]
    damaged = bytearray(records[2])
    if suffix:
        middle = len(damaged) // 2
        damaged[middle : middle + 30] = b"\xff" * 30
    else:
        damaged[:4] = b"GARB"
    records[2] = bytes(damaged)
    reading = read(Warc(paths=(write(f"a.warc{suffix}", b"".join(records)),)))
    assert numbers(reading) == [0, 1, 3, 4]
    (bad,) = reading.bad
    assert bad.offset == len(records[0] + records[1])


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_cut_tail_is_one_bad_record(read, write, suffix):
    records = [COMPRESSORS[suffix](warc(http(page(number)))) for number in range(3)]
    reading = read(Warc(paths=(write(f"a.warc{suffix}", b"".join(records)[:-60]),)))
    assert numbers(reading) == [0, 1]
    assert [bad.offset for bad in reading.bad] == [len(records[0] + records[1])]
    assert set(reading.errors) <= {"truncated_stream", "truncated_record", "corrupt_stream"}


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize(("wrong", "error"), [(40, "damaged_record"), (4000, "truncated_record")])
def test_a_wrong_length_costs_one_bad_record(read, write, suffix, wrong, error):
    if wrong == 4000 and not suffix:
        pytest.skip("without members a body that is too long takes the records after it")
    blocks = [http(page(number)) for number in range(4)]
    records = [
        warc(block, length=wrong if number == 1 else None) for number, block in enumerate(blocks)
    ]
    data = b"".join(COMPRESSORS[suffix](record) for record in records)
    reading = read(Warc(paths=(write(f"a.warc{suffix}", data),)))
    assert numbers(reading) == [0, 2, 3]
    assert reading.errors == {error: 1}


@pytest.mark.parametrize("length", [10**6, 10**12])
def test_a_length_beyond_the_end_of_a_plain_file_does_not_take_the_records_after_it(
    read, write, length
):
    records = [
        warc(http(page(number)), length=length if number == 1 else None) for number in range(4)
    ]
    reading = read(Warc(paths=(write("a.warc", b"".join(records)),)))
    assert numbers(reading) == [0, 2, 3] and reading.errors == {"truncated_record": 1}


@pytest.mark.parametrize("line", [b"Content-Length: many", b"Content-Length: -5", b"X: y"])
def test_a_head_without_a_length(read, write, line):
    records = [warc(http(page(number))) for number in range(3)]
    stated = next(part for part in records[1].split(b"\r\n") if part.startswith(b"Content-Length"))
    records[1] = records[1].replace(stated, line, 1)
    reading = read(Warc(paths=(write("a.warc", b"".join(records)),)))
    assert numbers(reading) == [0, 2] and reading.errors == {"damaged_record": 1}


def test_a_wrong_checksum_makes_the_record_bad(read, write):
    records = [bytearray(gzip.compress(warc(http(page(number))))) for number in range(3)]
    records[1][-8] ^= 1
    reading = read(Warc(paths=(write("a.warc.gz", b"".join(records)),)))
    assert numbers(reading) == [0, 2] and reading.errors == {"corrupt_stream": 1}


def test_garbage_after_the_last_record_and_a_file_that_is_no_archive(read, write):
    good = gzip.compress(warc(http(page(0))))
    reading = read(Warc(paths=(write("a.warc.gz", good + b"garbage"),)))
    assert numbers(reading) == [0] and reading.errors == {"corrupt_stream": 1}
    assert read(Warc(paths=(write("b.warc", b"no archive at all"),))).errors == {
        "damaged_record": 1
    }
    assert read(Warc(paths=(write("c.warc.gz", b"no archive at all\0"),))).errors
    assert read(Warc(paths=(write("d.warc.gz", b""),))).errors == {"empty_file": 1}
    assert read(
        Warc(paths=(write("e.warc", b"\xff" * 300_000 + b"\n" + warc(http(page(7)))),))
    ).errors == {"damaged_record": 1}


def test_records_are_compressed_in_blocks_that_ignore_their_borders(read, write):
    data = b"".join(warc(http(page(number))) for number in range(6))
    members = b"".join(
        gzip.compress(data[start : start + 500]) for start in range(0, len(data), 500)
    )
    assert numbers(read(Warc(paths=(write("a.warc.gz", members),)))) == list(range(6))


def chunked(data: bytes) -> bytes:
    half = len(data) // 2
    return b"%x;name=value\r\n%b\r\n%X\r\n%b\r\n0\r\n\r\n" % (
        half,
        data[:half],
        len(data) - half,
        data[half:],
    )


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


READABLE = {
    "gzip": http(gzip.compress(page(1)), b"Content-Encoding: gzip"),
    "x-gzip": http(gzip.compress(page(1)), b"Content-Encoding: X-GZIP"),
    "zlib": http(zlib.compress(page(1)), b"Content-Encoding: deflate"),
    "deflate": http(raw_deflate(page(1)), b"Content-Encoding: deflate"),
    "brotli": http(brotli.compress(page(1)), b"Content-Encoding: br"),
    "zstd": http(zstandard.ZstdCompressor().compress(page(1)), b"Content-Encoding: zstd"),
    "chunked": http(chunked(page(1)), b"Transfer-Encoding: chunked"),
    "chunked gzip": http(
        chunked(gzip.compress(page(1))), b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"
    ),
    "both": http(chunked(gzip.compress(page(1))), b"Transfer-Encoding: gzip, chunked"),
    "stored without its chunks": http(page(1), b"Transfer-Encoding: chunked"),
    "stored decoded": http(page(1), b"Content-Encoding: gzip"),
    "stored decoded from brotli": http(page(1), b"Content-Encoding: br"),
    "no type": http(page(1), kind=b""),
    "lines end with a line feed": http(page(1)).replace(b"\r\n", b"\n"),
    "old": http(page(1)).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "XHTML": http(page(1), kind=b"Application/XHTML+xml"),
    "status 206": http(page(1), status=b"206 Partial Content"),
}


@pytest.mark.parametrize("name", READABLE)
def test_encodings_that_can_be_read(read, write, name):
    reading = read(Warc(paths=(write("a.warc", warc(READABLE[name])),)))
    assert not reading.bad and numbers(reading) == [1]
    (document,) = reading.documents
    assert (document.url, document.date) == ("http://a.example/", "2020-01-02T03:04:05Z")
    assert (document.title, document.date_source) == ("Title", "WARC-Date")


UNREADABLE = {
    "gzip cut off": (
        http(gzip.compress(page(1))[:-30], b"Content-Encoding: gzip"),
        "bad_content_encoding",
    ),
    "brotli cut off": (
        http(brotli.compress(page(1))[:-9], b"Content-Encoding: br"),
        "bad_content_encoding",
    ),
    "chunks cut off": (
        http(chunked(page(1))[:-300], b"Transfer-Encoding: chunked"),
        "bad_transfer_encoding",
    ),
    "wrong chunk": (
        http(chunked(page(1)).replace(b";name=value", b"1", 1), b"Transfer-Encoding: chunked"),
        "bad_transfer_encoding",
    ),
    "unknown": (http(page(1), b"Content-Encoding: sdch"), "unsupported_encoding"),
    "no http": (b"SSH-2.0-OpenSSH\r\n\r\n", "bad_http"),
    "empty": (b"", "bad_http"),
    "no page": (http(b""), "empty_extraction"),
    "bomb": (http(gzip.compress(b"a" * 3_000_000), b"Content-Encoding: gzip"), "too_large"),
    "large": (http(b"a" * 1_500_000), "too_large"),
    "Brotli bomb": (
        http(brotli.compress(b"a" * 3_000_000), b"Content-Encoding: br"),
        "too_large",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_responses_that_cannot_be_read_are_quarantined(read, write, name):
    block, error = UNREADABLE[name]
    data = warc(http(page(0))) + warc(block) + warc(http(page(2)))
    reading = read(Warc(paths=(write("a.warc", data),)), Caps(max_document_bytes=2**20))
    assert numbers(reading) == [0, 2] and reading.errors == {error: 1}
    assert reading.bad[0].offset == len(warc(http(page(0))))


def test_what_is_no_candidate_is_skipped_by_reason(read, write):
    data = b"".join(
        [
            warc(http(page(1), status=b"404 Not Found")),
            warc(http(page(1), status=b"301 Moved")),
            warc(http(b"x" * 3_000_000, kind=b"video/mp4")),
            warc(http(b"%PDF-1.4", kind=b"")),
            warc(http(page(1)), kind=b"revisit"),
            warc(http(page(1)), kind=b"request"),
            warc(http(page(1)), kind=b"oddity"),
            warc(b"20080430\nwww.a. IN A").replace(
                b"application/http; msgtype=response", b"text/dns", 1
            ),
        ]
    )
    reading = read(Warc(paths=(write("a.warc", data),)), Caps(max_document_bytes=2**20))
    assert not reading.documents and not reading.bad
    assert reading.skipped == Counter(
        {
            "http_status": 2,
            "not_html": 2,
            "revisit": 1,
            "warc_request": 1,
            "warc_other_type": 1,
            "not_http": 1,
        }
    )


def test_conversion_records_are_text(read, write):
    def wet(text: bytes) -> bytes:
        record = warc(
            text, kind=b"conversion", extra=b"WARC-Identified-Content-Language: deu,eng\r\n"
        )
        return record.replace(b"application/http; msgtype=response", b"text/plain", 1)

    data = (
        wet("Grüße".encode())
        + wet(b"caf\xe9")
        + wet(b"a\0b")
        + wet(b"x" * 2_000_000)
        + wet(b"last")
    )
    reading = read(Warc(paths=(write("a.wet", data),)), Caps(max_document_bytes=2**20))
    assert reading.texts == ["Grüße", "last"]
    assert reading.documents[0].meta == {"content_languages": "deu,eng"}
    assert reading.errors == {"invalid_utf8": 1, "nul_character": 1, "too_large": 1}


def test_a_date_that_is_none_stays_in_meta(read, write):
    data = warc(http(page(1))).replace(b"2020-01-02T03:04:05Z", b"2020-13-99", 1)
    (document,) = read(Warc(paths=(write("a.warc", data),))).documents
    assert document.date is document.date_source is None
    assert document.meta["warc_date"] == "2020-13-99"


def test_the_characters_of_a_page_come_from_header_meta_or_detection(read, write):
    sentence = "Überall dasselbe: schöne Straßen, süße Früchte und alte Häuser am Fluss. " * 5
    body = f"<html><body><p>{sentence}</p></body></html>"
    with_meta = body.replace("<body>", "<head><meta charset='windows-1252'></head><body>")
    data = b"".join(
        [
            warc(http(body.encode("latin-1"), kind=b"text/html; charset=ISO-8859-1")),
            warc(http(with_meta.encode("cp1252"), kind=b"text/html")),
            warc(http(body.encode("utf-8"), kind=b"text/html")),
            warc(http(body.encode("cp1252"), kind=b"text/html")),
            warc(http(body.encode("utf-8"), kind=b"text/html; charset=us-ascii-nonsense")),
            warc(http(body.encode("utf-16"), kind=b"text/html")),
            warc(http(with_meta.encode("utf-8"), kind=b"text/html; charset=utf-8")),
        ]
    )
    reading = read(Warc(paths=(write("a.warc", data),)))
    assert reading.texts == [sentence.strip()] * 7


def test_garbage_of_every_kind_never_raises(read, write):
    good = io.BytesIO()
    for number in range(3):
        good.write(gzip.compress(warc(http(page(number)))))
    data = good.getvalue()
    for position in range(0, len(data), 7):
        broken = bytearray(data)
        broken[position] ^= 0x55
        reading = read(Warc(paths=(write("a.warc.gz", bytes(broken)),)))
        assert len(reading.documents) >= 2
        assert len(reading.documents) + len(reading.bad) >= 3
