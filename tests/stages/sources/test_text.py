"""Plain text by file, line and block."""

from __future__ import annotations

import gzip
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.sources.base import BadRecord, Caps, InputFile, InputSplit, Record, Skipped
from curate.stages.sources.text import Text


def test_a_document_per_file(read, write, tmp_path):
    write("in/a.txt", b"\xef\xbb\xbfone\r\n\r\ntwo \xe6\x96\x87\n")
    write("in/b.txt.gz", gzip.compress(b"packed"))
    write("in/bad.txt", b"caf\xe9")
    write("in/empty.txt", b"")
    write("in/long.txt", b"x" * 2000)
    write("in/nul.txt", b"a\0b")
    write("in/wide.txt", "text".encode("utf-16"))
    reading = read(Text(paths=("in/*",)), Caps(max_document_bytes=1000), folder=str(tmp_path))
    assert reading.texts == ["one\r\n\r\ntwo 文\n", "packed"]
    assert [(bad.path, bad.error) for bad in reading.bad] == [
        ("bad.txt", "invalid_utf8"),
        ("empty.txt", "empty_file"),
        ("long.txt", "too_large"),
        ("nul.txt", "nul_character"),
        ("wide.txt", "invalid_utf8"),
    ]
    assert "UTF-16" in reading.bad[-1].message


def test_a_document_per_line(read, write):
    path = write("a.txt", b"one\n\n two \r\n\xff\nlast")
    reading = read(Text(paths=(path,), document="line"))
    assert [(record.offset, record.text) for record in reading.documents] == [
        (0, "one"),
        (5, " two "),
        (14, "last"),
    ]
    assert reading.errors == {"invalid_utf8": 1} and reading.skipped == {"blank_line": 1}


def test_a_document_per_block(read, write):
    path = write("a.txt", b"\n\none\ntwo\n \nthree\n\n\nfour\nfive")
    reading = read(Text(paths=(path,), document="block"))
    assert [(record.offset, record.text) for record in reading.documents] == [
        (2, "one\ntwo"),
        (12, "three"),
        (20, "four\nfive"),
    ]


def test_a_block_above_the_limit_and_one_that_a_damaged_stream_cuts(read, write):
    path = write("a.txt", b"short\n\n" + b"a long line\n" * 100 + b"\nafter")
    reading = read(Text(paths=(path,), document="block"), Caps(max_document_bytes=100))
    assert reading.texts == ["short", "after"]
    assert [(bad.offset, bad.error) for bad in reading.bad] == [(7, "too_large")]
    cut = gzip.compress(b"first\n\nsecond one\nstill second")[:-9]
    reading = read(Text(paths=(write("b.txt.gz", cut),), document="block"))
    assert reading.texts == ["first"]
    assert [(bad.offset, bad.error) for bad in reading.bad] == [(7, "truncated_stream")]
    assert reading.bad[0].raw.startswith(b"second one")


def test_a_whole_file_of_a_damaged_stream_is_one_bad_record(read, write):
    path = write("a.txt.gz", gzip.compress(b"some text")[:-4])
    reading = read(Text(paths=(path,)))
    assert not reading.texts and reading.errors == {"truncated_stream": 1}
    assert reading.bad[0].raw == b"some text"


@pytest.mark.parametrize("document", ["line", "block"])
def test_any_cut_gives_the_same_documents(tmp_path_factory, document):
    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def check(data):
        line = st.sampled_from([b"", b"", b" ", b"\r", b"a", b"bb b\r", b"\xff", b"x" * 30])
        content = b"\n".join(data.draw(st.lists(line, min_size=1, max_size=10)))
        if not content:
            return
        cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6))
        path = tmp_path_factory.mktemp("cut") / "a.txt"
        path.write_bytes(content)
        file = InputFile("a.txt", str(path), len(content), "")
        assert _read_cut(document, file, cuts) == _read_cut(document, file, [])

    check()


def _read_cut(document, file, cuts):
    positions = [0, *sorted(cuts), file.size_bytes]
    found = []
    for start, end in itertools.pairwise(positions):
        if start == end:
            continue
        for record in Text(document=document).records(
            InputSplit(file, start, end), Caps(max_document_bytes=20)
        ):
            if isinstance(record, Record):
                found.append((record.offset, record.text))
            elif isinstance(record, BadRecord):
                found.append((record.offset, record.error, record.raw))
            elif isinstance(record, Skipped) and document == "line":
                found.append(record.reason)
    return found
