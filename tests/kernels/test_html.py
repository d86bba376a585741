"""Main text of markup: what a page's parts look like as text, and that no markup breaks it."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from curate.kernels.html import main_text

PROSE = (
    "The committee met in the afternoon and decided, after a long debate, that the old bridge "
    "should be repaired before winter comes."
)


def page_text(body: str) -> str:
    return main_text(str(HTMLTree.parse(f"<html><body>{body}</body></html>"))).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h2>Bridge</h2>", "Bridge"),
        ("<p>a  b\n c&amp;d &lt;e&gt; f&nbsp;g</p>", "a b c&d <e> f g"),
        ("<p>one<br>two <br/> three</p>", "one\ntwo\nthree"),
        ("one<br><br>two", "one\n\ntwo"),
        ("<p>H<sub>2</sub>O and <b>bold</b><i>er</i></p>", "H2O and bolder"),
        ("<ul><li>one</li><li><p>two</p></li></ul>", "- one\n- two"),
        ("<ol><li>one<ul><li>in</li></ul></li><li>two</li></ol>", "1. one\n  - in\n2. two"),
        ("<pre>  def f():\n\n\treturn 1 &lt; 2\n</pre>", "  def f():\n\n\treturn 1 < 2"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td></tr></table>", "a\tb\n1"),
        (
            "<table><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr>"
            "<tr><td colspan=2>d</td><td>e</td></tr></table>",
            "a\tb\n\tc\nd\t\te",
        ),
        ("<ol start=3><li>c</li><li>d</li><li value=9>i</li></ol>", "3. c\n4. d\n9. i"),
        (
            "<p><ruby>山<rp>(</rp><rt>やま</rt></ruby> 2<sup>10</sup>, 1<sup>st</sup></p>",
            "山 2^10, 1st",
        ),
        ("<h2>Part<a class=headerlink href='#p'>¶</a></h2>", "Part"),
        ("<p>a<script>var x = '<p>'</script>b<style>p {}</style></p>", "ab"),
        ("<p>a<span hidden>x</span><b style='display: none'>y</b>b</p>", "ab"),
        ("<p>&lt;b&gt;a&lt;/b&gt;</p>", "<b>a</b>"),
    ],
)
def test_what_a_part_of_a_page_looks_like(body, expected):
    text = page_text(f"<p>{PROSE}</p>{body}<p>{PROSE}</p>")
    assert text == f"{PROSE}\n\n{expected}\n\n{PROSE}"


OTHER = (
    "Nobody remembers who built the mill, but the wheel still turns when there is enough water "
    "in the river, and the miller's family still lives in the house beside it."
)
ARTICLE = f"<p>{PROSE}</p><p>{OTHER}</p><p>{PROSE}</p>"


@pytest.mark.parametrize(
    "boilerplate",
    [
        f"<nav><p>{OTHER}</p></nav>",
        f"<div class='cookie-banner'>{OTHER}</div>",
        f"<div id='comments'><p>Ann wrote</p><p>{OTHER}</p></div>",
        f"<aside><p>{OTHER}</p></aside>",
        f"<footer><p>{OTHER}</p></footer>",
        "<div class='share'><a href='/f'>Facebook</a><a href='/t'>Twitter</a></div>",
        "<p><a href='/a'>Read about the mill</a> <a href='/b'>and the river</a></p>",
        "<p>© 2026 The River Gazette. All rights reserved.</p>",
        "".join(
            f"<div class=card><h3><a href='/{at}'>A story</a></h3><p>A short text. {at}</p></div>"
            for at in range(4)
        ),
    ],
)
def test_what_stands_around_an_article_goes(boilerplate):
    main = f"<h1>The bridge</h1>{ARTICLE}"
    assert page_text(f"<div>{main}</div>{boilerplate}") == page_text(main)
    assert page_text(f"{boilerplate}<div>{main}</div>") == page_text(main)


@pytest.mark.parametrize(
    "content",
    [
        f"<blockquote class='twitter-tweet'><p>{OTHER}</p></blockquote>",
        f"<div class='alert alert-note'><p>{OTHER}</p></div>",
        "<h2><a href='#name'>Names</a></h2>",
        "<h2 id='comments'>Comments</h2>",
        "<div class='section-header'><h2>Section</h2></div>",
        "<pre><code><a href='a'>Vec</a>::<a href='b'>new</a>()</code></pre>",
        "<table><tr><td><a href='a'>ac</a></td><td>Ascension Island</td></tr>"
        "<tr><td><a href='b'>ad</a></td><td>Andorra</td></tr></table>",
        "<ul><li><a href='a'>panic</a>, which never returns</li><li>loop</li></ul>",
    ],
)
def test_what_belongs_to_a_text_stays(content):
    body = f"<main><p>{PROSE}</p>{content}<p>{OTHER}</p></main>"
    lost = set(re.findall(r"\w+", re.sub("<[^>]*>", " ", content)))
    assert lost <= set(re.findall(r"\w+", page_text(body)))


@pytest.mark.parametrize(
    "prose",
    [
        "これは日本語の文章です。句点で終わる文がいくつか続きます。空白はありません。",
        "委员会下午开会，经过长时间的辩论，决定在冬天到来之前修好那座旧桥。",
        "اجتمعت اللجنة بعد الظهر وقررت بعد نقاش طويل إصلاح الجسر القديم قبل حلول الشتاء.",
        "คณะกรรมการประชุมกันในช่วงบ่ายและตัดสินใจว่าควรซ่อมสะพานเก่าก่อนฤดูหนาวจะมาถึง",
    ],
)
def test_no_language_is_needed(prose):
    links = "".join(f"<li><a href='/{at}'>{prose[:4]}</a></li>" for at in range(9))
    assert page_text(f"<ul>{links}</ul><div><p>{prose}</p><p>{prose}</p></div>") == "\n\n".join(
        [prose, prose]
    )


def test_answers_of_a_forum_stay():
    posts = [f"<div class='comment post'><b>user{at}</b><p>{OTHER}</p></div>" for at in range(5)]
    assert page_text("".join(posts)).count(OTHER) == 5


def test_title_and_language():
    found = main_text('<html lang="pt-BR"><head><title> A &amp;\n B </title></head></html>')
    assert found == ("", "A & B", "pt-BR")


WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), blacklist_characters="©"),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=8), max_size=6))
def test_paragraphs_of_any_words_come_back(paragraphs):
    lines = [" ".join(words) for words in paragraphs]
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    expected = "\n\n".join([PROSE, *lines, PROSE])
    assert page_text(f"<p>{PROSE}</p>{body}<p>{PROSE}</p>") == expected


PIECES = st.one_of(
    st.sampled_from(
        "<p> </p> <div class=comment> </div> <table> <tr> <td> </table> <ul> <li> </ul> <pre> "
        "</pre> <!-- --> <! <? </ < > & &amp; &lt &nbsp; <script> </script> <title> <style "
        "<a href='x'> </a> <b <br> <plaintext> <svg> <math> <select> <option> "
        "<body class=article> <h1> = \" '".split()
    ),
    st.text(max_size=8),
    st.just(PROSE),
    st.just("\x00"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_no_tag_soup_breaks_it(pieces):
    soup = "".join(pieces).encode("utf-8", "replace").decode()
    for markup in (soup, str(HTMLTree.parse(soup))):
        found = main_text(markup)
        for text in found:
            text.encode("utf-8")
            assert "\x00" not in text


@pytest.mark.parametrize(
    ("many", "page"),
    [
        (200_000, lambda many: "<div>" * many + PROSE),
        (200_000, lambda many: "<ul><li>" * many + PROSE),
        (100_000, lambda many: "<table><tr><td>" * many + PROSE),
        (200_000, lambda many: "<b>" * many + "</i>" * many + PROSE),
        (10_000_000, lambda many: "<p>" + "a " * many),
        (1_000_000, lambda many: "<p>" + "<br>" * many + PROSE),
        (4_000_000, lambda many: "<" * many),
        (4_000_000, lambda many: "&" * many),
        (1_000_000, lambda many: "<!--" * many),
        (1_000_000, lambda many: "<script>" * many),
        (1_000_000, lambda many: "<a b='" * many),
        (1_000_000, lambda many: "<div class='" + "comment " * many + "'>" + PROSE),
        (100_000, lambda many: f"<p>{PROSE}</p>" * many),
    ],
    ids=lambda value: value(2)[:20] if callable(value) else None,
)
def test_hostile_pages_take_linear_time(many, page, assert_linear_time):
    assert_linear_time(main_text, page, size=many)
