"""Title, author, date and declared language of a page, for the columns of a document.

One native pass finds what the page says about itself (`kernels/page_facts.py`); here is decided
what to believe. Title: `og:title`, `<title>`, JSON-LD, `<h1>`, without the site's name at its end
or beginning. Author: meta, JSON-LD, `rel=author`, `itemprop`, a byline; from the body only where
all marks agree, so that a thread of many writers has none. Date: when it was published (meta,
JSON-LD, `<time>`), else changed (meta, JSON-LD, `<time>`, the header Last-Modified), else fetched;
`date_source` says which. A date after the fetch is refused.

No page makes it raise or hang. Cost: 0.4 ms of CPU for a news page of 170 kB, half of it in the
native pass.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from curate.kernels.page_facts import Fact, FactKind, page_facts
from curate.stages.extract.base import tidy
from curate.stages.extract.dates import moment, parse_date
from curate.stages.extract.json_ld import LinkedData, linked_data
from curate.stages.extract.language_tag import primary_language

DateSource = Literal["meta", "JSON-LD", "time", "header", "WARC-Date"]
"""Where a date stands: a <meta>, JSON-LD, an element of the body (<time>, itemprop), the HTTP
header Last-Modified, the archive's record of the fetch."""

_TITLES = ("og:title", "twitter:title", "dc.title", "dcterms.title", "citation_title")
_SITES = ("og:site_name", "application-name", "al:android:app_name")
_AUTHORS = (
    "citation_author", "author", "article:author_name", "article:author", "og:article:author",
    "dc.creator", "dcterms.creator", "dc.creator.personalname", "parsely-author",
    "sailthru.author", "byl", "creator",
)  # fmt: skip
_PUBLISHED = (
    "article:published_time", "article:published", "og:article:published_time",
    "og:published_time", "datepublished", "citation_publication_date", "citation_online_date",
    "citation_date", "parsely-pub-date", "sailthru.date", "dcterms.issued", "dc.date.issued",
    "dcterms.created", "dc.date.created", "dcterms.date", "dc.date", "date", "pubdate",
    "publishdate", "publish-date", "publish_date", "published_date", "publication_date",
    "article_date_original", "originalpublicationdate", "cxenseparse:recs:publishtime",
    "rnews:datepublished", "datecreated",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "article:modified", "og:updated_time", "datemodified",
    "dcterms.modified", "dc.date.modified", "last-modified", "lastmod", "revised",
)  # fmt: skip
_LANGUAGES = ("content-language", "og:locale", "language", "dc.language", "inlanguage")

_SEPARATOR = re.compile(
    r"\s+(?:[|\-–—·•»›«:]|::|\|\|)\s+|\s*[|｜»]\s*|\s+::\s+|\s*_\s*(?=[^\W\d]+$)"
)
_HOST = re.compile(r"https?://([^/:?#@\\]{1,255})", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_NAME_IN_MARKUP = re.compile(
    r"itemprop=[\"']?name[\"']?[^>]*?(?:content=\"([^\"]*)\"[^>]*>|>([^<]*)<)", re.IGNORECASE
)
_BY = re.compile(
    r"^(?:(?:written |posted )?by|von|par|por|di|author|autor)\b\s*:?\s+", re.IGNORECASE
)
_NO_AUTHOR = re.compile(
    r"https?:|www\.|^@|^[\W\d_]*$|^(?:admin|administrator|webmaster|none|null|undefined|unknown|n/a"
    r"|author|guest|anonymous|by)$",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\S+@\S+\.\w+")
_MAX_CUTS = 6
_MAX_TITLE, _MAX_AUTHOR, _MAX_BYLINE = 500, 200, 60
_CLOCKS_DIFFER = timedelta(days=1)
_ON_REQUEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The columns; None where the page says nothing usable. date is ISO 8601."""

    title: str | None = None
    author: str | None = None
    date: str | None = None
    date_source: DateSource | None = None
    language: str | None = None
    has_formulas: bool = False
    """The page needs `formulas.formulas_as_latex`."""


def page_metadata(
    page: str, url: str | None, fetched: str | None = None, last_modified: str | None = None
) -> PageMetadata:
    """Read a decoded page. fetched: when the archive took it, ISO 8601; last_modified: that header.

    Never raises for content. The text must hold no lone surrogates, as `decode_html` promises.
    """
    facts = _Facts(page_facts(page))
    stated = linked_data(facts.all("json_ld"))
    date, source = _date(facts, stated, fetched, last_modified)
    return PageMetadata(
        title=_title(facts, stated, url),
        author=_author(facts, stated),
        date=date,
        date_source=source,
        language=_language(facts),
        has_formulas=bool(facts.all("formula")),
    )


class _Facts:
    """Facts by kind, and metas by their lower-case name."""

    def __init__(self, found: list[Fact]) -> None:
        self.metas: dict[str, list[str]] = {}
        self.times: list[tuple[str, str, bool]] = []
        """(key, value, whether a heading stands above)."""
        self.authors: list[tuple[str, str]] = []
        self._others: dict[FactKind, list[str]] = {}
        for kind, key, value in found:
            if kind == "meta":
                self.metas.setdefault(key.strip().lower(), []).append(value)
            elif kind == "time":
                self.times.append((key, value, "h1" in self._others))
            elif kind == "author":
                self.authors.append((key, value))
            else:
                self._others.setdefault(kind, []).append(value)

    def all(self, kind: FactKind) -> list[str]:
        """Values of a kind other than meta, time and author."""
        return self._others.get(kind, [])

    def meta(self, names: Iterable[str]) -> Iterator[str]:
        """First values, in the order of the names."""
        return (self.metas[name][0] for name in names if name in self.metas)


def _plain(value: str, most: int) -> str:
    """One line of text: tags out, entities decoded, white space collapsed, cut at `most`
    characters."""
    if "<" in value:
        value = _TAG.sub(" ", value)
    if "&" in value:
        value = html.unescape(value)
    return tidy(" ".join(value.split()))[:most].rstrip()


def _title(facts: _Facts, stated: LinkedData, url: str | None) -> str | None:
    headings = [_plain(value, _MAX_TITLE) for value in facts.all("h1")]
    candidates = (
        *facts.meta(_TITLES[:1]),
        *facts.all("title")[:1],
        *facts.meta(_TITLES[1:]),
        stated.headline or "",
    )
    whole = next(filter(None, (_plain(value, _MAX_TITLE) for value in candidates)), None)
    if whole is None:
        return next(filter(None, headings), None)
    site = {_bare(_plain(name, 100)) for name in (*facts.meta(_SITES), stated.site or "")}
    return _without_site(whole, headings, site - {""}, _host(url))


def _without_site(title: str, headings: list[str], site: set[str], host: str) -> str:
    """The title without the site's name; as it is where no part of it is known to be one."""
    cuts = list(_SEPARATOR.finditer(title))
    if not cuts:
        return title
    shown = {_bare(heading) for heading in headings} - {""}
    begins, ends = (0, *(cut.end() for cut in cuts)), (*(cut.start() for cut in cuts), len(title))
    for begin in begins[:_MAX_CUTS]:
        for end in ends[-_MAX_CUTS:]:
            if begin < end and _bare(title[begin:end]) in shown:
                return title[begin:end].strip()
    first, last = cuts[0], cuts[-1]
    if _is_site(title[last.end() :], site, host):
        return title[: last.start()].strip() or title
    if _is_site(title[: first.start()], site, host):
        return title[first.end() :].strip() or title
    return title


def _is_site(part: str, site: set[str], host: str) -> bool:
    bare = _bare(part)
    return bare in site or (len(bare) > 2 and bare.removeprefix("the") in (host, f"{host}com"))


def _host(url: str | None) -> str:
    """The name within a host: `nytimes` of `https://www.nytimes.com/…`."""
    found = _HOST.match(url or "")
    labels = found.group(1).split(".") if found else []
    longest = max(labels[:-1] or [""], key=len)
    return _bare(longest)


def _bare(text: str) -> str:
    """Letters and digits only, to compare by."""
    return "".join(filter(str.isalnum, text.casefold()))


def _author(facts: _Facts, stated: LinkedData) -> str | None:
    for name in _AUTHORS:
        found = _joined(facts.metas.get(name, ()))
        if found is not None:
            return found
    found = _joined(stated.authors)
    if found is not None:
        return found
    for how in ("rel", "itemprop", "class"):
        marked = {
            byline
            for key, value in facts.authors
            if key == how and (byline := _byline(value, how)) is not None
        }
        if len(marked) == 1:
            return marked.pop()
        if marked:
            return None
    return None


def _joined(values: Iterable[str]) -> str | None:
    """Names once each, in order, with commas."""
    names = dict.fromkeys(filter(None, map(_name, values)))
    return ", ".join(names)[:_MAX_AUTHOR].rstrip(", ") or None


def _name(value: str) -> str | None:
    name = _plain(value, _MAX_AUTHOR)
    if "@" in name:
        name = _MAIL.sub("", name).strip(" ,;()<>")
    name = _BY.sub("", name).strip(" ,;|·•-–—")
    return None if not name or _NO_AUTHOR.search(name) else name


def _byline(value: str, how: str) -> str | None:
    """A name as the body shows it: short, and after "By" if only a class marks it and more words
    stand there."""
    inner = _NAME_IN_MARKUP.search(value) if how == "itemprop" else None
    if inner is not None:
        value = inner.group(1) or inner.group(2) or ""
    name = _name(value)
    if name is None or len(name) > _MAX_BYLINE or len(name.split()) > 6:
        return None
    return None if how == "class" and any(map(str.isdigit, name)) else name


def _date(
    facts: _Facts, stated: LinkedData, fetched: str | None, last_modified: str | None
) -> tuple[str | None, DateSource | None]:
    """The first usable date, in the order of the module's text."""
    header = parse_date(last_modified or "")
    if header is not None and _made_on_request(header, fetched):
        header = None
    candidates: list[tuple[DateSource, Iterable[str]]] = [
        ("meta", facts.meta(_PUBLISHED)),
        ("JSON-LD", [stated.published or ""]),
        ("time", _times(facts, "published")),
        ("time", _first_after_heading(facts)),
        ("meta", facts.meta(_MODIFIED)),
        ("JSON-LD", [stated.modified or ""]),
        ("time", _times(facts, "modified")),
        ("header", [header or ""]),
    ]
    latest = moment(fetched) if fetched else None
    for source, values in candidates:
        for value in values:
            date = parse_date(html.unescape(value))
            if date is None:
                continue
            at = moment(date)
            if at is not None and (latest is None or at <= latest + _CLOCKS_DIFFER):
                return date, source
    return (fetched, "WARC-Date") if fetched else (None, None)


def _made_on_request(header: str, fetched: str | None) -> bool:
    """Servers of pages made on request give the moment of the request."""
    changed, taken = moment(header), moment(fetched or "")
    return changed is not None and taken is not None and abs(taken - changed) <= _ON_REQUEST


def _times(facts: _Facts, key: str) -> list[str]:
    return [value for each, value, _ in facts.times if each == key][:1]


def _first_after_heading(facts: _Facts) -> list[str]:
    """The first <time> below the first <h1>; without a heading only if it is the only day."""
    below = [value for _, value, is_below in facts.times if is_below][:1]
    if below or facts.all("h1"):
        return below
    days = [value for _, value, _ in facts.times]
    return days[:1] if len({value[:10] for value in days}) == 1 else []


def _language(facts: _Facts) -> str | None:
    declared = (*facts.all("language")[:1], *facts.meta(_LANGUAGES))
    return next(filter(None, map(primary_language, declared)), None)
