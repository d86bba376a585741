"""JSON Lines: every record becomes a document, a bad record or a skipped one; any cut and any
compression gives the same."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import subprocess
import sys
from pathlib import Path

import lz4.frame
import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.jsonl import Jsonl

GOOD = [
    orjson.dumps({"text": f"document {number} ünïcode 文", "n": number}) for number in range(20)
]

HOSTILE = [
    (b'{"text": "a', "invalid_json"),
    (b"[1, 2]", "not_an_object"),
    (b'"text"', "not_an_object"),
    (b"null", "not_an_object"),
    (b"7", "not_an_object"),
    (b'{"body": "a"}', "missing_text"),
    (b'{"text": 5}', "text_not_string"),
    (b'{"text": null}', "text_not_string"),
    (b'{"text": ["a"]}', "text_not_string"),
    (b'{"text": "\xff\xfe"}', "invalid_utf8"),
    (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
    (b'{"text": "a \\ud800 b"}', "lone_surrogate"),
    (b'{"text": "a", "other": "\\udfff"}', "lone_surrogate"),
    (b'{"text": "a\\u0000b"}', "nul_character"),
    (b'{"text": "\x00"}', "invalid_json"),
    (b"[" * 100_000, "invalid_json"),
    (b'{"text": "a", "deep": ' + b"[" * 500 + b"]" * 500 + b"}", "nested_too_deeply"),
    (b'{"text": "a", "n": NaN, "big": 1' + b"0" * 30 + b"}", "invalid_json"),
    (b'{"text":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "invalid_json"),
]


@pytest.mark.parametrize(("line", "error"), HOSTILE, ids=lambda value: str(value)[:40])
def test_a_hostile_line_is_quarantined_and_its_neighbours_survive(read, write, line, error):
    before, after = GOOD[0], GOOD[1]
    path = write("a.jsonl", b"\n".join([before, line, after]) + b"\n")
    reading = read(Jsonl(paths=(path,)))
    assert [record.text for record in reading.documents] == [
        orjson.loads(good)["text"] for good in (before, after)
    ]
    (bad,) = reading.bad
    assert (bad.path, bad.offset, bad.error) == ("a.jsonl", len(before) + 1, error)
    assert bad.raw == line[: 64 * 1024]
    assert reading.documents[1].offset == len(before) + 1 + len(line) + 1


def test_fields_are_mapped_and_the_rest_goes_to_meta(read, write):
    record = {
        "doc": {"body": "hello", "lang": "en"},
        "uid": 17,
        "source_id": "theirs",
        "link": "http://a.b/",
        "when": "2019-04-25T12:57:54Z",
        "score": 0.5,
    }
    path = write("a.jsonl", orjson.dumps(record))
    source = Jsonl(
        paths=(path,), text_field="doc.body", id_field="uid", url_field="link", date_field="when"
    )
    (document,) = read(source).documents
    assert document.text == "hello"
    assert (document.url, document.date) == ("http://a.b/", "2019-04-25T12:57:54Z")
    assert document.meta == {
        "doc": {"lang": "en"},
        "score": 0.5,
        "source_id": 17,
        "original_source_id": "theirs",
    }


def test_a_date_that_is_none_and_an_url_that_is_a_number_stay_in_meta(read, write):
    path = write("a.jsonl", b'{"text": "x", "date": "yesterday", "url": 5, "a.b": 1}')
    (document,) = read(Jsonl(paths=(path,))).documents
    assert document.date is None and document.url is None
    assert document.meta == {"date": "yesterday", "url": 5, "a.b": 1}


def test_a_key_with_a_dot_goes_before_a_nested_one(read, write):
    path = write("a.jsonl", b'{"a.b": "flat", "a": {"b": "nested"}}')
    assert read(Jsonl(paths=(path,), text_field="a.b")).texts == ["flat"]


def test_nan_that_python_writes_is_null(read, write):
    path = write("a.jsonl", b'{"text": "x", "score": NaN, "low": -Infinity}')
    (document,) = read(Jsonl(paths=(path,))).documents
    assert document.meta == {"score": None, "low": None}


def test_blank_lines_carriage_returns_and_a_byte_order_mark(read, write):
    path = write("a.jsonl", b'\xef\xbb\xbf{"text": "a"}\r\n\r\n  \n\n{"text": "b"}')
    reading = read(Jsonl(paths=(path,)))
    assert reading.texts == ["a", "b"] and not reading.bad
    assert reading.skipped == {"blank_line": 3}
    assert [record.offset for record in reading.documents] == [0, 24]


def test_an_empty_file_is_quarantined(read, write):
    assert read(Jsonl(paths=(write("a.jsonl", b""),))).errors == {"empty_file": 1}


COMPRESSORS = {
    "gz": gzip.compress,
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("named", [True, False])
def test_every_compression_by_name_and_by_magic_with_members_in_a_row(read, write, suffix, named):
    first, second = b"\n".join(GOOD[:7]), b"\n" + b"\n".join(GOOD[7:])
    compress = COMPRESSORS[suffix]
    path = write(f"a.jsonl.{suffix}" if named else "a.jsonl", compress(first) + compress(second))
    plain = read(Jsonl(paths=(write("plain.jsonl", first + second),)))
    reading = read(Jsonl(paths=(path,)), split_bytes=100)
    assert [(r.offset, r.text) for r in reading.documents] == [
        (r.offset, r.text) for r in plain.documents
    ]
    assert not reading.bad


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_truncated_stream_gives_what_was_decoded_and_one_bad_record(read, write, suffix):
    lines = b"".join(
        orjson.dumps({"text": f"{number * 7919 % 10_007}" * 20}) + b"\n" for number in range(20_000)
    )
    compressed = COMPRESSORS[suffix](lines)
    path = write(f"a.jsonl.{suffix}", compressed[: len(compressed) * 2 // 3])
    reading = read(Jsonl(paths=(path,)))
    assert reading.errors == {"truncated_stream": 1}
    expected = [orjson.loads(line)["text"] for line in lines.splitlines()]
    assert 0 < len(reading.texts) < len(expected)
    assert reading.texts == expected[: len(reading.texts)]
    bad = reading.bad[0]
    assert lines[bad.offset :].startswith(bad.raw)
    assert bad.offset == sum(len(line) + 1 for line in lines.splitlines()[: len(reading.texts)])


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_corrupt_stream_gives_what_was_decoded_and_one_bad_record(read, write, suffix):
    lines = b"".join(
        orjson.dumps({"text": f"{number * 7919 % 10_007}" * 20}) + b"\n" for number in range(20_000)
    )
    compressed = bytearray(COMPRESSORS[suffix](lines))
    middle = len(compressed) * 2 // 3
    compressed[middle : middle + 40] = b"\xff" * 40
    reading = read(Jsonl(paths=(write(f"a.jsonl.{suffix}", bytes(compressed)),)))
    assert reading.errors["corrupt_stream"] == 1
    assert len(reading.texts) > 1000
    assert set(reading.errors) <= {
        "corrupt_stream",
        "invalid_json",
        "invalid_utf8",
        "not_an_object",
        "missing_text",
    }


def test_a_small_gzip_file_with_a_wrong_checksum_keeps_its_lines(read, write):
    data = bytearray(gzip.compress(b"\n".join(GOOD) + b"\n"))
    data[-8] ^= 0xFF
    reading = read(Jsonl(paths=(write("a.jsonl.gz", bytes(data)),)))
    assert len(reading.texts) == len(GOOD)
    assert reading.errors == {"corrupt_stream": 1}


def test_bytes_after_a_gzip_stream_are_not_lost_silently(read, write):
    reading = read(Jsonl(paths=(write("a.jsonl.gz", gzip.compress(GOOD[0] + b"\n") + b"garbage"),)))
    assert len(reading.texts) == 1 and reading.errors == {"corrupt_stream": 1}
    padded = read(Jsonl(paths=(write("b.jsonl.gz", gzip.compress(GOOD[0] + b"\n") + b"\0" * 512),)))
    assert len(padded.texts) == 1 and not padded.bad


def test_a_name_that_claims_a_compression(read, write):
    plain = read(Jsonl(paths=(write("a.jsonl.gz", b"\n".join(GOOD)),)))
    assert len(plain.texts) == len(GOOD)
    broken = read(Jsonl(paths=(write("b.jsonl.gz", b"\x1e\x8b" + gzip.compress(GOOD[0])[2:]),)))
    assert broken.errors == {"corrupt_stream": 1}


def test_a_gzip_bomb_is_stopped_by_the_expansion_limit(read, write):
    path = write("a.jsonl.gz", gzip.compress(GOOD[0] + b"\n" + b" " * (100 * 2**20), 9))
    reading = read(Jsonl(paths=(path,)), Caps(max_expansion_ratio=500))
    assert reading.errors == {"expansion_limit": 1} and len(reading.texts) == 1


def test_a_line_above_the_limit_is_stepped_over(read, write):
    limit = 3_000_000
    exact = b'{"text":"' + b"a" * (limit - 11) + b'"}'
    assert len(exact) == limit
    lines = [GOOD[0], b'{"text": "' + b"x" * (2 * limit) + b'"}', exact, exact + b" ", GOOD[1]]
    path = write("a.jsonl", b"\r\n".join(lines))
    reading = read(Jsonl(paths=(path,)), Caps(max_document_bytes=limit))
    assert [len(text) for text in reading.texts] == [
        len(orjson.loads(g)["text"]) for g in (GOOD[0], exact, GOOD[1])
    ]
    assert reading.errors == {"too_large": 2}
    assert len(reading.bad[0].raw) == 64 * 1024


def test_a_line_of_200_megabytes_is_not_held_in_memory(tmp_path):
    script = Path(__file__).with_name("read_long_line.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "long.jsonl"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    documents, bad, grown_mebibytes = done.stdout.split()
    assert (documents, bad) == ("2", "too_large")
    assert int(grown_mebibytes) < 120


def _read_cut(file: InputFile, cuts: list[int], caps: Caps) -> list[tuple[object, ...]]:
    positions = [0, *sorted(cuts), file.size_bytes]
    found: list[tuple[object, ...]] = []
    for start, end in itertools.pairwise(positions):
        if start == end:
            continue
        for record in Jsonl().records(InputSplit(file, start, end), caps):
            if isinstance(record, Record):
                found.append(("document", record.offset, record.text))
            elif isinstance(record, BadRecord):
                found.append((record.error, record.offset, record.raw))
            elif isinstance(record, Skipped):
                found.append(("skipped",))
    return found


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_cut_gives_the_same_records(tmp_path_factory, data):
    line = st.sampled_from(
        [b"", b"  ", b"\r", b'{"text": "a"}', '{"text": "日本"}\r'.encode(), b"{oops", b"x" * 50]
    )
    content = b"\n".join(data.draw(st.lists(line, min_size=1, max_size=8)))
    if not content:
        return
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6))
    path = tmp_path_factory.mktemp("cut") / "a.jsonl"
    path.write_bytes(content)
    file = InputFile("a.jsonl", str(path), len(content), "")
    caps = Caps(max_document_bytes=40)
    assert _read_cut(file, cuts, caps) == _read_cut(file, [], caps)
