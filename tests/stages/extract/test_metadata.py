"""Which title, author, date and language a page is given, and what is not believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.extract.dates import parse_date
from curate.stages.extract.json_ld import linked_data
from curate.stages.extract.language_tag import primary_language
from curate.stages.extract.metadata import page_metadata


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2019-04-25", "2019-04-25"),
        ("2019-4-5", "2019-04-05"),
        ("2019/04/25", "2019-04-25"),
        ("20190425", "2019-04-25"),
        ("2019-04-25T12:57:54Z", "2019-04-25T12:57:54Z"),
        ("2019-04-25T12:57:54.123+0200", "2019-04-25T12:57:54+02:00"),
        ("2019-04-25 12:57", "2019-04-25T12:57:00"),
        (" Thu, 25 Apr 2019 12:57:54 GMT ", "2019-04-25T12:57:54Z"),
        ("Thu Apr 25 12:57:54 UTC 2019", "2019-04-25T12:57:54Z"),
        ("April 5, 2019", "2019-04-05"),
        ("5th of April 2019", None),
        ("5th April 2019 at 3:04 pm", "2019-04-05T15:04:00"),
        ("12:30 am", None),
        ("Apr 5, 2019 12:30 a.m.", "2019-04-05T00:30:00"),
        ("25/04/2019", "2019-04-25"),
        ("04/25/2019", "2019-04-25"),
        ("04.05.2019", "2019-05-04"),
        ("04/05/2019", None),
        ("2019-13-01", None),
        ("2019-02-30", None),
        ("2019-04-25T25:00:00", None),
        ("2019-04", None),
        ("2019", None),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31", None),
        ("201904251", None),
        ("posted 2019-04-25", None),
        ("٢٠١٩-٠٤-٢٥", "2019-04-25"),
        ("", None),
    ],
)
def test_dates(written, date):
    assert parse_date(written) == date


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"), ("en_US", "en"), ("zh-Hant-TW", "zh"), ("ger", "de"), ("iw", "he"),
        ("gsw-CH", "gsw"), (" PT-br", "pt"), ("en, fr", "en"), ("jp", "ja"), ("und", None),
        ("x-default", None), ("english", None), ("xx", None), ("{{lang}}", None), ("", None),
    ],
)  # fmt: skip
def test_languages(tag, language):
    assert primary_language(tag) == language


def _page(head: str = "", body: str = "") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>The bridge | Daily News</title>", "", "The bridge | Daily News"),
        ("<title>The bridge | Daily News</title>", "<h1>The <b>bridge</b></h1>", "The bridge"),
        ("<title>Daily News - The bridge</title>", "<h1>The bridge</h1>", "The bridge"),
        ("<title>q - A | b - News</title>", "<h1>A | b</h1>", "A | b"),
        (
            "<title>A - B - Daily News</title><meta property=og:site_name content='daily news'>",
            "",
            "A - B",
        ),
        ("<title>The bridge – The Example</title>", "", "The bridge"),
        ("<title>Mother-in-law: a life</title>", "", "Mother-in-law: a life"),
        (
            "<title>x</title><meta property='og:title' content='Ben &amp; Jerry&#39;s'>",
            "",
            "Ben & Jerry's",
        ),
        ("", "<h1>  Only\n a heading </h1>", "Only a heading"),
        ("<title> </title>", "", None),
        ("<title>a\0b</title>", "", "a\ufffdb"),
        ("<title>Daily News</title><meta property=og:site_name content='Daily News'>", "",
         "Daily News"),
    ],
)  # fmt: skip
def test_titles(head, body, title):
    assert page_metadata(_page(head, body), "https://www.example.com/a").title == title


def _linked(**fields: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(fields)}</script>'


@pytest.mark.parametrize(
    ("head", "body", "author"),
    [
        ("<meta name=author content='Ann Lee'>", "<a rel=author>Bob</a>", "Ann Lee"),
        ("<meta name=author content='By Ann Lee, '>", "", "Ann Lee"),
        ("<meta property=article:author content='https://f.example/ann'>", "", None),
        (
            "<meta name=citation_author content='Lee, A.'>"
            "<meta name=citation_author content='Roe, B.'>",
            "",
            "Lee, A., Roe, B.",
        ),
        ("<meta name=author content=admin>", "<a rel=author>Ann</a>", "Ann"),
        ("<meta name=author content='ann@b.example (Ann Lee)'>", "", "Ann Lee"),
        (_linked(**{"@type": "NewsArticle", "author": [{"name": "Ann"}, "Bob"]}), "", "Ann, Bob"),
        ("", "<a rel=author href=x><img> Ann </a><a rel=author>Ann</a>", "Ann"),
        ("", "<a rel=author>Ann</a><a rel=author>Bob</a>", None),
        ("", "<p itemprop=author><b itemprop=name>Ann</b> 31 posts</p>", "Ann"),
        ("", "<p class=byline>By <a>Ann Lee</a></p>", "Ann Lee"),
        ("", "<p class=byline>Posted on 3 May</p>", None),
        ("", "<p class=author>" + "long " * 30 + "</p>", None),
    ],
)
def test_authors(head, body, author):
    assert page_metadata(_page(head, body), None).author == author


PUBLISHED = "<meta property=article:published_time content=2019-04-25T10:00:00Z>"
MODIFIED = "<meta property=article:modified_time content=2019-05-01>"
ARTICLE = _linked(**{"@type": "Article", "datePublished": "2019-04-26", "dateModified": "2019-6-1"})
FETCHED = "2020-01-02T03:04:05Z"
HEADER = "Sun, 01 Dec 2019 10:00:00 GMT"


@pytest.mark.parametrize(
    ("head", "body", "header", "date", "source"),
    [
        (PUBLISHED + ARTICLE, "", HEADER, "2019-04-25T10:00:00Z", "meta"),
        (MODIFIED + ARTICLE, "", HEADER, "2019-04-26", "JSON-LD"),
        (MODIFIED, "<time itemprop=datePublished datetime=2019-03-03>", None, "2019-03-03", "time"),
        (MODIFIED, "", HEADER, "2019-05-01", "meta"),
        ("", "<time datetime=2019-01-01></time><h1>a</h1><time datetime=2019-01-02></time>", HEADER,
         "2019-01-02", "time"),
        ("", "<time datetime=2019-01-01></time><time datetime=2019-01-02></time>", HEADER,
         "2019-12-01T10:00:00Z", "header"),
        ("", "", "Thu, 02 Jan 2020 03:04:01 GMT", FETCHED, "WARC-Date"),
        ("", "", "yesterday", FETCHED, "WARC-Date"),
        (PUBLISHED.replace("2019", "2021"), "", None, FETCHED, "WARC-Date"),
        (PUBLISHED.replace("04-25", "02-30"), "", None, FETCHED, "WARC-Date"),
        (PUBLISHED.replace("2019-04-25", "2020-01-03"), "", None, FETCHED, "WARC-Date"),
        (PUBLISHED.replace("2019-04-25T10", "2020-01-03T02"), "", None, "2020-01-03T02:00:00Z",
         "meta"),
    ],
)  # fmt: skip
def test_the_best_date_and_where_it_stands(head, body, header, date, source):
    found = page_metadata(_page(head, body), None, FETCHED, header)
    assert (found.date, found.date_source) == (date, source)


def test_a_page_without_any_statement_has_no_metadata():
    found = page_metadata("<p>text", None)
    assert (found.title, found.author, found.date, found.date_source, found.language) == (None,) * 5


def test_language_of_the_page():
    assert page_metadata("<html lang='pt-BR'>", None).language == "pt"
    assert page_metadata("<meta property=og:locale content=de_AT>", None).language == "de"
    assert page_metadata("<html lang=''><meta name=language content=fr>", None).language == "fr"


@pytest.mark.parametrize(
    ("block", "headline", "authors"),
    [
        ('[{"@type": "WebSite", "name": "S"}, {"@type": "Article", "headline": "H"}]', "H", ()),
        (
            '{"@graph": [{"@type": "WebPage", "name": "P", "author": {"@id": "#a"}},'
            ' {"@type": ["X", "BlogPosting"], "headline": "H", "author": {"@id": "#a"}},'
            ' {"@type": "Person", "@id": "#a", "name": "Ann"}]}',
            "H",
            ("Ann",),
        ),
        (
            '{"@type": "QAPage", "mainEntity": {"@type": "Question", "name": "Why?",'
            ' "author": {"name": "Ann"}, "acceptedAnswer": {"@type": "Article", "name": "no"}}}',
            "Why?",
            ("Ann",),
        ),
        ('<!-- {"@type": "Article", "headline": "a\nb",} -->', "a\nb", ()),
        ('//<![CDATA[\n{"@type": "Article", "headline": "H"};\n//]]>', "H", ()),
        ('{"@type": "Article", "comment": {"@type": "Article", "headline": "C"}}', None, ()),
        ('{"@type": "Article", "headline": 5, "author": [null, 7, {"name": []}]}', None, ()),
        ('{"@type": "Organization", "name": "O", "datePublished": "2019-01-01"}', None, ()),
        ("{", None, ()),
        ("null", None, ()),
        ("[" * 100_000, None, ()),
        ('{"a":' * 100_000, None, ()),
    ],
)
def test_linked_data(block, headline, authors):
    found = linked_data([block])
    assert (found.headline, found.authors) == (headline, authors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "@graph", "@id", "author", "name", "headline", "datePublished"]
            ),
            inner | st.sampled_from(["Article", "WebPage", "#a"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_no_linked_data_raises(value):
    block = json.dumps(value)
    page_metadata(f"<script type='application/ld+json'>{block}</script>", "http://[", "no date")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_page_raises(one, other, third):
    page = (
        f"<title>{one}</title><meta name=author content='{other}'><h1>{third}</h1>"
        f"<time datetime='{one}'><a rel=author>{other}</a><meta name=date content='{third}'>"
    )
    found = page_metadata(page, one, None, other)
    for value in (found.title, found.author, found.date):
        assert value is None or (value and "\0" not in value and value.encode())


@pytest.mark.parametrize(
    "unit",
    [" | ", "- ", "_a", "<h1>a | b</h1>", "<title>a - b</title>",
     "<meta name=citation_author content='a b'>", "<a rel=author>" + "By " * 400 + "</a>",
     '<script type="application/ld+json">{"@type":"Article","author":[{}]}</script>'],
)  # fmt: skip
def test_a_hostile_page_costs_its_bytes(unit, assert_linear_time):
    def page_of(size):
        many = unit * (size // len(unit))
        return f"<title>{many[:1900]}</title>{many}"

    assert_linear_time(lambda page: page_metadata(page, None), page_of, size=2_000_000)
