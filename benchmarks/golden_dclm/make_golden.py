"""Golden figures for DCLM's line rules: the reference's own modifiers, in its own order.

The modifiers of mlfoundations/dclm (commit 361714b) run unchanged, configured as in
`dclm_baseline_refinedweb.yaml` from `word_counter_enricher` to `word_removal_ratio_filter`. Written
to `tests/stages/quality/dclm_golden.csv.gz`: verdict, digest of the edited text, lines removed by
each modifier, words before and after, for every document.

Run in a throw-away environment with four files of the reference on the path (README.md).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from baselines.mappers import modifiers
from baselines.mappers.core_utils import split_words

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "dclm_golden.csv.gz"
BOOK_CHARACTERS = 50_000
MAX_REMOVED = 0.05
ARTICLES = (
    ("c4/c4-a.jsonl.gz", 1000),
    ("c4/c4-b.jsonl.gz", 1000),
    ("wikipedia/en-0.jsonl.gz", 300),
    ("wikipedia/ko-0.jsonl.gz", 200),
)
Page = dict[str, Any]


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
    for index, text in enumerate(invented()):
        yield RealDocument("invented", index, text)


def invented() -> Iterator[str]:
    """Real texts hold few of the lines that the rules look for."""
    body = (
        "The house that they have is to be sold with all of it, and so is the garden behind.\n" * 9
    )
    lines = [
        *("3 likes", "3,100 Likes!", "  1.2M followers  ", "5K views", "5 kviews", "٣ shares"),
        *("BIG SALE NOW", "Half UPPER", "İI", "ⒶⒷ x", "123", "12 3", "²³", "①", "one", "two words"),
        *(
            "3 items in cart",
            "You have 2 items in cart now",
            "items in cart",
            "ITEMS IN CARTitems in cart",
        ),
        *("Read more...", "To read more of it", "news Read more...", "Read more now", "Sign-in"),
        *(
            "sign-in here",
            "Sign-in to see all of the many things that we have in store",
            "ſign-ın x",
        ),
        *(
            "a very long line of more than ten words with items in cart inside",
            " ",
            "",
            "\t",
            "\r",
            "\u2028",
        ),
    ]
    for line in lines:
        yield body + line
        yield line + "\n" + body
        yield "  " + line + "  \n\n" + body + "\n" + line
        yield line


def steps() -> list[tuple[str, Callable[[Page], list[Page]]]]:
    """The modifiers by the name of the count of what they remove."""
    cut = {"max_length": 10, "remove_substring_only": True}
    at_end = modifiers.substring_line_modifier(banlist="Read more...", location="suffix", **cut)
    at_start = modifiers.substring_line_modifier(banlist="Sign-in", location="prefix", **cut)
    return [
        ("uppercase", lambda page: modifiers.uppercase_ratio_line_modifier(page, max_ratio=0.5)),
        ("numeric", lambda page: modifiers.numeric_ratio_line_modifier(page, max_ratio=0.999999)),
        ("counter", modifiers.counter_line_modifier()),
        ("few_words", lambda page: modifiers.line_length_modifier(page, min_length=2)),
        ("anywhere", modifiers.substring_line_modifier(banlist="items in cart", **cut)),
        ("at_end", at_end),
        ("at_start", at_start),
    ]


def word_count(text: str) -> int:
    """As `word_counter_enricher`."""
    return len(split_words(text, ignore_punctuation=True))


def filtered(text: str) -> tuple[str, str, int, int]:
    """Verdict, edited text, words before and after."""
    before = word_count(text)
    page: Page = {"text": text}
    for _, step in steps():
        if not step(page):
            return "empty", "", before, 0
    after = word_count(page["text"])
    if before == 0:
        return "no_words", page["text"], before, after
    kept = (before - after) / before <= MAX_REMOVED
    return "kept" if kept else "words_removed", page["text"], before, after


def main() -> None:
    """Write the golden figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "document", "verdict", "sha256", "before", "after", "text"])
    verdicts: dict[tuple[str, str], int] = {}
    for row in documents(parser.parse_args().data):
        verdict, after, *words = filtered(row.text)
        digest = hashlib.sha256(after.encode()).hexdigest()[:8]
        invented_text = json.dumps(row.text) if row.file == "invented" else ""
        table.writerow([row.file, row.index, verdict, digest, *words, invented_text])
        place = (row.file.rpartition("/")[0] or row.file, verdict)
        verdicts[place] = verdicts.get(place, 0) + 1
    GOLDEN.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    print(verdicts, GOLDEN.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
