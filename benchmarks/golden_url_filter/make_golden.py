"""Golden decisions for `url_filter`: datatrove's own `URLFilter` on real and constructed addresses.

The filter runs unchanged, without its integrated lists and with the public suffixes that its parser
ships (no download). Lists: every tenth domain of the addresses, some sub-domains, some whole
addresses, and small word lists written for this purpose. Written to
`tests/stages/quality/url_golden.json.gz`: the lists, the constructed addresses, and the reason of
every address (`kept` for none) in the order of the C4 files, then of the constructed ones.

Run in a throw-away environment that has datatrove and tldextract (README.md).
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters.url_filter import URLFilter
from tldextract import TLDExtract

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "url_golden.json.gz"
FILES = ("c4/c4-a.jsonl.gz", "c4/c4-b.jsonl.gz")
BANNED = ["casino", "poker", "viagra", "xxx", "2girls", "Pay-Day", "torrent"]
SOFT = ["loan", "hotel", "news", "blog", "shop", "free", "best", "review", "2018", "index"]
SUBWORDS = ["betting", "dating site", "cheap-flights", "weddingphoto", "real estate"]
HOSTS = ("example.com", "shop.example.com", "a.b.example.co.uk", "example.org", "news-site.net")
SCHEMES = ("http://", "https://", "http://www.", "https://user:secret@", "ftp://")
PATHS = (
    "",
    "/",
    "/index.html?free=1",
    "/casino/poker",
    "/casinos-and-pokers",
    "/best_loan_2018/review",
    "/best/loan",
    "/online%20betting#top",
    "/da-ting/site",
    ":8080/xxx",
    "/real.estate/berlin",
    "/2girls?x=torrent",
    "/caf\u00e9/news/best",
    "/a//b///",
    "/pay-day",
    "/payday",
)


def constructed() -> list[str]:
    """Every scheme, host and path."""
    return [scheme + host + path for scheme in SCHEMES for host in HOSTS for path in PATHS]


def main() -> None:
    """Judge everything and write the golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of real texts")
    folder = parser.parse_args().data
    urls = []
    for file in FILES:
        with gzip.open(folder / file, "rt", encoding="utf-8", newline="\n") as lines:
            urls += [json.loads(line)["url"] for line in lines]
    extract = TLDExtract(suffix_list_urls=())
    parts = [extract(url) for url in urls]
    domains = sorted({part.registered_domain for part in parts[::10] if part.registered_domain})
    domains += sorted({part.fqdn for part in parts[5::20] if part.subdomain})
    domains += ["example.org", "shop.example.com"]
    lists = {
        "domains": domains,
        "urls": [*urls[7::40], "http://example.com/best/loan"],
        "banned_words": BANNED,
        "soft_words": SOFT,
        "banned_subwords": SUBWORDS,
    }
    filter_ = URLFilter(
        extra_domains=lists["domains"],
        extra_urls=lists["urls"],
        banned_words=BANNED,
        soft_banned_words=SOFT,
        banned_subwords=SUBWORDS,
        use_integrated_lists=False,
    )
    filter_.tldextractor = extract
    reasons = []
    for url in [*urls, *constructed()]:
        verdict = filter_.filter(Document(text="", id="0", metadata={"url": url}))
        reasons.append("kept" if verdict is True else verdict[1])
    golden = {"files": FILES, "lists": lists, "constructed": constructed(), "reasons": reasons}
    GOLDEN.write_bytes(gzip.compress(json.dumps(golden).encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
