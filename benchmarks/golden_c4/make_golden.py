"""Golden figures for C4's rules: datatrove's own filters, given our sentences.

datatrove's `C4QualityFilter` runs unchanged, except that its sentence splitter is replaced by
`curate.kernels.sentences`. Every document is filtered twice: as configured, for the verdict; and
with the rules that drop a document switched off, for the edited text, its counts of removed lines
and its number of sentences. Written to `tests/stages/quality/c4_golden.csv.gz`. Also printed: the
share of equal verdicts when datatrove splits sentences its own way.

Run in a throw-away environment that has datatrove, spacy, nltk and pyarrow (README.md).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import datatrove.pipeline.filters.c4_filters as peer
import pyarrow as pa
from datatrove.data import Document
from datatrove.utils.typeshelper import Languages

from curate.kernels.sentences import sentences as curate_sentences

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "c4_golden.csv.gz"
BOOK_CHARACTERS = 50_000
ARTICLES = (
    ("c4/c4-a.jsonl.gz", 1000),
    ("c4/c4-b.jsonl.gz", 1000),
    ("wikipedia/en-0.jsonl.gz", 300),
    ("wikipedia/ko-0.jsonl.gz", 200),
)
VARIANTS: dict[str, dict[str, bool]] = {
    "c4": {},
    "fineweb": {"filter_no_terminal_punct": False},
    "sentences": {"split_paragraph": False},
}
COUNTS = (
    "line-total",
    "line-filter-too_long_word",
    "line-filter-no_terminal_punc",
    "line-filter-too_few_words",
    "line-filter-javascript",
    "line-filter-policy",
)
OWN_SPLITTER = {"c4": Languages.english, "wikipedia/en": Languages.english}
OWN_SPLITTER |= {"books/en": Languages.english, "books/de": Languages.german}


class RealDocument(NamedTuple):
    """A text of the folder of real texts and where it is."""

    file: str
    index: int
    text: str


def documents(folder: Path) -> Iterator[RealDocument]:
    """The first articles of each JSON lines file, then the beginning of each novel."""
    for file, count in ARTICLES:
        with gzip.open(folder / file, "rt", encoding="utf-8", newline="\n") as lines:
            for index, line in zip(range(count), lines, strict=False):
                yield RealDocument(file, index, json.loads(line)["text"])
    for path in sorted(folder.glob("books/*/*.txt.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        yield RealDocument(str(path.relative_to(folder)), 0, text[:BOOK_CHARACTERS])


class NoBound:
    """A least number of sentences that notes what it is compared with and is never missed."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __gt__(self, value: int) -> bool:
        self.seen.append(value)
        return False


def curate_split(text: str, language: str) -> list[str]:
    """Replaces datatrove's `split_into_sentences`, which also strips and drops blank ones."""
    found = curate_sentences(pa.array([text], pa.large_string()))[0].as_py()
    return [stripped for sentence in found if (stripped := sentence.strip())]


def verdict(text: str, variant: str, language: str = Languages.english) -> str:
    """`kept`, or the reason of the filter."""
    answer = peer.C4QualityFilter(language=language, **VARIANTS[variant]).filter(
        Document(text=text, id="0")
    )
    return "kept" if answer is True else answer[1]


def edited(text: str, variant: str) -> tuple[str, list[int]]:
    """The text after the edit, its `COUNTS` and its sentences, whatever the verdict is."""
    bound, counts = NoBound(), Counter[str]()
    filter_ = peer.C4QualityFilter(
        min_num_sentences=bound,
        filter_lorem_ipsum=False,
        filter_curly_bracket=False,
        **VARIANTS[variant],
    )
    filter_.stat_update = lambda *names, **_: counts.update(names)
    document = Document(text=text, id="0")
    assert filter_.filter(document) is True
    return document.text, [*(counts[name] for name in COUNTS), *bound.seen]


def write_golden(rows: list[RealDocument]) -> None:
    """Compressed CSV, byte-identical for equal figures."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    figures = [*COUNTS, "sentences"]
    table.writerow(["file", "document", "variant", "verdict", "paragraphs", "sha256", *figures])
    for row in rows:
        paragraphs = peer.C4ParagraphFilter().filter(Document(text=row.text, id="0")) is True
        for variant in VARIANTS:
            after, counts = edited(row.text, variant)
            digest = hashlib.sha256(after.encode()).hexdigest()[:8]
            why = verdict(row.text, variant)
            table.writerow([row.file, row.index, variant, why, int(paragraphs), digest, *counts])
    GOLDEN.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def compare_verdicts(rows: list[RealDocument]) -> None:
    """Print, per collection, how often both ways to split sentences end in the same verdict."""
    own_split = peer.split_into_sentences
    for prefix, language in OWN_SPLITTER.items():
        texts = [row.text for row in rows if row.file.startswith(prefix)]
        for variant in ("c4", "fineweb"):
            peer.split_into_sentences = curate_split
            ours = [verdict(text, variant, language) for text in texts]
            peer.split_into_sentences = own_split
            theirs = [verdict(text, variant, language) for text in texts]
            kept = [sum(answer == "kept" for answer in answers) for answers in (ours, theirs)]
            equal = sum(left == right for left, right in zip(ours, theirs, strict=True))
            reasons = Counter(ours)
            share = f"{equal / len(texts):.1%}"
            print(f"| {prefix} | {variant} | {len(texts)} | {kept[0]} | {kept[1]} | {share} |")
            print("   ", dict(reasons))


def main() -> None:
    """Write the golden figures, then print the table of verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--compare", action="store_true", help="also with datatrove's sentences")
    arguments = parser.parse_args()
    rows = list(documents(arguments.data))
    if arguments.compare:
        compare_verdicts(rows)
    peer.split_into_sentences = curate_split
    write_golden(rows)
    print(f"{len(rows)} documents, {GOLDEN.stat().st_size} bytes in {GOLDEN.name}")


if __name__ == "__main__":
    main()
