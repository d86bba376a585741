"""What a word is decides what a filter keeps: the share of documents that keep each rule with our
words, with white-space words, and with the tokens of datatrove's own tokenizer.

    python benchmarks/keep_rates/words.py ../shared/data      # needs the extra datatrove-words

Prints the table of README.md. Cost: two minutes, nearly all of it spaCy's.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from run import WIKIPEDIA_CHARACTERS, json_lines

from curate.stages.base import Filter
from curate.stages.quality.fineweb import FineWebQuality
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import GopherRepetition
from curate.stages.rules import evaluate

DOCUMENTS = 400
PIECE_CHARACTERS = 10_000
SOURCES = ("uax29", "whitespace", "datatrove")
FILTERS: tuple[type[Filter], ...] = (GopherQuality, GopherRepetition, FineWebQuality)


def pieces(paths: Iterable[Path]) -> Iterator[str]:
    """Three pieces from the middle of every novel."""
    for path in paths:
        text = gzip.decompress(path.read_bytes()).decode()
        for start in range(3 * PIECE_CHARACTERS, 6 * PIECE_CHARACTERS, PIECE_CHARACTERS):
            yield text[start : start + PIECE_CHARACTERS]


def texts(data: Path) -> dict[str, list[str]]:
    """English documents by kind of text."""
    wikipedia = json_lines([data / "wikipedia" / "en-0.jsonl.gz"])
    found: dict[str, Iterable[str]] = {
        "C4": json_lines([data / "c4" / "c4-a.jsonl.gz"]),
        "Wikipedia": (text for text in wikipedia if len(text) > WIKIPEDIA_CHARACTERS),
        "books": pieces(sorted((data / "books" / "en").iterdir())),
    }
    return {name: list(itertools.islice(each, DOCUMENTS)) for name, each in found.items()}


def kept(stage: Filter, documents: list[str]) -> dict[str, float]:
    """Share of the documents that keep each rule, and all of them (`all rules`)."""
    rows = len(documents)
    batch = pa.record_batch(
        {
            "id": pa.array([str(row) for row in range(rows)]),
            "text": pa.array(documents, pa.large_string()),
            "language": pa.array(["en"] * rows),
        }
    )
    columns: dict[str, pa.Array] = {}
    for annotator in stage.annotators():
        measured = annotator.annotate(batch.select(list(annotator.reads)))
        for name in measured.schema.names:
            columns[f"{annotator.name}.{name}"] = measured.column(name)
    broken = evaluate(stage.rules(), pa.RecordBatch.from_pydict(columns)).broken
    shares = dict(zip([rule.name for rule in stage.rules()], 1 - broken.mean(axis=0), strict=True))
    return {**shares, "**all rules**": float(1 - broken.any(axis=1).mean())}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of real texts")
    documents = texts(parser.parse_args().data)
    heads = [f"{name} ({len(each)})" for name, each in documents.items()]
    print("| rule | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads))
    for kind in FILTERS:
        shares = {
            name: [kept(kind(words=words), each) for words in SOURCES]
            for name, each in documents.items()
        }
        for rule in next(iter(shares.values()))[0]:
            cells = [" / ".join(f"{by[rule]:.1%}" for by in each) for each in shares.values()]
            print(f"| {kind.name}: {rule} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
