"""Golden figures for the signals of the FineWeb chain: datatrove's own filters, unchanged.

`ours`: `GopherRepetitionFilter` and `FineWebQualityFilter` on all documents of `golden_gopher`,
given the words of `curate.kernels.words` by UAX #29. `theirs`: these two and `GopherQualityFilter`
on every fourth English or German document, with datatrove's own tokenizer. The figures that the
filters compute inside are caught by thresholds that note what they are compared with.

Written to `tests/stages/quality/fineweb_golden.csv.gz`: kind of words, file, document, figures; an
empty figure where the filter did not get that far, or where it counts a blank piece as a duplicate.
CR LF becomes LF before, because the peer does not know it.

Run in a throw-away environment that has datatrove, spacy, nltk and pyarrow (README.md).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
import datatrove.pipeline.filters.gopher_quality_filter as quality
import datatrove.pipeline.filters.gopher_repetition_filter as repetition
from datatrove.data import Document
from datatrove.utils.typeshelper import Languages

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benchmarks" / "golden_gopher"))
from make_golden import RealDocument, Threshold, curate_split, documents  # noqa: E402
from make_golden import figures_inside as quality_figures  # noqa: E402

GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "fineweb_golden.csv.gz"
PIECES = ("duplicate_line_fraction", "duplicate_line_characters")
PIECES += ("duplicate_paragraph_fraction", "duplicate_paragraph_characters")
TOP = {size: f"top_{size}gram_characters" for size in (2, 3, 4)}
REPEATED = {size: f"duplicate_{size}gram_characters" for size in range(5, 11)}
FINEWEB = ("sentence_end_fraction", "short_line_fraction", "duplicate_line_characters")
FINEWEB += ("newlines_per_word",)
QUALITY = (
    "words.count",
    "words.mean_length",
    "words.hash_per_word",
    "words.ellipsis_per_word",
    "lines.bullet_fraction",
    "lines.ellipsis_fraction",
    "words.alphabetic_fraction",
    "words.stop_words",
)
SIGNALS = (
    *(f"repetition.{name}" for name in (*PIECES, *TOP.values(), *REPEATED.values())),
    *(f"fineweb.{name}" for name in FINEWEB),
    *QUALITY,
)
LANGUAGES = {"c4": "en", "wikipedia/en": "en", "books/en": "en", "books/de": "de"}
PEER_NAMES = {"en": Languages.english, "de": Languages.german}


def blank_repeats(text: str) -> bool:
    """Whether the peer counts a piece of white space as a duplicate."""
    lines = re.split("\n+", text)
    paragraphs = re.split("\n{2,}", text.strip())
    return any(sum(not piece.strip() for piece in each) > 1 for each in (lines, paragraphs))


def repetition_figures(text: str, language: str) -> dict[str, float]:
    """What the repetition filter compares with its bounds."""
    seen: dict[str, list[float]] = {}

    def noting(name: str) -> Threshold:
        return Threshold(seen.setdefault(f"repetition.{name}", []))

    filter_ = repetition.GopherRepetitionFilter(
        dup_line_frac=noting(PIECES[0]),
        dup_line_char_frac=noting(PIECES[1]),
        dup_para_frac=noting(PIECES[2]),
        dup_para_char_frac=noting(PIECES[3]),
        top_n_grams=tuple((size, noting(name)) for size, name in TOP.items()),
        dup_n_grams=tuple((size, noting(name)) for size, name in REPEATED.items()),
        language=language,
    )
    assert filter_.filter(Document(text=text, id="0")) is True
    figures = {name: values[0] if values else 0.0 for name, values in seen.items()}
    if blank_repeats(text):
        for name in PIECES:
            del figures[f"repetition.{name}"]
    return figures


def fineweb_figures(text: str, language: str) -> dict[str, float]:
    """What FineWeb's filter compares with its bounds."""
    seen: dict[str, list[float]] = {name: [] for name in FINEWEB}
    filter_ = fineweb.FineWebQualityFilter(
        line_punct_thr=Threshold(seen[FINEWEB[0]]),
        short_line_thr=Threshold(seen[FINEWEB[1]]),
        char_duplicates_ratio=Threshold(seen[FINEWEB[2]]),
        new_line_ratio=Threshold(seen[FINEWEB[3]]),
        language=language,
    )
    filter_.filter(Document(text=text, id="0"))
    return {f"fineweb.{name}": values[0] for name, values in seen.items() if values}


def row_of(
    kind: str, document: RealDocument, parts: Iterable[Callable[[str, str], dict[str, float]]]
) -> list[str]:
    """A line of the table."""
    language = PEER_NAMES.get(language_of(document.file), Languages.english)
    text = document.text.replace("\r\n", "\n")
    figures: dict[str, float] = {}
    for part in parts:
        figures |= part(text, language)
    values = [repr(round(figures[name], 11)) if name in figures else "" for name in SIGNALS]
    return [kind, document.file, str(document.index), *values]


def language_of(file: str) -> str:
    """Empty for files whose tokenizer needs a model."""
    return next((code for prefix, code in LANGUAGES.items() if file.startswith(prefix)), "")


def quality_row(text: str, language: str) -> dict[str, float]:
    """The eight figures of Gopher quality."""
    return dict(zip(QUALITY, map(float, quality_figures(text, language)), strict=True))


def main() -> None:
    """Write the golden figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    rows = [row for row in documents(parser.parse_args().data) if curate_split(row.text, "")]
    own_split = repetition.split_into_words
    lines = []
    for module in (repetition, fineweb):
        module.split_into_words = curate_split
    lines += [row_of("ours", row, (repetition_figures, fineweb_figures)) for row in rows]
    for module in (repetition, fineweb, quality):
        module.split_into_words = own_split
    western = [row for row in rows if language_of(row.file)][::4]
    parts = (repetition_figures, fineweb_figures, quality_row)
    lines += [row_of("theirs", row, parts) for row in western]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["words", "file", "document", *SIGNALS])
    table.writerows(lines)
    GOLDEN.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    print(f"{len(rows)} and {len(western)} documents, {GOLDEN.stat().st_size} bytes")
    blank = sum(line[3] == "" for line in lines if line[0] == "ours")
    print(f"{blank} documents repeat a blank piece")


if __name__ == "__main__":
    main()
