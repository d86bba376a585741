"""A tiny pipeline that holds every kind of stage, and a corpus for it that is the same on every
machine.

Four sources (JSON Lines plain and compressed, text blocks, Parquet) with duplicates across them,
bad records, a `limit` and a `sample`; a filter per kind of signal, an editor, exchanges of one and
of two phases, a checkpoint, a tokenizer and token files. Its sizes make more than 20 shards and 8
partitions of about 2 MB of text.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from curate_test_stages import CrowdedOpenings, HideDigits, Kindred

from curate.pipeline.engine import Run, RunResult
from curate.pipeline.executors.base import Executor
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.publish import FINAL_FOLDERS
from curate.pipeline.spec.model import (
    EngineConfig,
    PipelineSpec,
    RemovedConfig,
    ReportConfig,
    StageEntry,
)
from curate.stages.base import Stage
from curate.stages.dedup.exact import ExactDedup
from curate.stages.language import Language
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.base import Source
from curate.stages.sources.jsonl import Jsonl
from curate.stages.sources.parquet import Parquet
from curate.stages.sources.text import Text
from curate.storage.store import Store
from curate.tokenizer.config import PackConfig, TokenizerConfig

ENGLISH = (
    "the be to of and that have with a in is it for was on are as they at this from by not or "
    "one had word but what some we can out other were all there when up use your how said an "
    "each she which do their time if will way about many then them write would like so these "
    "her long make thing see him two has look more day could go come did number sound no most "
    "people my over know water than call first who may down side been now find any new work "
    "part take get place made live where after back little only round man year came show every "
    "good me give our under name very through just form sentence great think say help low line"
).split()
GERMAN = (
    "der die das und ist nicht ein eine mit auf für dem den sich von werden auch wird bei einem "
    "über noch nach wurde zwischen immer durch wenn aber schon oder gegen unter können müssen "
    "Straße Häuser größte schließlich Bücher während Menschen heute gestern"
).split()
BAD_LINES = (
    b"{not json",
    b'{"text": 5}',
    b'["an array"]',
    b'{"other": "no text"}',
    b'{"text": "\xff\xfe"}',
    b"",
)
SOURCES = ("web", "wiki", "books", "table")


class Dice:
    """A reproducible stream of numbers that no Python version changes."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def below(self, limit: int) -> int:
        self._count += 1
        data = hashlib.blake2b(f"{self._seed} {self._count}".encode(), digest_size=8).digest()
        return int.from_bytes(data, "big") % limit


def prose(dice: Dice, words: tuple[str, ...] | list[str], count: int) -> str:
    """Sentences of common words, with a number here and there."""
    text: list[str] = []
    while len(text) < count:
        sentence = [words[dice.below(len(words))] for _ in range(6 + dice.below(12))]
        if dice.below(3) == 0:
            sentence.append(str(dice.below(100_000)))
        text += [sentence[0].capitalize(), *sentence[1:-1], sentence[-1] + "."]
    return " ".join(text)


def documents(source: str, count: int) -> Iterator[str]:
    """Texts of one source: prose, German, short ones, copies of its own and of a shared stock."""
    dice, shared = Dice(source), Dice("shared")
    stock = [prose(shared, ENGLISH, 150) for _ in range(12)]
    own: list[str] = []
    for number in range(count):
        kind = number % 10
        if kind == 3:
            yield stock[dice.below(len(stock))]
        elif kind == 5:
            yield prose(dice, GERMAN, 90)
        elif kind == 7:
            yield prose(dice, ENGLISH, 12)
        elif kind == 8 and own:
            yield own[dice.below(len(own))].replace(". ", ".\n  ").replace(" the ", " The ")
        else:
            own.append(prose(dice, ENGLISH, 120 + dice.below(150)))
            yield own[-1]


def write_corpus(folder: Path, count: int = 440) -> Path:
    """Four sources of `count` documents each below `folder`; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"text": text, "n": n}).encode()
        for n, text in enumerate(documents("web", count))
    ]
    for place, bad in enumerate(BAD_LINES):
        lines.insert(3 + place * (len(lines) // 8), bad)
    half = len(lines) // 2
    (folder / "web").mkdir(exist_ok=True)
    (folder / "web" / "a.jsonl").write_bytes(b"\n".join(lines[:half]) + b"\n")
    (folder / "web" / "b.jsonl").write_bytes(b"\n".join(lines[half:]))
    wiki = list(documents("wiki", count))
    for number in range(6):
        piece = wiki[number * count // 6 : (number + 1) * count // 6]
        data = "\n".join(json.dumps({"body": {"text": text}}) for text in piece).encode()
        (folder / f"wiki-{number}.jsonl.gz").write_bytes(gzip.compress(data, mtime=0))
    (folder / "wiki-torn.jsonl.gz").write_bytes(gzip.compress(data, mtime=0)[:-20])
    (folder / "books.txt").write_text("\n\n".join(documents("books", count)), encoding="utf-8")
    table = pa.table(
        {
            "text": [None, *documents("table", count)],
            "url": [f"https://example.org/{n}" for n in range(count + 1)],
        }
    )
    pq.write_table(table, folder / "table.parquet", row_group_size=max(1, count // 6))
    return folder


def sources(corpus: Path, count: int) -> dict[str, Source]:
    """The four sources; `books` is limited, `table` sampled."""
    return {
        "web": Jsonl(paths=(f"{corpus}/web/*.jsonl",)),
        "wiki": Jsonl(paths=(f"{corpus}/wiki-*.jsonl.gz",), text_field="body.text"),
        "books": Text(
            paths=(f"{corpus}/books.txt",), document="block", limit=max(1, count * 3 // 4)
        ),
        "table": Parquet(paths=(f"{corpus}/table.parquet",), sample=0.8),
    }


STAGES: tuple[tuple[str, Stage, dict[str, Any]], ...] = (
    ("language", Language(keep={"en": 0.4}), {}),
    ("gopher_quality", GopherQuality(min_words=40), {"expect_kept": (0.1, 1.0)}),
    ("exact_dedup", ExactDedup(prefer=("wiki",)), {}),
    ("hide_digits", HideDigits(), {"only": ("web", "books")}),
    ("long_enough", GopherQuality(min_words=60), {"checkpoint": True}),
    ("crowded_openings", CrowdedOpenings(max_crowd=4), {}),
    ("same_but_case", ExactDedup(by="normalized_text"), {"only": ("web", "wiki", "books")}),
    ("kindred", Kindred(weigh="words.count", max_masked=60, index=True), {"only": ("web", "wiki")}),
)


def entries(
    stages: tuple[tuple[str, Stage, dict[str, Any]], ...], names: tuple[str, ...]
) -> tuple[StageEntry, ...]:
    """A chain: every stage needs the one before, the first all sources."""
    needs = [names, *((name,) for name, _, _ in stages)]
    return tuple(
        StageEntry(name, stage, needs[i], **more) for i, (name, stage, more) in enumerate(stages)
    )


def spec(corpus: Path, output: str | Path, count: int = 440, **engine: int) -> PipelineSpec:
    """The pipeline on a corpus that `write_corpus` wrote with the same `count`."""
    found = sources(corpus, count)
    sizes = {
        "shard_input_bytes": 80_000,
        "exchange_partition_bytes": 6_500,
        "exchange_fan_in": 8,
        "batch_bytes": 30_000,
    }
    sizes |= {"row_group_bytes": 40_000, "part_bytes": 200_000}
    return PipelineSpec(
        name="tiny",
        output=str(output),
        seed=17,
        sources=found,
        stages=entries(STAGES, tuple(found)),
        tokenizer=TokenizerConfig(vocab_size=512),
        pack=PackConfig(validation_fraction=0.1, max_file_bytes=100_000),
        engine=EngineConfig(**(sizes | engine)),
        removed=RemovedConfig(),
        report=ReportConfig(),
        max_bad_fraction=0.1,
        keep_intermediates="extracted",
        path=str(corpus / "tiny.yaml"),
        folder=str(corpus),
        text="",
    )


SMALL = 45
"""Documents per source of the small corpus."""


def small_spec(corpus: Path, output: str | Path, **engine: int) -> PipelineSpec:
    """The same pipeline with the sizes for a corpus of `SMALL` documents per source."""
    sizes = {
        "shard_input_bytes": 16_000,
        "exchange_partition_bytes": 1_100,
        "exchange_fan_in": 6,
        "batch_bytes": 3_000,
    }
    return spec(
        corpus, output, SMALL, **(sizes | {"row_group_bytes": 6_000, "part_bytes": 30_000} | engine)
    )


def plain_spec(
    folder: Path,
    output: Path,
    sources: dict[str, Source],
    stages: tuple[StageEntry, ...],
    engine: EngineConfig,
    **changes: Any,
) -> PipelineSpec:
    """A pipeline of stages alone, for tests with documents of their own. changes: other fields."""
    plain = PipelineSpec(
        name="plain",
        output=str(output),
        seed=1,
        sources=sources,
        stages=stages,
        tokenizer=None,
        pack=None,
        engine=engine,
        removed=RemovedConfig(),
        report=ReportConfig(),
        max_bad_fraction=0.5,
        keep_intermediates="extracted",
        path="",
        folder=str(folder),
        text="",
    )
    return replace(plain, **changes)


def with_stage(pipeline: PipelineSpec, name: str, **changes: Any) -> PipelineSpec:
    """The pipeline with fields of one stage entry replaced (`stage`, `checkpoint`, …)."""
    changed = tuple(
        replace(entry, **changes) if entry.name == name else entry for entry in pipeline.stages
    )
    return replace(pipeline, stages=changed)


def run(
    pipeline: PipelineSpec,
    executor: Executor | None = None,
    failpoint: Callable[[str], None] = lambda name: None,
) -> RunResult:
    """Run to the end; by default on a simulated executor without disorder."""
    return Run(
        pipeline, executor or SimulatedExecutor(twice=0, lost=0), failpoint=failpoint
    ).execute()


def final_files(output: str | Path) -> dict[str, str]:
    """Relative path -> digest of every file that promise 1 covers."""
    store = Store(str(output))
    paths = [path for folder in FINAL_FOLDERS for path in store.sizes(folder)]
    return {
        path: hashlib.blake2b(store.read(path), digest_size=16).hexdigest()
        for path in sorted(paths)
    }


def digest(output: str | Path) -> str:
    """One digest over names and bytes of `documents/ removed/ quarantine/ tokenizer/ tokens/`."""
    return digest_of(final_files(output))


def digest_of(files: Mapping[str, str]) -> str:
    """One digest over `final_files`."""
    return hashlib.blake2b(json.dumps(files, sort_keys=True).encode(), digest_size=16).hexdigest()


def rows(output: str | Path, folder: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Rows of every part of a final folder, in order."""
    store = Store(str(output))
    found: list[dict[str, Any]] = []
    for path in store.sizes(folder):
        with store.open(path) as file:
            found += pq.read_table(file, columns=columns).to_pylist()
    return found
