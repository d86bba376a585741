"""Distinct real text: the plain texts of the built corpus, then all text of its pages.

`python benchmarks/tokenizer_training/prepare.py CORPUS OUTPUT [--megabytes 1100]` reads `texts/`
and `html/` of what `benchmarks/corpus/build.py` built and writes `OUTPUT/part-*.parquet` (a column
`text`, 64 MB each) and the same lines as `OUTPUT/lines.txt`, which SentencePiece reads. Texts that
occur twice are written once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str

PART_BYTES = 64 * 10**6


def plain_texts(corpus: Path) -> Iterator[str]:
    """Texts of the plain sets, in order of their files."""
    for path in sorted((corpus / "texts").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(1000, columns=["text"]):
            yield from batch.column("text").to_pylist()


def page_texts(corpus: Path) -> Iterator[str]:
    """All text of the pages, navigation included, in order of their archives."""
    for path in sorted((corpus / "html").glob("*/*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                yield extract_plain_text(bytes_to_str(record.reader.read(), "utf-8"))


def main() -> None:
    """Write the parts."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--megabytes", type=int, default=1100)
    given = arguments.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    seen: set[bytes] = set()
    part: list[str] = []
    parts = part_bytes = total = 0
    with (given.output / "lines.txt").open("w", encoding="utf-8", newline="\n") as lines:
        for texts in (plain_texts(given.corpus), page_texts(given.corpus)):
            for text in texts:
                data = text.encode()
                digest = sha256(data.strip()).digest()
                if not data.strip() or digest in seen:
                    continue
                seen.add(digest)
                part.append(text)
                part_bytes += len(data)
                total += len(data)
                lines.write(text.replace("\0", " ").rstrip("\n") + "\n")
                if part_bytes >= PART_BYTES or total >= given.megabytes * 10**6:
                    table = pa.table({"text": pa.array(part, pa.large_string())})
                    pq.write_table(table, given.output / f"part-{parts:03}.parquet")
                    part, part_bytes, parts = [], 0, parts + 1
                if total >= given.megabytes * 10**6:
                    break
    if part:
        table = pa.table({"text": pa.array(part, pa.large_string())})
        pq.write_table(table, given.output / f"part-{parts:03}.parquet")
    print(f"{total / 1e6:,.0f} MB of text, {len(seen):,} documents")


if __name__ == "__main__":
    main()
