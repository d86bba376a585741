"""Distinct real text: the plain texts of the built corpus, all text of its pages (884 MB together),
then the pages as they are, markup included, up to the size asked for.

`python benchmarks/tokenizer_training/prepare.py CORPUS OUTPUT [--megabytes 1100]` reads `texts/`
and `html/` of what `benchmarks/corpus/build.py` built and writes parts of 16 MB: `part-*.parquet`
(a column `text`), and the same texts as `part-*.txt`, which SentencePiece reads. Texts that occur
twice are written once.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

PART_BYTES = 16 * 10**6
MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
BLANK_LINES = re.compile(r"\s*\n\s*")


def plain_texts(corpus: Path) -> Iterator[str]:
    """Texts of the plain sets, in order of their files."""
    for path in sorted((corpus / "texts").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(1000, columns=["text"]):
            yield from batch.column("text").to_pylist()


def pages(corpus: Path) -> Iterator[str]:
    """Pages in order of their archives."""
    for path in sorted((corpus / "html").glob("*/*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                yield record.reader.read().decode("utf-8", "replace")


def page_texts(corpus: Path) -> Iterator[str]:
    """All text of the pages without their tags, navigation included."""
    for page in pages(corpus):
        yield BLANK_LINES.sub("\n", unescape(MARKUP.sub(" ", page)))


class Parts:
    """Writes texts in parts."""

    def __init__(self, output: Path) -> None:
        self.output, self.number = output, 0
        self.texts: list[str] = []
        self.bytes = 0

    def add(self, text: str, size: int) -> None:
        """One text of so many bytes."""
        self.texts.append(text)
        self.bytes += size
        if self.bytes >= PART_BYTES:
            self.write()

    def write(self) -> None:
        """The open part, if it holds anything."""
        if not self.texts:
            return
        name = self.output / f"part-{self.number:03}"
        table = pa.table({"text": pa.array(self.texts, pa.large_string())})
        pq.write_table(table, name.with_suffix(".parquet"), row_group_size=500)
        lines = (text.replace("\0", " ").rstrip("\n") + "\n" for text in self.texts)
        name.with_suffix(".txt").write_text("".join(lines), encoding="utf-8", newline="\n")
        self.texts, self.bytes, self.number = [], 0, self.number + 1


def main() -> None:
    """Write the parts."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--megabytes", type=int, default=1100)
    given = arguments.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    seen: set[bytes] = set()
    parts = Parts(given.output)
    total = 0
    for text in chain(*(texts(given.corpus) for texts in (plain_texts, page_texts, pages))):
        if total >= given.megabytes * 10**6:
            break
        data = text.encode()
        digest = sha256(data.strip()).digest()
        if data.strip() and digest not in seen:
            seen.add(digest)
            parts.add(text, len(data))
            total += len(data)
    parts.write()
    print(f"{total / 1e6:,.0f} MB of text, {len(seen):,} documents, {parts.number} parts")


if __name__ == "__main__":
    main()
