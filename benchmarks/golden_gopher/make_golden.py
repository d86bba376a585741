"""Golden figures for the Gopher quality signals: datatrove's own filter, given our words.

datatrove's `GopherQualityFilter` runs unchanged, except that its word splitter is replaced by
`curate.kernels.words`. The figures it computes inside are caught by thresholds that note what they
are compared with. Written to `tests/stages/quality/gopher_golden.csv.gz`: file, document, the eight
figures. Also printed: the share of equal decisions when datatrove splits words its own way.

Run in a throw-away environment that has datatrove, spacy, nltk and pyarrow (README.md).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import datatrove.pipeline.filters.gopher_quality_filter as peer
import pyarrow as pa
from datatrove.data import Document
from datatrove.utils.typeshelper import Languages

from curate.kernels.words import words as curate_words

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "gopher_golden.csv.gz"
PIECE_CHARACTERS = 8_000
PIECES_PER_BOOK = 10
ARTICLES = (
    ("c4/c4-a.jsonl.gz", 600),
    ("c4/c4-b.jsonl.gz", 200),
    ("wikipedia/en-0.jsonl.gz", 300),
    ("wikipedia/ko-0.jsonl.gz", 300),
)
SIGNALS = (
    "words.count",
    "words.mean_length",
    "words.hash_per_word",
    "words.ellipsis_per_word",
    "lines.bullet_fraction",
    "lines.ellipsis_fraction",
    "words.alphabetic_fraction",
    "words.stop_words",
)
OWN_TOKENIZER = {"c4": Languages.english, "wikipedia/en": Languages.english}
OWN_TOKENIZER |= {"books/en": Languages.english, "books/de": Languages.german}


class RealDocument(NamedTuple):
    """A text of the folder of real texts and where it is."""

    file: str
    index: int
    text: str


def documents(folder: Path) -> Iterator[RealDocument]:
    """The first articles of each JSON lines file, then the first pieces of each novel."""
    for file, count in ARTICLES:
        with gzip.open(folder / file, "rt", encoding="utf-8", newline="\n") as lines:
            for index, line in zip(range(count), lines, strict=False):
                yield RealDocument(file, index, json.loads(line)["text"])
    for path in sorted(folder.glob("books/*/*.txt.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        for index in range(PIECES_PER_BOOK):
            piece = text[index * PIECE_CHARACTERS : (index + 1) * PIECE_CHARACTERS]
            if piece:
                yield RealDocument(str(path.relative_to(folder)), index, piece)


class Threshold:
    """A bound that notes what it is compared with and is never crossed."""

    __array_ufunc__ = None

    def __init__(self, seen: list[float]) -> None:
        self.seen = seen

    def __lt__(self, value: float) -> bool:
        self.seen.append(value)
        return False

    __gt__ = __lt__


def figures_inside(text: str, language: str = Languages.english) -> list[float]:
    """What the filter computes about one text, in the order of `SIGNALS`."""
    seen: dict[str, list[float]] = {}

    def noting(name: str) -> Threshold:
        return Threshold(seen.setdefault(name, []))

    filter_ = peer.GopherQualityFilter(
        min_doc_words=noting("words"),
        max_doc_words=None,
        min_avg_word_length=noting("length"),
        max_avg_word_length=None,
        max_symbol_word_ratio=noting("symbols"),
        max_bullet_lines_ratio=noting("bullets"),
        max_ellipsis_lines_ratio=noting("ellipses"),
        max_non_alpha_words_ratio=noting("alphabetic"),
        min_stop_words=noting("stop_words"),
        language=language,
    )
    assert filter_.filter(Document(text=text, id="0")) is True
    return [value for values in seen.values() for value in values]


def curate_split(text: str, language: str) -> list[str]:
    """Replaces datatrove's `split_into_words`."""
    found: list[str] = curate_words(pa.array([text], pa.large_string()))[0].as_py()
    return found


def verdict(text: str, language: str) -> str:
    """`kept`, or the reason of the filter with its default bounds."""
    answer = peer.GopherQualityFilter(language=language).filter(Document(text=text, id="0"))
    return "kept" if answer is True else answer[1]


def write_golden(rows: list[RealDocument]) -> None:
    """Compressed CSV, byte-identical for equal figures."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "document", *SIGNALS])
    for row in rows:
        figures = [repr(float(value)) for value in figures_inside(row.text)]
        table.writerow([row.file, row.index, *figures])
    GOLDEN.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def compare_decisions(rows: list[RealDocument]) -> None:
    """Print, per collection, how often both ways to split words end in the same decision."""
    own_split = peer.split_into_words
    for prefix, language in OWN_TOKENIZER.items():
        texts = [row.text for row in rows if row.file.startswith(prefix)]
        peer.split_into_words = curate_split
        ours = [verdict(text, language) for text in texts]
        peer.split_into_words = own_split
        theirs = [verdict(text, language) for text in texts]
        kept = [sum(verdict == "kept" for verdict in verdicts) for verdicts in (ours, theirs)]
        pairs = [pair for pair in zip(ours, theirs, strict=True) if "kept" in pair]
        different = Counter(f"{left} / {right}" for left, right in pairs if left != right)
        equal = 1 - different.total() / len(texts)
        reasons = ", ".join(f"{count} {reason}" for reason, count in different.most_common())
        print(f"| {prefix} | {len(texts)} | {kept[0]} | {kept[1]} | {equal:.1%} | {reasons} |")


def main() -> None:
    """Write the golden figures, then print the table of decisions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    rows = [row for row in documents(parser.parse_args().data) if curate_split(row.text, "")]
    compare_decisions(rows)
    peer.split_into_words = curate_split
    write_golden(rows)
    print(f"{len(rows)} documents, {GOLDEN.stat().st_size} bytes in {GOLDEN.name}")


if __name__ == "__main__":
    main()
