"""Rules of ad blockers (Adblock Plus, uBlock Origin) for addresses of documents: the part of the
language that judges an address alone.

Read: `||domain^` (the domain and its sub-domains), `||domain/path`, `|https://...`, `...|`, `*`,
`^` (a separator: anything but a letter, digit, `_`, `.`, `%`, `-`, or the end), plain pieces of an
address, and `@@` exceptions, which win over every rule. Case is ignored.

Not read, and counted in `unsupported`: rules with options (`$third-party`, `$image`), since nearly
all of them judge what a page loads and would remove innocent pages here (`$document`, `$doc`,
`$all`, `$popup` and `$important` do judge pages and are read); rules for elements (`##`, `#@#`,
`#?#`); regular expressions (`/.../`); patterns without three plain characters in a row.

How: rules for domains are look-ups; of the others the longest plain piece is searched by the phrase
kernel, and only addresses that hold one are tried against an RE2 expression of all patterns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import re2

from curate.kernels.phrases import PhraseSet
from curate.kernels.text_set import TextSet

_PAGE_OPTIONS = frozenset({"document", "doc", "all", "popup", "important"})
_DOMAIN = re.compile(r"\|\|([^/^*|:?=&]+)\^?")
_COSMETIC = re.compile(r"#[@?$%]{0,2}#")
_HOST_PREFIX = r"^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:[^/?#:@]*\.)?"
_SEPARATOR = r"(?:[^0-9a-z_.%-]|$)"
_SHORTEST_PIECE = 3
_EXPRESSION_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """How many lines of the lists became what."""

    domains: int
    patterns: int
    exceptions: int
    unsupported: int

    def usable(self) -> int:
        """Rules that can remove a document."""
        return self.domains + self.patterns


class AdblockRules:
    """Lists of rules, ready to judge addresses."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Lines that are no rules at all (`!` comments, `[Adblock Plus 2.0]`) are skipped."""
        domains: tuple[list[str], list[str]] = ([], [])
        patterns: tuple[list[str], list[str]] = ([], [])
        unsupported = 0
        for line in lines:
            if not line or line.startswith("!") or (line[0] == "[" and line[-1] == "]"):
                continue
            exception = line.startswith("@@")
            rule = _without_page_options(line[2:] if exception else line)
            if rule is None or _COSMETIC.search(rule) or _is_regular_expression(rule):
                unsupported += 1
            elif (found := _DOMAIN.fullmatch(rule)) is not None:
                domains[exception].append(found[1].lower())
            elif _longest_piece(rule) is None:
                unsupported += 1
            else:
                patterns[exception].append(rule.lower())
        self.counts = RuleCounts(
            domains=len(domains[0]),
            patterns=len(patterns[0]),
            exceptions=len(domains[1]) + len(patterns[1]),
            unsupported=unsupported,
        )
        self._blocked = _Matcher(domains[0], patterns[0])
        self._allowed = _Matcher(domains[1], patterns[1])

    def blocks(self, urls: pa.LargeStringArray, hosts: pa.LargeStringArray) -> np.ndarray:
        """bool[n]: whether a rule matches and no exception does. Both columns in lower case."""
        blocked = self._blocked.matches(urls, hosts)
        return blocked & ~self._allowed.matches(urls, hosts) if blocked.any() else blocked


class _Matcher:
    def __init__(self, domains: list[str], patterns: list[str]) -> None:
        self._domains = TextSet(pa.array(domains, pa.large_string()))
        pieces = [piece for piece in map(_longest_piece, patterns) if piece is not None]
        self._pieces = PhraseSet(pieces, ignore_case=False) if pieces else None
        options = re2.Options()
        options.max_mem = _EXPRESSION_BYTES
        options.never_capture = True
        expression = "|".join(f"(?:{_as_expression(pattern)})" for pattern in patterns)
        self._expression = re2.compile(expression, options) if patterns else None

    def matches(self, urls: pa.LargeStringArray, hosts: pa.LargeStringArray) -> np.ndarray:
        found = self._domains.find_parents(hosts) >= 0
        if self._pieces is None or self._expression is None:
            return found
        candidates = np.flatnonzero((self._pieces.counts(urls).count > 0) & ~found)
        texts = urls.take(pa.array(candidates)).to_pylist()
        for row, text in zip(candidates.tolist(), texts, strict=True):
            found[row] = self._expression.search(text) is not None
        return found


def _without_page_options(rule: str) -> str | None:
    """The rule without options that are about pages; None with other options."""
    pattern, dollar, options = rule.rpartition("$")
    if not dollar or "/" in options:
        return rule
    return pattern if set(options.lower().split(",")) <= _PAGE_OPTIONS else None


def _is_regular_expression(rule: str) -> bool:
    return len(rule) > 1 and rule.startswith("/") and rule.endswith("/")


def _longest_piece(rule: str) -> str | None:
    longest = max(re.split(r"[*^|]+", rule.lower()), key=len)
    return longest if len(longest.strip()) >= _SHORTEST_PIECE else None


def _as_expression(pattern: str) -> str:
    start, end = "", ""
    if pattern.startswith("||"):
        start, pattern = _HOST_PREFIX, pattern[2:]
    elif pattern.startswith("|"):
        start, pattern = "^", pattern[1:]
    if pattern.endswith("|"):
        end, pattern = "$", pattern[:-1]
    kinds = {"*": ".*", "^": _SEPARATOR}
    return start + "".join(kinds.get(each, re2.escape(each)) for each in pattern) + end
