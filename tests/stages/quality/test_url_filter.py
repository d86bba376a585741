"""Addresses: datatrove's reasons, hosts of all kinds, rules of ad blockers, bad lists."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from curate.errors import SpecError
from curate.stages.quality.adblock import AdblockRules
from curate.stages.quality.url_filter import LISTS, UrlFilter
from curate.stages.rules import evaluate
from curate.stages.urls import hosts_of

GOLDEN = Path(__file__).with_name("url_golden.json.gz")
PEER_REASONS = {
    "domain": "domain",
    "subdomain": "domain",
    "url": "url",
    "hard_blacklisted": "banned_words",
    "soft_blacklisted": "soft_words",
    "blacklisted_subword": "banned_subwords",
    "kept": "kept",
}


def make(folder: Path, **lists: list[str]) -> UrlFilter:
    files = {}
    for kind, entries in lists.items():
        path = folder / f"{kind}.txt"
        path.write_text("\n".join(entries) + "\n", encoding="utf-8")
        files[kind] = (str(path),)
    return UrlFilter.model_validate(files)


def measure(stage: UrlFilter, urls: list[str | None]) -> list[dict[str, Any]]:
    (annotator,) = stage.annotators()
    batch = pa.RecordBatch.from_arrays([pa.array(urls, pa.string())], ["url"])
    measured = annotator.annotate(batch)
    assert measured.schema == pa.schema(annotator.signals())
    rows: list[dict[str, Any]] = measured.to_pylist()
    return rows


def reasons(stage: UrlFilter, urls: list[str | None]) -> list[str]:
    (annotator,) = stage.annotators()
    batch = pa.RecordBatch.from_arrays([pa.array(urls, pa.string())], ["url"])
    measured = annotator.annotate(batch)
    named = [f"url_filter.{name}" for name in measured.schema.names]
    verdicts = evaluate(stage.rules(), pa.RecordBatch.from_arrays(measured.columns, named))
    names = [*(rule.name for rule in stage.rules()), "kept"]
    return [names[index] for index in verdicts.first_broken()]


def test_reasons_are_those_of_datatrove(test_data: Path, tmp_path: Path) -> None:
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as file:
        golden = json.load(file)
    urls: list[str | None] = []
    for name in golden["files"]:
        with gzip.open(test_data / name, "rt", encoding="utf-8", newline="\n") as lines:
            urls += [json.loads(line)["url"] for line in lines]
    urls += golden["constructed"]
    assert len(urls) == len(golden["reasons"]) >= 2400
    stage = make(tmp_path, **golden["lists"])
    blocked = set(golden["lists"]["domains"])
    whole = {_bare(url) for url in golden["lists"]["urls"]}
    different = []
    for url, own, theirs in zip(urls, reasons(stage, urls), golden["reasons"], strict=True):
        assert url is not None
        if own == PEER_REASONS[theirs]:
            continue
        host = url.split("//")[1].split("/")[0].rsplit("@", 1)[-1].partition(":")[0]
        parents = {host.partition(".")[2]} | {host.split(".", part)[-1] for part in range(6)}
        explained = {
            "domain": bool(parents & blocked),
            "url": _bare(url) in whole,
            "banned_words": url != url.lower(),
            "soft_words": url != url.lower(),
        }
        if not explained.get(own, False):
            different.append((url, own, theirs))
    assert different == []


def _bare(url: str) -> str:
    return url.partition("//")[2].removeprefix("www.").rstrip("/").lower()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.COM/a", "example.com"),
        ("https://user:pa@ss@example.com:8443/x", "example.com"),
        ("//example.com", "example.com"),
        ("http://example.com.", "example.com"),
        ("http://192.168.0.1:80/", "192.168.0.1"),
        ("http://[2001:DB8::1]:80/x", "[2001:db8::1]"),
        ("http://bücher.example/x", "xn--bcher-kva.example"),
        ("http://BÜCHER.example", "xn--bcher-kva.example"),
        ("http://faß.de", "xn--fa-hia.de"),
        ("http://日本語.jp?q", "xn--wgv71a119e.jp"),
        ("http://a\ufffdb.com/", None),
        ("http://example.com#fragment@other.org", "example.com"),
        ("http://good.com\\@evil.com", "good.com"),
        ("http:///path", None),
        ("http://.", None),
        ("example.com/path", None),
        ("mailto:a@example.com", None),
        ("", None),
        ("http://", None),
        ("nonsense", None),
        ("http://a b.com/", None),
    ],
)
def test_hosts(url: str, host: str | None) -> None:
    lower = pc.ascii_lower(pa.array([url], pa.large_string()))
    assert hosts_of(lower).to_pylist() == [host]


def test_a_domain_covers_what_lies_below_it(tmp_path: Path) -> None:
    listed = ["Bad.com", "*.worse.net", "http://www.worst.org/", ".dot.io", "sub.mixed.com"]
    stage = make(tmp_path, domains=[*listed, "1.2.3.4", "bücher.example", "# not.com", ""])
    removed = [
        "http://bad.com/x",
        "https://a.b.bad.com",
        "http://u:p@BAD.com:80/",
        "http://worse.net",
        "http://www.worst.org",
        "http://x.dot.io",
        "http://sub.mixed.com",
        "http://1.2.3.4/",
        "http://www.xn--bcher-kva.example/",
        " http://bad.com ",
    ]
    kept = ["http://notbad.com", "http://bad.com.au", "http://mixed.com", "http://x.com/bad.com"]
    kept += ["http://11.2.3.4", "http://not.com"]
    assert reasons(stage, list(removed)) == ["domain"] * len(removed)
    assert reasons(stage, list(kept)) == ["kept"] * len(kept)


def test_whole_addresses_words_and_subwords(tmp_path: Path) -> None:
    stage = make(
        tmp_path,
        urls=["https://www.example.com/Page/", "example.org/x?y=1"],
        banned_words=["Casino", "pay-day"],
        soft_words=["best", "loan", "hotel"],
        banned_subwords=["real estate"],
    )
    assert measure(stage, ["http://a.com/best-best/CASINO?x=payday.loan"]) == [
        {
            "url": False,
            "banned_words": 2,
            "soft_words": 2,
            "banned_subwords": 0,
        }
    ]
    cases: dict[str | None, str] = {
        "http://example.com/page": "url",
        "http://example.org/x?y=1": "url",
        "http://example.org/x?y=2": "kept",
        "http://a.com/casinos": "kept",
        "http://a.com/casino_royale": "banned_words",
        "http://a.com/best-best": "kept",
        "http://best.com/loan": "soft_words",
        "http://a.com/REAL/es-tate": "banned_subwords",
    }
    assert reasons(stage, list(cases)) == list(cases.values())
    loose = stage.model_copy(update={"max_soft_words": 2})
    assert reasons(loose, ["http://best.com/loan", "http://best.com/loan/hotel"]) == [
        "kept",
        "soft_words",
    ]


def test_documents_without_a_valid_address_are_kept(tmp_path: Path) -> None:
    stage = make(tmp_path, domains=["bad.com"], banned_words=["bad"], adblock=["||bad.com^"])
    urls = [None, "", "bad.com/bad", "file:bad", "\0", "http://", "x" * 100_000]
    assert reasons(stage, urls) == ["kept"] * len(urls)
    assert measure(stage, urls)[0] == {"domain": None, "banned_words": None, "adblock": None}
    assert measure(stage, []) == []


RULES = [
    "[Adblock Plus 2.0]",
    "! a comment",
    "||ads.example.com^",
    "||tracker.net/pixel",
    "|http://exact.org/start",
    "/banner/*/ad^",
    ".swf|",
    "promo.gif",
    "@@||good.ads.example.com^",
    "@@/banner/allowed/*",
    "||page.com^$document",
    "||third.com^$third-party",
    "example.com##.ad",
    "/regex[0-9]/",
    "*a*",
]


@pytest.mark.parametrize(
    ("url", "blocked"),
    [
        ("http://ads.example.com/", True),
        ("https://x.ads.example.com:80/y", True),
        ("http://good.ads.example.com/", False),
        ("http://badads.example.com/", False),
        ("http://tracker.net/pixel.gif", True),
        ("http://www.tracker.net/PIXEL", True),
        ("http://mytracker.net/pixel", False),
        ("http://a.com/?u=tracker.net/pixel", False),
        ("http://exact.org/start/here", True),
        ("https://exact.org/start", False),
        ("http://a.com/banner/2/ad?x", True),
        ("http://a.com/banner/2/ad", True),
        ("http://a.com/banner/2/ads", False),
        ("http://a.com/banner/allowed/ad", False),
        ("http://a.com/x.swf", True),
        ("http://a.com/x.swf?y", False),
        ("http://a.com/promo.gif?y", True),
        ("http://a.com/promoxgif", False),
        ("http://page.com/", True),
        ("http://third.com/", False),
        ("http://a.com/regex1", False),
    ],
)
def test_rules_of_ad_blockers(url: str, blocked: bool) -> None:
    urls = pa.array([url.lower()], pa.large_string())
    assert AdblockRules(RULES).blocks(urls, hosts_of(urls)).tolist() == [blocked]


def test_rules_that_are_not_read_are_counted() -> None:
    counts = AdblockRules(RULES).counts
    assert (counts.domains, counts.patterns, counts.exceptions) == (2, 5, 2)
    assert counts.unsupported == 4


def test_a_hostile_address_is_judged_in_linear_time(tmp_path: Path) -> None:
    stage = make(
        tmp_path,
        domains=["bad.com"],
        urls=["a.com"],
        banned_words=["bad"],
        soft_words=["a"],
        banned_subwords=["aab"],
        adblock=["/banner/*/*/*/*/ad^", "||a.a.a^"],
    )
    urls = ["http://" + "a." * 100_000, "http://a.com/" + "/banner/" * 50_000, "@" * 100_000]
    assert len(measure(stage, list(urls))) == 3


def test_lists_that_are_wrong_are_refused_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="names no list"):
        UrlFilter()
    path = tmp_path / "list"
    for kind in LISTS:
        with pytest.raises(SpecError, match="no such file"):
            UrlFilter.model_validate({kind: [str(tmp_path / "nowhere")]}).models()
        path.write_bytes(b"\n")
        with pytest.raises(SpecError, match="no entry"):
            UrlFilter.model_validate({kind: [str(path)]}).models()
    path.write_text("日本\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"banned_words: no entry of .* can match"):
        UrlFilter(banned_words=(str(path),)).models()
    path.write_text("##.ad\n||x.com^$image\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"none of the 2 rules of .* judges an address alone"):
        UrlFilter(adblock=(str(path),)).models()
    path.write_bytes(b"a\xff")
    with pytest.raises(SpecError, match="line 1 is not UTF-8"):
        UrlFilter(domains=(str(path),)).models()


def test_the_bytes_of_the_lists_enter_the_fingerprint(tmp_path: Path) -> None:
    before = make(tmp_path, domains=["a.com"]).models()
    after = make(tmp_path, domains=["b.com", "c.com"]).models()
    assert [model.name for model in before] == ["domains 0"]
    assert before[0].sha256 != after[0].sha256
