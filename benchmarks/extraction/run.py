"""Quality and speed of the HTML engines on scrapinghub's article-extraction-benchmark.

`PYTHONPATH=. python benchmarks/extraction/run.py [--data FOLDER] [--rounds 3] [--engines ...]`
prints the table of README.md. Quality: multisets of word 4-grams (words are `\\w+`, as the
benchmark's authors have them), precision, recall and F1 of every page, means over pages. Pages
are also split in two halves by host, so that a rule tuned on one half can be judged on the other.
Speed: bytes of HTML (UTF-8) per second of CPU time of one core, decoding not counted; the engines
take turns in every round, the median of the rounds is shown. Cost: half a minute a round.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from curate.stages.extract.encoding import decode_html
from curate.stages.extract.engines import engine

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data" / "extraction"
ENGINES = ("curate", "resiliparse", "trafilatura", "justext")
WORD = re.compile(r"\w+")

Grams = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Page:
    """A page, the text an editor would keep, and the half it belongs to."""

    html: str
    wanted: Grams
    half: int


@dataclass(frozen=True)
class Score:
    """Of one page, or means over pages."""

    precision: float
    recall: float
    f1: float


def four_grams(text: str, words_of: Callable[[str], list[str]]) -> Grams:
    """All runs of four words; the whole text where it has fewer."""
    words = words_of(text)
    return Counter(tuple(words[at : at + 4]) for at in range(max(len(words) - 3, 1)))


def read_pages(folder: Path, words_of: Callable[[str], list[str]]) -> list[Page]:
    """The pages in the order of their keys; hosts alternate between the halves."""
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    hosts = sorted({urlsplit(item["url"]).netloc for item in truth.values()})
    half_of = {host: at % 2 for at, host in enumerate(hosts)}
    pages = []
    for key in sorted(truth):
        data = gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes())
        wanted = four_grams(truth[key]["articleBody"], words_of)
        half = half_of[urlsplit(truth[key]["url"]).netloc]
        pages.append(Page(decode_html(data, None).text, wanted, half))
    return pages


def score(text: str, page: Page, words_of: Callable[[str], list[str]]) -> Score:
    """Agreement of an extracted text with the wanted one."""
    found = four_grams(text, words_of)
    common = sum((found & page.wanted).values())
    precision = common / sum(found.values())
    recall = common / sum(page.wanted.values())
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    return Score(precision, recall, f1)


def mean(scores: Iterable[Score]) -> Score:
    """Mean over pages."""
    rows = [(one.precision, one.recall, one.f1) for one in scores]
    return Score(*(statistics.fmean(column) for column in zip(*rows, strict=True)))


def extract_all(name: str, pages: list[Page]) -> tuple[list[str], float]:
    """Texts of all pages and the CPU seconds they took."""
    extractor = engine(name)
    started = time.process_time()
    texts = [extractor.extract(page.html, None).text for page in pages]
    return texts, time.process_time() - started


def main() -> None:
    """Run the engines in turn and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    pages = read_pages(options.data, WORD.findall)
    spaced = read_pages(options.data, str.split)
    megabytes = sum(len(page.html.encode()) for page in pages) / 1e6
    seconds: dict[str, list[float]] = {name: [] for name in options.engines}
    texts: dict[str, list[str]] = {}
    for name in options.engines:  # loads what an engine loads at first use
        engine(name).extract(pages[0].html, None)
    for _ in range(options.rounds):
        for name in options.engines:
            texts[name], spent = extract_all(name, pages)
            seconds[name].append(spent)
    print(f"{len(pages)} pages, {megabytes:.1f} MB of HTML, {options.rounds} rounds\n")
    print(
        "| engine | precision | recall | F1 | F1 half 1 | F1 half 2 | F1 (words by space) | MB/s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in options.engines:
        scores = [score(*pair, WORD.findall) for pair in zip(texts[name], pages, strict=True)]
        halves = [
            mean(one for one, page in zip(scores, pages, strict=True) if page.half == half).f1
            for half in (0, 1)
        ]
        by_space = mean(score(*pair, str.split) for pair in zip(texts[name], spaced, strict=True))
        total = mean(scores)
        speed = megabytes / statistics.median(seconds[name])
        cells = (total.precision, total.recall, total.f1, *halves, by_space.f1)
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + f" | {speed:.1f} |")


if __name__ == "__main__":
    main()
