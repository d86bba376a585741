"""The text sets of the shared data folder, as documents.

Left out on purpose: benchmark items (they must never get into training text), labelled PII and
toxicity, word lists.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from documents import Item
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text

FLORES_BLOCK_LINES = 20
LICENCES = {
    "c4": "ODC-BY",
    "wikipedia": "CC-BY-SA",
    "books": "public domain",
    "flores200": "CC-BY-SA-4.0",
    "stackexchange": "CC-BY-SA-4.0",
    "ubuntu-irc": "CC-BY-4.0",
    "article-pages": "MIT (repository); pages: their publishers, evaluation only",
    "crawl": "Apache-2.0, GPL (repositories); pages: Common Crawl terms of use",
}


def items(folder: Path) -> Iterator[Item]:
    """Every document of the sets, set by set."""
    yield from _json_lines(folder, "c4", "web")
    yield from _json_lines(folder, "wikipedia", "encyclopedia")
    yield from _books(folder / "books")
    yield from _flores(folder / "flores200" / "dev.jsonl.gz")
    yield from _stackexchange(folder / "conversations" / "stackexchange")
    yield from _irc(folder / "conversations" / "ubuntu-irc")
    yield from _article_pages(folder / "extraction" / "html")
    yield from _crawl(folder / "crawl")


def _json_lines(folder: Path, name: str, kind: str) -> Iterator[Item]:
    for file in sorted((folder / name).glob("*.jsonl.gz")):
        language = "en" if name == "c4" else file.name[:2]
        with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines):
                text = json.loads(line)["text"]
                yield Item(name, f"{file.name}/{number}", language, kind, "", text=text)


def _books(folder: Path) -> Iterator[Item]:
    for file in sorted(folder.glob("*/*.txt.gz")):
        with gzip.open(file, "rt", encoding="utf-8", errors="replace") as text:
            yield Item(
                "books", f"{file.parent.name}/{file.name}", file.parent.name, "book", "", None,
                text.read(),
            )  # fmt: skip


def _flores(file: Path) -> Iterator[Item]:
    """Twenty lines of one language are a document."""
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        rows = sorted(map(json.loads, lines), key=lambda row: (row["language"], row["line"]))
    for (language, block), group in groupby(
        rows, lambda row: (row["language"], row["line"] // FLORES_BLOCK_LINES)
    ):
        text = "\n".join(row["text"] for row in group)
        yield Item("flores200", f"{language}/{block}", language, "translation", "", text=text)


def _stackexchange(folder: Path) -> Iterator[Item]:
    """Questions and answers, as text."""
    with gzip.open(folder / "Posts.xml.gz") as posts:
        for _, row in ElementTree.iterparse(posts):
            if row.tag == "row":
                text = extract_plain_text(row.get("Body", ""), main_content=False)
                title = row.get("Title")
                text = f"{title}\n\n{text}" if title else text
                yield Item("stackexchange", f"posts/{row.get('Id')}", "en", "forum", "", text=text)
            row.clear()


def _irc(folder: Path) -> Iterator[Item]:
    for file in sorted(folder.glob("*.raw.txt")):
        text = file.read_text("utf-8", "replace")
        yield Item("ubuntu-irc", file.name, "en", "forum", "", text=text)


def _article_pages(folder: Path) -> Iterator[Item]:
    for file in sorted(folder.glob("*.gz")):
        page = gzip.decompress(file.read_bytes())
        yield Item("article-pages", file.name, "en", "web", "2019-10-01T00:00:00Z", html=page)


def _crawl(folder: Path) -> Iterator[Item]:
    """Pages of the sound archives, as their servers sent them."""
    for file in sorted(folder.glob("*.warc*")):
        if ".wet" in file.name:
            continue
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                http = record.http_headers
                if not record.is_http or http is None or http.status_code != 200:
                    continue
                if (record.http_content_type or "") not in ("text/html", "application/xhtml+xml"):
                    continue
                page = record.reader.read()
                date = str(record.headers.get("WARC-Date"))
                where = f"{file.name}/{record.stream_pos}"
                yield Item("crawl", where, "mul", "web", date, html=page)
