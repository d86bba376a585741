"""Engines and characters: known pages, hostile pages, and a floor under the quality on real
articles."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import SpecError
from curate.stages.extract.encoding import decode_html
from curate.stages.extract.engines import engine

SENTENCE = (
    "The committee met in the afternoon and decided that the old bridge should be repaired "
    "before winter comes. "
)
OTHER = (
    "Nobody remembers who built the mill, but the wheel still turns when there is enough water "
    "in the river. "
)
PAGE = f"""<html><head><title>The bridge</title><script>var x = 1;</script></head><body>
<nav><a href="/">Home</a><a href="/about">About</a></nav>
<article><h1>The bridge</h1><p>{SENTENCE * 4}</p><p>{OTHER * 4}</p>
<ul><li>first thing</li></ul></article>
<footer>Copyright</footer></body></html>"""

ENGINES = ["curate", "resiliparse", "trafilatura", "justext"]


def _engine(name):
    pytest.importorskip(name)
    return engine(name)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_takes_the_article_and_leaves_the_rest(name):
    found = _engine(name).extract(PAGE, "http://a.example/")
    assert found.text.count(SENTENCE.strip()) == found.text.count(OTHER.strip()) == 4
    assert "Home" not in found.text and "var x" not in found.text and "<" not in found.text


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "page", ["", " ", "<html></html>", "<", "<p>a\0b</p>", "\ufeff<p>x", "<!--", "<p>" * 3000]
)
def test_odd_pages_give_valid_text(name, page):
    text = _engine(name).extract(page, None).text
    text.encode("utf-8")
    assert "\x00" not in text


@pytest.mark.parametrize("name", ["curate", "resiliparse"])
def test_a_nul_becomes_the_replacement_character(name):
    page = PAGE.replace("afternoon", "after&#0;noon").replace("winter", "win\0ter")
    assert "\x00" not in engine(name).extract(page, None).text


@pytest.mark.parametrize("name", ["trafilatura", "justext"])
def test_a_missing_engine_names_the_install_command(name, monkeypatch):
    module = f"curate.stages.extract.{name}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SpecError, match=rf"pip install 'curate\[{name}\]'"):
        importlib.import_module(module)
    monkeypatch.delitem(sys.modules, module, raising=False)


WORD = re.compile(r"\w+")


def _four_grams(text: str) -> Counter[tuple[str, ...]]:
    words = WORD.findall(text)
    return Counter(tuple(words[index : index + 4]) for index in range(max(len(words) - 3, 1)))


def _f1(text: str, wanted_text: str) -> float:
    got, wanted = _four_grams(text), _four_grams(wanted_text)
    common = sum((got & wanted).values())
    return 2 * common / (sum(got.values()) + sum(wanted.values()))


@pytest.mark.parametrize(("name", "floor"), [("curate", 0.96), ("resiliparse", 0.92)])
def test_quality_on_real_articles(name, floor, test_data):
    folder = test_data / "extraction"
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    scores = []
    for key in sorted(truth):
        page = decode_html(gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes()), None)
        text = engine(name).extract(page.text, None).text
        scores.append(_f1(text, truth[key]["articleBody"]))
    assert sum(scores) / len(scores) > floor


UMLAUTS = "Überall dasselbe: schöne Straßen, süße Früchte und alte Häuser am Fluss. " * 3


@pytest.mark.parametrize(
    ("data", "declared", "encoding", "origin"),
    [
        (UMLAUTS.encode(), None, "utf-8", "valid_utf8"),
        (UMLAUTS.encode(), "UTF8", "utf-8", "header"),
        (UMLAUTS.encode("cp1252"), "iso-8859-1", "cp1252", "header"),
        (b"<meta charset=utf-8>" + UMLAUTS.encode(), None, "utf-8", "meta"),
        (
            b'<meta http-equiv=x content="text/html; charset=latin1">' + UMLAUTS.encode("latin-1"),
            None,
            "cp1252",
            "meta",
        ),
        (b"<meta charset=utf-16>" + UMLAUTS.encode(), None, "utf-8", "meta"),
        (UMLAUTS.encode("utf-8-sig"), "iso-8859-1", "utf-8", "byte_order_mark"),
        (UMLAUTS.encode("utf-16"), None, "utf-16-le", "byte_order_mark"),
        ("これは日本語の文章です。".encode("shift_jis") * 5, "Shift_JIS", "shift_jis", "header"),
        (UMLAUTS.encode(), "ascii", "utf-8", "valid_utf8"),
        (UMLAUTS.encode("cp1252"), "no-such-thing", "cp1252", "detected"),
        (UMLAUTS.encode(), "hex", "utf-8", "valid_utf8"),
    ],
)
def test_characters_of_a_page(data, declared, encoding, origin):
    found = decode_html(data, declared)
    assert (found.encoding, found.origin) == (encoding, origin)
    assert found.replaced == 0


def test_a_wrong_declaration_gives_way_to_valid_utf8():
    found = decode_html(UMLAUTS.encode(), "shift_jis")
    assert found.encoding == "utf-8" and "schöne" in found.text


def test_undecodable_bytes_are_counted():
    found = decode_html(b"<meta charset=utf-8>one \xff two \xfe three \xef\xbf\xbd", "utf-8")
    assert found.replaced == 2 and found.text.count("\ufffd") == 3


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=12)))
def test_any_bytes_give_valid_text(data, declared):
    decode_html(data, declared).text.encode("utf-8")
