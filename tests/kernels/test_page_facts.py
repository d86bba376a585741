"""The scanner of page facts: what counts as markup is what a browser takes for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.page_facts import page_facts


@pytest.mark.parametrize(
    ("page", "facts"),
    [
        ("<html lang=de>", [("language", "", "de")]),
        ("<HTML XML:LANG='de-AT'>", [("language", "", "de-AT")]),
        (
            '<meta name="Author" content="A &amp; B"><META content=x property=og:title />',
            [("meta", "Author", "A &amp; B"), ("meta", "og:title", "x")],
        ),
        ("<meta content='a>b' name=t>", [("meta", "t", "a>b")]),
        ("<meta name=a name=b content=c>", [("meta", "a", "c")]),
        ("<!-- <meta name=a content=b> --><meta name=c content=d>", [("meta", "c", "d")]),
        ("<!--><meta name=c content=d>", [("meta", "c", "d")]),
        ("<script>'<meta name=a content=b>'</script>", []),
        ("<style>a{content:'<h1>x</h1>'}</style>", []),
        ("<template><h1>x</h1><meta name=a content=b></template>", []),
        ("<svg><title>icon</title></svg><title>The page</title>", [("title", "", "The page")]),
        ("<title>a <b> c</title>", [("title", "", "a <b> c")]),
        (
            '<script type="application/ld+json">{"a": "<b>"}</script>',
            [("json_ld", "", '{"a": "<b>"}')],
        ),
        ("<h1>a<span>b</span></h1>", [("h1", "", "a<span>b</span>")]),
        ("<h1>no end", []),
        ("<time datetime=2020-01-02>x</time>", [("time", "", "2020-01-02")]),
        ("<b itemprop='x datePublished' content=2020>", [("time", "published", "2020")]),
        ("<time pubdate datetime=2020>", [("time", "published", "2020")]),
        ("<abbr class='a published' title=2020>", [("time", "published", "2020")]),
        ("<time itemprop=dateModified datetime=2020>", [("time", "modified", "2020")]),
        ("<a rel='nofollow author'>Ann</a>", [("author", "rel", "Ann")]),
        ("<p class=byline>By <b>Ann</b></p>", [("author", "class", "By <b>Ann</b>")]),
        ("<p class=byline-share>x</p>", []),
        ("<link rel=author href=x>", []),
        ("<math><math>", [("formula", "", "")]),
        ("<span class='a katex-display'>", [("formula", "", "")]),
        ("<script type='math/tex; mode=display'>x", [("formula", "", "")]),
        ("<mml:math>", [("formula", "", "")]),
        ("<p class='latexmk context'>", []),
    ],
)
def test_facts_of_small_pages(page, facts):
    assert page_facts(page) == facts


MARKUP = st.lists(
    st.sampled_from(
        [*"<>/!-=\"' ahmetilx1\n\0\u0301\u2028אé", "<meta ", "<h1>", "</h1>", "<time "]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(MARKUP)
def test_no_text_harms_it_and_every_value_stands_in_the_page(page):
    for _, key, value in page_facts(page):
        assert key in page or key in ("rel", "class", "itemprop", "published", "modified")
        assert value in page


@pytest.mark.parametrize(
    "unit",
    ["<", "<h1>", "<a rel=author>", "<meta name=a content=b>", "<!--", "<a ", "<a b='", "</",
     "<svg>", "<title>", "<script>", "<time datetime=x>", "<p class='a a a a a a'>", "a "],
)  # fmt: skip
def test_a_hostile_page_costs_its_bytes(unit, assert_linear_time):
    def page_of(size):
        return unit * (size // len(unit))

    assert len(page_facts(page_of(4_000_000))) <= 2048
    assert_linear_time(page_facts, page_of, size=4_000_000)
