"""Golden decisions for `bad_words`: datatrove's own `C4BadWordsFilter`, given the lists on disk.

The filter runs unchanged, except that it opens the LDNOOBW files of the folder of real texts where
it would download them. Written to `tests/stages/quality/bad_words_golden.json.gz`: for every file
of documents, and for every entry of every list put into a few small texts (`forms`), a string of
`1` (removed) and `0` (kept). No word of the lists is written.

Run in a throw-away environment that has datatrove (README.md).
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import datatrove.pipeline.filters.c4_filters as peer
from datatrove.data import Document

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "stages" / "quality" / "bad_words_golden.json.gz"
DOCUMENTS = {
    "c4/c4-a.jsonl.gz": ("en", 1000),
    "c4/c4-b.jsonl.gz": ("en", 1000),
    "wikipedia/en-0.jsonl.gz": ("en", 500),
    "wikipedia/ko-0.jsonl.gz": ("ko", 500),
}
FORMS = ("{}", "a {} b", "x{}y", "({})!", "1{}", "{}_", "A\u00a0{}\u3002\n", "\u201c{}s\u201d")


def removed(filter_: peer.C4BadWordsFilter, language: str, text: str) -> str:
    """`1` or `0`."""
    document = Document(text=text, id="0", metadata={"language": language})
    return "0" if filter_.filter(document) is True else "1"


def main() -> None:
    """Judge everything and write the golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of real texts")
    folder = parser.parse_args().data
    lists = folder / "lists" / "ldnoobw"
    peer.cached_asset_path_or_download = lambda url, **_: str(lists / url.rsplit("/", 1)[1])
    filter_ = peer.C4BadWordsFilter(keep_fraction=0.0)
    documents = {}
    for file, (language, count) in DOCUMENTS.items():
        with gzip.open(folder / file, "rt", encoding="utf-8", newline="\n") as lines:
            texts = [json.loads(line)["text"] for _, line in zip(range(count), lines, strict=False)]
        verdicts = "".join(removed(filter_, language, text) for text in texts)
        documents[file] = {"language": language, "removed": verdicts}
    entries = {}
    for language in peer._BADWORDS_LANGS:
        words = (lists / language).read_text(encoding="utf-8").split("\n")
        texts = [form.format(word.strip()) for word in words if word.strip() for form in FORMS]
        entries[language] = "".join(removed(filter_, language, text) for text in texts)
    golden = {"forms": FORMS, "documents": documents, "entries": entries}
    GOLDEN.write_bytes(gzip.compress(json.dumps(golden, indent=1).encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
