"""HTML files: one page each, characters and main text found, the rest quarantined."""

from __future__ import annotations

import gzip
import sys

import pytest

from curate.errors import SpecError
from curate.stages.extract.engines import engine
from curate.stages.sources.base import Caps, Record
from curate.stages.sources.html import Html
from curate.stages.sources.warc import Warc

SENTENCE = (
    "Wir haben es überall so gesehen, und die schönen Straßen waren in der ganzen Stadt voller "
    "süßer Früchte, als wir an den alten Häusern vorbei zum Fluss gingen. "
)
PAGE = f"<html><head><title>Städte</title></head><body><p>{SENTENCE * 6}</p></body></html>"


def test_files_become_pages(read, write, tmp_path):
    write("in/a.html", PAGE.encode("latin-1"))
    write("in/b.html.gz", gzip.compress(PAGE.encode()))
    write("in/c.html", b"<html><body></body></html>")
    write("in/d.html", b"")
    write("in/e.html", PAGE.encode() * 100)
    write("in/f.html.gz", gzip.compress(PAGE.encode())[:-5])
    write("in/g.html", PAGE.encode("utf-16"))
    reading = read(Html(paths=("in/*",)), Caps(max_document_bytes=5000), folder=str(tmp_path))
    assert [record.path for record in reading.documents] == ["a.html", "b.html.gz", "g.html"]
    assert set(reading.texts) == {(SENTENCE * 6).strip()}
    assert {record.title for record in reading.documents} == {"Städte"}
    assert [(bad.path[0], bad.error) for bad in reading.bad] == [
        ("c", "empty_extraction"),
        ("d", "empty_file"),
        ("e", "too_large"),
        ("f", "truncated_stream"),
    ]


def test_records_hands_out_bytes_and_extracts_nothing(write):
    source = Html(paths=(write("a.html", PAGE.encode()),))
    (file,) = source.files(".")
    (record,) = source.records(source.splits(file, 1)[0], Caps())
    assert isinstance(record, Record)
    assert record.html == PAGE.encode()
    assert record.text == ""


def test_undecodable_bytes_are_counted_in_meta(read, write):
    page = PAGE.encode("latin-1").replace(b"Fluss", b"Fl\x81ss", 1)
    (document,) = read(Html(paths=(write("a.html", page),))).documents
    assert "Straßen" in document.text
    assert document.meta.get("replaced_characters", 0) <= 1


@pytest.mark.parametrize("name", ["trafilatura", "justext"])
def test_another_engine_is_an_option_and_decides_the_result(read, write, name):
    pytest.importorskip(name)
    source = Html(paths=(write("a.html", PAGE.encode()),), extractor=name)
    assert SENTENCE.strip() in read(source).texts[0]
    assert name in source.used_distributions()
    assert "resiliparse" in Warc().used_distributions()


def test_a_missing_engine_is_a_configuration_error(monkeypatch):
    monkeypatch.delitem(sys.modules, "curate.stages.extract.justext", raising=False)
    monkeypatch.setitem(sys.modules, "justext", None)
    engine.cache_clear()
    with pytest.raises(SpecError, match="pip install"):
        Html(extractor="justext").used_distributions()
    monkeypatch.delitem(sys.modules, "curate.stages.extract.justext", raising=False)
