"""Helpers of the source tests: read a source as the pipeline does, and check that nothing is lost
on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from curate.stages.sources.base import BadRecord, Caps, Record, Skipped, Source


@dataclass
class Reading:
    """What a source yielded, in order; pages already extracted."""

    documents: list[Record]
    bad: list[BadRecord]
    skipped: Counter[str]

    @property
    def errors(self) -> Counter[str]:
        return Counter(record.error for record in self.bad)

    @property
    def texts(self) -> list[str]:
        return [record.text for record in self.documents]


Read = Callable[..., Reading]


def read_source(
    source: Source, caps: Caps | None = None, split_bytes: int = 2**28, folder: str = "."
) -> Reading:
    reading = Reading([], [], Counter())
    locators: list[str] = []
    for file in source.files(folder):
        for split in source.splits(file, split_bytes):
            for found in source.records(split, caps or Caps()):
                outcome = source.extract(found) if isinstance(found, Record) else found
                if isinstance(outcome, Skipped):
                    reading.skipped[outcome.reason] += outcome.count
                elif isinstance(outcome, BadRecord):
                    assert len(outcome.raw) <= 64 * 1024
                    assert outcome.error
                    assert outcome.message.encode("utf-8")
                    locators.append(outcome.locator)
                    reading.bad.append(outcome)
                else:
                    outcome.text.encode("utf-8")
                    orjson.dumps([outcome.meta, outcome.url, outcome.date, outcome.path])
                    assert outcome.html is None and "\x00" not in outcome.text
                    locators.append(outcome.locator)
                    reading.documents.append(outcome)
    assert len(set(locators)) == len(locators), "two records share a locator"
    return reading


@pytest.fixture
def read() -> Read:
    return read_source


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], str]:
    """Write a file below the test's folder and return its path."""

    def writer(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    return writer
