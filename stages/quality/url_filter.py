"""Addresses: blocked domains and pages, words in an address, rules of ad blockers (Penedo et al.
2023, RefinedWeb, arXiv 2306.01116, appendix G.1; datatrove's `URLFilter`).

An address is judged by what you list: `domains` (the domain and all its sub-domains), `urls` (whole
addresses), `banned_words` (one is enough), `soft_words` (two different ones, RefinedWeb),
`banned_subwords` (anywhere, even across punctuation), `adblock` rules. No list comes with this
package. RefinedWeb and FineWeb use the adult, phishing, dating, gambling, ... lists of the
University of Toulouse (dsi.ut-capitole.fr/blacklists, CC-BY-SA 4.0: each folder holds `domains`
and `urls`, plain text, which this stage reads as they are) and word lists that datatrove ships
(`datatrove/assets/*.txt`, Apache-2.0). Block lists hold mistakes: read what goes.

What is compared: the host in lower case, without user name, port and final dot, international
names in ASCII (`xn--`, IDNA 2008 with UTS 46); IPv4 and IPv6 addresses are hosts of their own. A
word is a longest run of ASCII letters and digits of the whole address, in lower case; entries of
word lists lose everything else. Whole addresses are compared without scheme, `www.` and a final
`/`. A document without an address, or with one that has no host, has no signals and is kept.

Decides as datatrove on 2,400 addresses with equal lists (benchmarks/golden_url_filter), except:
case is ignored everywhere (there `PORN` in an address is no banned word); a listed sub-domain
covers the domains below it; hosts that are IP addresses or have no public suffix are compared;
whole addresses match with and without scheme, `www.` and final slash (the lists of Toulouse have no
scheme, so that there no entry of theirs matches).

Cost: 3 to 6 µs per address, nothing per byte of text; adblock patterns (not domain rules) cost
more on the few addresses that hold one of their pieces.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.errors import SpecError
from curate.kernels.phrases import PhraseSet
from curate.kernels.text_set import TextSet
from curate.stages.base import Annotator, Filter, ModelFile, Stage
from curate.stages.lists import ListFile, read_list
from curate.stages.quality.adblock import AdblockRules
from curate.stages.rules import Rule
from curate.stages.urls import comparable_hosts, hosts_of

LISTS = ("domains", "urls", "banned_words", "soft_words", "banned_subwords", "adblock")

_DOMAIN_PREFIX = r"^(?:[a-z][a-z0-9+.\-]*:)?(?://)?(?:www\.)?"
_LISTED_HOST = r"^(?:[a-z][a-z0-9+.\-]*://)?(?:\*?\.)?"

_Lists = tuple[str, ...]


def _list_field(what: str) -> _Lists:
    files: _Lists = Field(default=(), description=f"list files, UTF-8, plain or gzip: {what}")
    return files


class _UrlLists(Stage):
    """What the annotator and the filter share: the lists."""

    version: ClassVar[int] = 1
    distributions: ClassVar[tuple[str, ...]] = ("idna", "google-re2")

    domains: _Lists = _list_field("domains; their sub-domains go too (RefinedWeb: 4.6 M)")
    urls: _Lists = _list_field("whole addresses")
    banned_words: _Lists = _list_field("words of which an address may hold none")
    soft_words: _Lists = _list_field("words of which an address may hold `max_soft_words`")
    banned_subwords: _Lists = _list_field(
        "texts that may be nowhere in an address once it is cut down to letters and digits"
    )
    adblock: _Lists = _list_field("rules of ad blockers, the part that judges addresses alone")

    @model_validator(mode="after")
    def _some_list_is_named(self) -> _UrlLists:
        if not any(getattr(self, kind) for kind in LISTS):
            raise ValueError(
                f"names no list, so it would judge nothing; give one of {', '.join(LISTS)}"
            )
        return self

    def models(self) -> tuple[ModelFile, ...]:
        """The list files. Raises SpecError: missing, empty, not UTF-8, without a usable entry."""
        files = self._files()
        _judge(self._paths(), "".join(file.sha256 for _, file in files))
        return tuple(file.as_model(f"{kind} {index}") for index, (kind, file) in enumerate(files))

    def _paths(self) -> tuple[tuple[str, ...], ...]:
        return tuple(getattr(self, kind) for kind in LISTS)

    def _files(self) -> list[tuple[str, ListFile]]:
        return [(kind, _read(kind, path)) for kind in LISTS for path in getattr(self, kind)]


class UrlMatches(_UrlLists, Annotator):
    """What the lists say about an address; null without a valid one.

    domain, url, adblock: whether it is listed or blocked. banned_words, soft_words: how many
    different words of the list it holds. banned_subwords: how many of their texts, without overlap.
    Only signals of lists that are given.
    """

    name: ClassVar[str] = "url_filter"
    reads: ClassVar[tuple[str, ...]] = ("url",)

    def signals(self) -> tuple[pa.Field, ...]:
        """bool `domain`, `url`, `adblock`; int64 for the words; one for every list."""
        kinds = {"domains": "domain", "urls": "url"}
        return tuple(
            pa.field(
                kinds.get(kind, kind),
                pa.int64() if "words" in kind else pa.bool_(),
            )
            for kind in LISTS
            if getattr(self, kind)
        )

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n addresses in, n rows out. O(bytes of the addresses)."""
        digest = "".join(file.sha256 for _, file in self._files())
        judge = _judge(self._paths(), digest)
        urls = pc.ascii_lower(
            pc.ascii_trim_whitespace(pc.fill_null(batch.column("url").cast(pa.large_string()), ""))
        )
        hosts = hosts_of(urls)
        missing = hosts.is_null().to_numpy(zero_copy_only=False)
        found = judge.matches(urls, pc.fill_null(hosts, ""))
        columns = [pa.array(found[kind], mask=missing) for kind in LISTS if getattr(self, kind)]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(self.signals()))


class UrlFilter(_UrlLists, Filter):
    """Remove documents by their address: listed domains and pages, words, rules of ad blockers."""

    name: ClassVar[str] = "url_filter"
    requires: ClassVar[tuple[type[Annotator], ...]] = (UrlMatches,)

    max_soft_words: int = Field(
        1,
        ge=0,
        le=2**53,
        description="most different words of `soft_words` (RefinedWeb and datatrove remove from 2)",
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """One `UrlMatches` with this stage's lists."""
        return (UrlMatches(**{kind: getattr(self, kind) for kind in LISTS}),)

    def rules(self) -> tuple[Rule, ...]:
        """datatrove's order, a rule for every list; documents without a valid address are kept."""
        bounds = {
            "domain": (self.domains, 0),
            "url": (self.urls, 0),
            "banned_words": (self.banned_words, 0),
            "soft_words": (self.soft_words, self.max_soft_words),
            "banned_subwords": (self.banned_subwords, 0),
            "adblock": (self.adblock, 0),
        }
        return tuple(
            Rule(name, f"url_filter.{name}", high=bound, missing="keep")
            for name, (lists, bound) in bounds.items()
            if lists
        )


@dataclass(frozen=True, slots=True)
class _Judge:
    """All lists, made ready; None for a kind without lists."""

    domains: TextSet | None
    urls: TextSet | None
    banned_words: TextSet | None
    soft_words: TextSet | None
    banned_subwords: PhraseSet | None
    adblock: AdblockRules | None

    def matches(
        self, urls: pa.LargeStringArray, hosts: pa.LargeStringArray
    ) -> Mapping[str, np.ndarray]:
        """Per kind what its list says about every address; both columns without nulls."""
        found: dict[str, np.ndarray] = {}
        if self.domains is not None:
            found["domains"] = self.domains.find_parents(hosts) >= 0
        if self.urls is not None:
            found["urls"] = self.urls.find(_whole(urls)) >= 0
        if self.banned_words is not None:
            found["banned_words"] = self.banned_words.count_tokens(urls)
        if self.soft_words is not None:
            found["soft_words"] = self.soft_words.count_tokens(urls)
        if self.banned_subwords is not None:
            found["banned_subwords"] = self.banned_subwords.counts(_letters(urls)).count
        if self.adblock is not None:
            found["adblock"] = self.adblock.blocks(urls, hosts)
        return found


def _whole(urls: pa.LargeStringArray) -> pa.LargeStringArray:
    """Addresses for comparing whole: without scheme, `www.` and final slashes."""
    return pc.utf8_rtrim(pc.replace_substring_regex(urls, _DOMAIN_PREFIX, ""), "/")


def _letters(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.replace_substring_regex(texts, "[^a-z0-9]+", "")


def _read(kind: str, path: str) -> ListFile:
    return read_list(path, comments="!" if kind == "adblock" else "#")


@functools.lru_cache(maxsize=8)
def _judge(paths: tuple[tuple[str, ...], ...], digest: str) -> _Judge:
    """Made once per process and state of the files."""
    del digest
    entries = {}
    for kind, files in zip(LISTS, paths, strict=True):
        if files:
            entries[kind] = _prepared(kind, files)
    words = ("domains", "urls", "banned_words", "soft_words")
    subwords = entries.get("banned_subwords")
    rules = AdblockRules(entries["adblock"].to_pylist()) if "adblock" in entries else None
    if rules is not None and rules.counts.usable() == 0:
        raise SpecError(
            f"adblock: none of the {rules.counts.unsupported} rules of "
            f"{', '.join(paths[LISTS.index('adblock')])} judges an address alone; give lists with "
            "rules such as ||domain^ or /path/*, without options"
        )
    sets = {kind: TextSet(entries[kind]) if kind in entries else None for kind in words}
    return _Judge(
        **sets,
        banned_subwords=PhraseSet(subwords.to_pylist(), ignore_case=False)
        if subwords is not None
        else None,
        adblock=rules,
    )


def _prepared(kind: str, files: tuple[str, ...]) -> pa.LargeStringArray:
    """The entries of some files in the form in which addresses are compared."""
    raw = pa.concat_arrays([_read(kind, path).entries for path in files])
    if kind == "adblock":
        return raw
    lower = pc.ascii_lower(raw)
    if kind == "domains":
        prepared = comparable_hosts(
            pc.utf8_rtrim(pc.replace_substring_regex(lower, _LISTED_HOST, ""), "/")
        )
    elif kind == "urls":
        prepared = _whole(lower)
    else:
        prepared = _letters(lower)
    prepared = prepared.filter(pc.fill_null(pc.not_equal(prepared, ""), False))
    if len(prepared) == 0:
        raise SpecError(
            f"{kind}: no entry of {', '.join(files)} can match an address; entries need ASCII "
            "letters or digits"
        )
    return prepared
