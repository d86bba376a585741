"""Markup goes, text about programs stays; entities as Python's `html.unescape` reads them."""

from __future__ import annotations

import gzip
import html
import json
import sysconfig
from html.entities import html5
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.clean.remove_markup import RemoveMarkup

BOTH = ("html", "wiki")


def edit(*texts: str, kinds: tuple[str, ...] = ("html",)) -> list[dict[str, Any]]:
    stage = RemoveMarkup(kinds=kinds)
    edited = stage.edit(
        pa.RecordBatch.from_pydict({"text": pa.array(list(texts), pa.large_string())})
    )
    edited.validate(full=True)
    assert edited.schema == pa.schema([pa.field("text", pa.large_string()), *stage.signals()])
    rows: list[dict[str, Any]] = edited.to_pylist()
    return rows


def edited(text: str, *kinds: str) -> str:
    result: str = edit(text, kinds=kinds or ("html",))[0]["text"]
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<BR/>three<br />four", "one\ntwo\nthree\nfour"),
        ("a <b>bold</b> and <I class='x'>it</I>.", "a bold and it."),
        ('<a href="https://e.org/?a=1&b=2" title="a > b">link</a>!', "link!"),
        ("<a href=https://e.org/?a=1>link</a>", "link"),
        ("<tr><td>a</td><td>b</td></tr>\n<tr><td>c</td></tr>", "a\tb\nc"),
        ("x<!-- <p>hidden --> y", "x y"),
        ("<!DOCTYPE html><?xml version='1.0'?>text", "text"),
        ("<style>p {}</style>text<script type='a'>if (a<b) {}</script> more", "text more"),
        ("<input type='checkbox' checked> yes", " yes"),
        ("<ul><li>eins</li><li>zwei</li></ul>", "eins\nzwei\n"),
        ("R&amp;D &ldquo;x&rdquo; &#8217;&#x2019; &nbsp;.", "R&D “x” ’’ \xa0."),
        ("<span dir=rtl>שלום</span>\r\n<p>e\u0301\u2028</p>", "שלום\r\ne\u0301\u2028"),
        ("nul\0<b>\0</b>", "nul\0\0"),
    ],
)
def test_html(text: str, expected: str) -> None:
    assert edited(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and c > d: pass",
        "if (i<b && p>q) return;",
        "List<String> Map<K, V> vector<int> Set<b> Foo<a> Ptr<p>",
        "usage: run <input> <output> [<source>] <title> <time>",
        "use the <code> tag, or <table>",
        "a <b or c> d",
        "``<b>x</b>`` and `&lt;` stay",
        "```html\n<p>&amp;</p>\n```\nafter",
        "~~~\n<br>\n~~~",
        "x &lt y, AT&T, a&b; c&copy=1 &unknown; &#0; &#xD800; &#99999999; &;",
        "<unknown>tag</unknown> <3 <-- --> <> </> <!-- open",
        "<a href='unclosed>text",
        "<p",
        "templates {{ x }} [[ -f x ]] == '' ==",
    ],
)
def test_text_that_is_no_html_keeps_its_bytes(text: str) -> None:
    assert edited(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[Page|words]] and [[Berlin]]s", "words and Berlins"),
        ("x [[File:a.jpg|thumb|A [[link]] in it]] y", "x  y"),
        ("text\n[[Category:Things]]\n[[Kategorie:Dinge]]\nend", "text\nend"),
        ("[http://e.org some words] [https://e.org/x]", "some words "),
        ("'''Bold''' and ''italic ''' x''", "Bold and italic ''' x"),
        ("== History ==\ntext\n=== Sub===\n", "History\ntext\nSub\n"),
        ("{{Infobox\n| a = {{b|c}}\n}}\nText{{cn|date=x}}.", "Text."),
        ("a\n{| class=x\n| b || {{c}}\n{|\n| d\n|}\n|}\nz", "a\nz"),
        ("fact<ref name='a'>{{cite}}</ref>, more<ref name=b />.", "fact, more."),
        ("__NOTOC__\nx <!-- y -->z", "x z"),
        ("<nowiki>[[x]] ''y''</nowiki> [[z]]", "[[x]] ''y'' z"),
        ("<pre>\n{{x}}\n</pre> [[z]]", "{{x}}\n z"),
    ],
)
def test_wiki(text: str, expected: str) -> None:
    without_pre = expected.replace("[[x]] ''y''", "<nowiki>[[x]] ''y''</nowiki>")
    without_pre = without_pre.replace("{{x}}\n z", "<pre>\n{{x}}\n</pre> z")
    assert edited(text, "wiki") == without_pre


@pytest.mark.parametrize(
    "text",
    [
        "if [[ -f x ]]; then echo ''; fi",
        "m[[1]] and [[1,2],[3,4]]",
        "x^{{2}} f'{{x}}' {{ user }} {{% raw %}} \\frac{{a}}{{b}}",
        "f('', '') and x = '' + y",
        "a == b\n=== \n==\n= one =",
        "[[open {{open {| open",
        "]] }} |}",
        "```\n[[x]] {{y}}\n```",
        "`''x''`",
        "don't rock 'n' roll",
    ],
)
def test_text_that_is_no_wiki_markup_keeps_its_bytes(text: str) -> None:
    assert edited(text, "wiki") == text


def test_counts() -> None:
    text = (
        "<p>&amp;</p><!-- c --><script>x</script>[[a]] {{b}} ''c''\n== d ==\n{|\n|}\n<ref>e</ref>"
    )
    row = edit(text, kinds=BOTH)[0]
    assert row.pop("text") == "&\na  c\nd\n"
    assert row == {
        "tags_removed": 2,
        "comments_removed": 1,
        "elements_removed": 2,
        "entities_replaced": 1,
        "links_replaced": 1,
        "templates_removed": 1,
        "tables_removed": 1,
        "headings_replaced": 1,
        "emphasis_replaced": 1,
        "characters_before": len(text),
    }
    with pytest.raises(ValidationError):
        RemoveMarkup(kinds=())
    with pytest.raises(ValidationError):
        RemoveMarkup(kinds=("latex",))  # type: ignore[arg-type]


def test_every_entity_as_python_reads_it() -> None:
    names = [f"&{name}" for name in html5 if name.endswith(";")]
    kept = [name for name in names if edited(name) == name]
    assert len(kept) < 12  # those that would grow
    assert [n for n in names if n not in kept and edited(n) != html.unescape(n)] == []


@given(st.integers(0, 0x120000), st.booleans())
def test_numeric_entities_as_python_reads_them(number: int, hexadecimal: bool) -> None:
    text = f"&#x{number:X};" if hexadecimal else f"&#{number};"
    result = edited(text)
    assert result in (text, html.unescape(text))
    character = html.unescape(text)
    if len(character) == 1 and character.isprintable() and character != "\ufffd":
        assert result == character


pieces = st.sampled_from(
    [
        *"<>/=\"'-!& \n|[]{}`~;#aé\0\u2028한",
        *["<b>", "</b>", "<p class='x'>", "<br/>", "<!--", "-->", "&amp;", "&lt;", "&#60;"],
        *["[[", "]]", "{{", "}}", "{|", "|}", "''", "'''", "==", "<ref>", "</ref>", "```", "~~~"],
        *["<script>", "</script>", "<pre>", "</pre>", "[http://x ", "File:", "__TOC__", "<code>"],
    ]
)


@settings(max_examples=800)
@given(st.lists(st.lists(pieces, max_size=30).map("".join), max_size=3), st.sampled_from(range(3)))
def test_no_text_breaks_it(documents: list[str], which: int) -> None:
    kinds = (("html",), ("wiki",), BOTH)[which]
    for text, row in zip(documents, edit(*documents, kinds=kinds), strict=True):
        assert len(row["text"].encode()) <= len(text.encode())
        counts = [value for name, value in row.items() if name not in ("text", "characters_before")]
        assert any(counts) or row["text"] == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="<&")))
def test_texts_without_signs_of_html_keep_their_bytes(text: str) -> None:
    assert edited(text) == text


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(["<b>", "</b>", "<p>", "</p>", "<br>", "word ", "\n", "x < y ", "<td>"])
    ).map("".join)
)
def test_editing_twice_is_editing_once_without_entities(text: str) -> None:
    once = edited(text)
    assert edited(once) == once


def test_python_files_and_prose_survive(test_data: Path) -> None:
    """Files of the standard library change only where strings hold real tags or entities."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(folder.glob("*.py"))[:150]
    files = [path.read_text("utf-8") for path in paths]
    changed = [
        path.name
        for path, before, row in zip(paths, files, edit(*files), strict=True)
        if row["text"] != before
    ]
    assert len(changed) <= 15, changed
    with gzip.open(test_data / "c4" / "c4-a.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in islice(file, 300)]
    kept = sum(row["text"] == text for text, row in zip(texts, edit(*texts), strict=True))
    assert kept >= 290


UNITS = "a < <b <code> <script> <!-- & ` `` {{ [[ '' <ref> <p_x= =_ [http:// <nowiki> </ }}{{"


@pytest.mark.parametrize(
    "unit",
    [
        *(unit.replace("_", " ") for unit in UNITS.split()),
        "{|\n",
        "'''a ''",
        "\n```",
        "~~~\n",
        "__",
    ],
)
def test_time_is_linear(unit: str, assert_linear_time: Any) -> None:
    assert_linear_time(
        lambda text: edit(text, kinds=BOTH), lambda size: unit * (size // len(unit)), size=5_000_000
    )
