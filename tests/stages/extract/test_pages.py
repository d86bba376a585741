"""Forty-four small pages written for this test: what a reader should find of each, as text and as
columns.

`pages/<name>.html` is the page, `<name>.txt` its text (empty where nothing is to be found), and
`pages/metadata.json` the columns. After a change that is meant to alter texts,
`python tests/stages/extract/test_pages.py` writes both anew: read the difference before you commit.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.stages.extract.metadata import PageMetadata
from curate.stages.sources.base import BadRecord, Record
from curate.stages.sources.html import Html

PAGES = Path(__file__).with_name("pages")
NAMES = sorted(path.stem for path in PAGES.glob("*.html"))
COLUMNS = ("title", "author", "date", "date_source", "page_language")


def extracted(name: str) -> Record:
    """The page as the pipeline reads it, fetched by an archive at a known time."""
    page = (PAGES / f"{name}.html").read_bytes()
    record = Record(
        f"{name}.html",
        0,
        html=page,
        encoding="utf-8",
        url=f"https://www.example.org/{name}",
        date="2025-01-01T00:00:00Z",
        date_source="WARC-Date",
    )
    found = Html().extract(record)
    if isinstance(found, BadRecord):
        assert found.error == "empty_extraction", found
        return Record(found.path, 0)
    assert isinstance(found, Record)
    return found


def columns(record: Record) -> dict[str, str | None]:
    return {name: getattr(record, name) for name in COLUMNS}


@pytest.fixture(scope="module")
def metadata() -> dict[str, dict[str, str | None]]:
    return json.loads((PAGES / "metadata.json").read_text(encoding="utf-8"))


def test_there_are_forty_pages_and_no_leftovers(metadata):
    assert len(NAMES) >= 40
    assert sorted(path.stem for path in PAGES.glob("*.txt")) == NAMES == sorted(metadata)
    assert set(COLUMNS) - {"page_language"} < set(PageMetadata.__dataclass_fields__)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_gives_its_text_and_columns(name, metadata):
    record = extracted(name)
    assert record.text == (PAGES / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")
    assert columns(record) == metadata[name]


if __name__ == "__main__":
    records = {name: extracted(name) for name in NAMES}
    for name, record in records.items():
        text = f"{record.text}\n" if record.text else ""
        (PAGES / f"{name}.txt").write_text(text, encoding="utf-8")
    listed = {name: columns(record) for name, record in records.items()}
    (PAGES / "metadata.json").write_text(
        json.dumps(listed, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
