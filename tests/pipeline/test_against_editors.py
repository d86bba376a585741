"""`against:` for stages that edit: a new document loses what it loses in one run over old and new
documents where the old ones come first.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiny

from curate.errors import SpecError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.dedup.line import LineDedup
from curate.stages.dedup.policy import Best, DedupExchange
from curate.stages.dedup.substring import SubstringDedup
from curate.stages.sources.jsonl import Jsonl

OLD, NEW = range(45), range(45, 75)
STOCK = [tiny.prose(tiny.Dice(f"stock {number}"), tiny.ENGLISH, 45) for number in range(9)]
LINES = [f"Line {tiny.prose(tiny.Dice(f'line {n}'), tiny.ENGLISH, 9)}" for n in range(12)]


def page(number: int) -> dict[str, str]:
    """Shared passages, lines and headings in changing company; every eleventh page is a copy. Old
    pages are newer, so that they come first for `keep: newest` too.
    """
    date = f"{2020 + (number < NEW[0])}-01-{1 + number * 7 % 28:02}"
    if number % 11 == 10:
        return page(number % 3) | {"url": f"http://copy{number}.org/", "date": date}
    dice = tiny.Dice(f"page {number}")
    own = tiny.prose(dice, tiny.ENGLISH, 30)
    cut = dice.below(20)
    parts = [
        LINES[dice.below(len(LINES))],
        own[:60] + STOCK[dice.below(len(STOCK))][cut:] + own[60:],
        "Career.",
        LINES[dice.below(len(LINES))],
    ]
    site = f"http://site{number % 3}.org/{number}"
    return {"text": "\n".join(parts), "url": site, "date": date}


def pipeline(folder: Path, name: str, numbers: list[int], stage: DedupExchange) -> PipelineSpec:
    (folder / "in").mkdir(exist_ok=True)
    lines = (json.dumps(page(number)) + "\n" for number in numbers)
    (folder / "in" / f"{name}.jsonl").write_text("".join(lines))
    source = Jsonl(paths=(f"{folder}/in/{name}.jsonl",), url_field="url", date_field="date")
    return tiny.plain_spec(
        folder,
        folder / name,
        {"docs": source},
        tiny.entries(((stage.name, stage, {}),), ("docs",)),
        EngineConfig(shard_input_bytes=1 << 13, exchange_partition_bytes=1 << 15, batch_bytes=4096),
    )


def results(output: Path) -> dict[str, Any]:
    """url -> what became of the document, with all counts."""
    found = {}
    for folder in ("documents", "removed"):
        for row in tiny.rows(output, folder):
            counts = {name: value for name, value in row.items() if "_dedup." in name}
            found[row["url"]] = (folder, row["text"], counts, row.get("rule"))
    return found


STAGES = {
    "lines": LineDedup(max_domain_share=0.3),
    "often": LineDedup(min_count=4, max_copies=2, max_domain_share=None, scope="domain"),
    "none stays": LineDedup(max_copies=0, unit="paragraph", min_characters=0),
    "newest": LineDedup(keep="newest", min_characters_left=40),
    "bytes": SubstringDedup(min_bytes=64),
    "two": SubstringDedup(min_bytes=48, max_copies=2, keep="newest", max_removed_fraction=0.5),
    "a signal": SubstringDedup(min_bytes=64, keep=Best(best="language_score")),
    "all go": SubstringDedup(min_bytes=64, keep_first=False, scope="domain", merge_gap_bytes=8),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_new_documents_lose_what_one_run_over_both_takes(
    tmp_path: Path, stage: DedupExchange
) -> None:
    first = stage.model_copy(update={"index": True})
    both = [*OLD, *NEW]
    tiny.run(pipeline(tmp_path, "both", both, stage))
    tiny.run(pipeline(tmp_path, "old", list(OLD), first))
    before = tiny.final_files(tmp_path / "old")
    after = stage.model_copy(update={"against": ("old",)})
    tiny.run(pipeline(tmp_path, "new", list(NEW), after), SimulatedExecutor(seed=3))
    found, together = results(tmp_path / "new"), results(tmp_path / "both")
    assert found == {url: together[url] for url in found}
    assert len(found) == len(NEW)
    assert sum(text != page(0)["text"] for _, text, _, _ in found.values()) > 20
    assert tiny.final_files(tmp_path / "old") == before


def test_three_crawls_one_after_the_other(tmp_path: Path) -> None:
    """A run against an index keeps one of its own."""
    parts = (list(range(25)), list(range(25, 50)), list(range(50, 75)))
    for stage in (LineDedup(min_count=3), SubstringDedup(min_bytes=64)):
        folder = tmp_path / stage.name
        folder.mkdir()
        tiny.run(pipeline(folder, "all", [number for part in parts for number in part], stage))
        for number, part in enumerate(parts):
            against = tuple(f"part{before}" for before in range(number))
            each = stage.model_copy(update={"index": True, "against": against})
            tiny.run(pipeline(folder, f"part{number}", part, each))
        found, together = results(folder / "part2"), results(folder / "all")
        assert found == {url: together[url] for url in found}


def test_what_went_is_listed_with_the_documents_of_both_runs(tmp_path: Path) -> None:
    for stage, least in ((LineDedup(), 8), (SubstringDedup(min_bytes=64), 8)):
        folder = tmp_path / stage.name
        folder.mkdir()
        tiny.run(pipeline(folder, "old", list(OLD), stage.model_copy(update={"index": True})))
        after = stage.model_copy(update={"against": ("old",)})
        tiny.run(pipeline(folder, "new", list(NEW), after))
        rows = pq.read_table(folder / "new" / "report" / f"{stage.name}.parquet").to_pylist()
        assert rows[0]["documents"] >= least
        texts = [page(number)["text"] for number in NEW]
        if stage.name == "substring_dedup":
            assert any(rows[0]["text"][:40] in text for text in texts)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LineDedup(), LineDedup(unit="paragraph"), r'"unit":"line".* there, .*"unit":"paragraph"'),
        (LineDedup(), LineDedup(min_characters=10), r'"min_characters":30.*"min_characters":10'),
        (SubstringDedup(), SubstringDedup(min_bytes=100), r'"window":220.* there, .*"window":100'),
    ],
    ids=["unit", "characters", "window"],
)
def test_an_index_with_other_settings_is_refused_with_both_printed(
    tmp_path: Path, old: DedupExchange, new: DedupExchange, message: str
) -> None:
    tiny.run(pipeline(tmp_path, "old", list(OLD), old.model_copy(update={"index": True})))
    with pytest.raises(SpecError, match=message):
        tiny.run(pipeline(tmp_path, "new", list(NEW), new.model_copy(update={"against": ("old",)})))


def test_another_former_run_reads_no_document_again(tmp_path: Path) -> None:
    """What the new documents emitted does not depend on the indexes."""
    for name, part in (("old", OLD), ("older", range(75, 90))):
        tiny.run(pipeline(tmp_path, name, list(part), LineDedup(index=True)))
    spec = pipeline(tmp_path, "new", list(NEW), LineDedup(against=("old",)))
    engine = spec.engine.model_copy(update={"exchange_partition_bytes": 1 << 24})
    spec = replace(spec, engine=engine, keep_intermediates="all")
    tiny.run(spec)
    stages = tiny.entries((("line_dedup", LineDedup(against=("old", "older")), {}),), ("docs",))
    executed = tiny.run(replace(spec, stages=stages)).executed
    assert not any(label in ("docs.read", "docs.1") for label in executed), executed
    assert any(label.startswith("line_dedup.settle") for label in executed)
