"""A large Korean text for the benchmark, from clones of public repositories.

    python benchmarks/encode/korean.py korean.parquet CLONE … [FILE.parquet …]

From a clone: Markdown files, and JSON lists of `review`s (Naver sentiment movie corpus, a film is a
document). From a Parquet file: the column `text`. Kept are distinct documents in which at least
three letters in ten are Hangul, in the order of their hashes; the same commits give the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LEAST_HANGUL = 0.3
LEAST_CHARACTERS = 100


def texts_of_clone(folder: Path) -> Iterator[str]:
    """Documents of the newest commit, without files that a partial clone lacks."""
    command = ["git", "-C", str(folder), "ls-tree", "-r", "-z", "HEAD"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.split(b"\0")
    entries = (entry.split(b"\t") for entry in listed if entry)
    objects = [kind.split()[2] for kind, path in entries if path.endswith((b".md", b".json"))]
    batch = subprocess.run(
        ["git", "-C", str(folder), "cat-file", "--batch"],
        input=b"\n".join(objects) + b"\n",
        capture_output=True,
        check=True,
    ).stdout
    position = 0
    while position < len(batch):
        end = batch.index(b"\n", position)
        header = batch[position:end].split()
        position = end + 1
        if header[-1] == b"missing":
            continue
        content = batch[position : position + int(header[2])]
        position += len(content) + 1
        yield document_of(content.decode("utf-8", "replace"))


def document_of(content: str) -> str:
    """A Markdown file, or the reviews of a film, one a line."""
    if not content.startswith("["):
        return content
    try:
        rows = json.loads(content)
    except ValueError:
        return content
    return "\n".join(row["review"] for row in rows if isinstance(row, dict) and row.get("review"))


def is_korean(text: str) -> bool:
    """Whether the document is long enough, and Korean."""
    letters = sum(character.isalpha() for character in text)
    hangul = sum("가" <= character <= "힣" for character in text)
    return len(text) >= LEAST_CHARACTERS and hangul >= LEAST_HANGUL * letters


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    options = parser.parse_args()
    documents: dict[bytes, str] = {}
    for source in options.sources:
        if source.is_dir():
            texts = texts_of_clone(source)
        else:
            texts = iter(pq.read_table(source, columns=["text"]).column("text").to_pylist())
        for text in filter(is_korean, texts):
            documents[hashlib.blake2b(text.encode(), digest_size=16).digest()] = text
        size = sum(len(text.encode()) for text in documents.values())
        print(f"{source.name}: {len(documents):,} documents, {size / 1e6:.1f} MB so far")
    ordered = [documents[key] for key in sorted(documents)]
    pq.write_table(pa.table({"text": pa.array(ordered, pa.large_string())}), options.output)


if __name__ == "__main__":
    main()
