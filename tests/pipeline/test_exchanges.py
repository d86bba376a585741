"""Exchanges that visit documents, repeat phases to a fixed point and edit: the same results however
they are cut, faults that cost one document, evidence for people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
from curate_test_stages import HideDigits, Kindred

import curate.pipeline.exchanges.rows
from curate.errors import SpecError, StageError
from curate.pipeline.engine import Run
from curate.pipeline.exchanges.rows import ExchangeRows, RoutedRows, slices
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.explain import explain_document, explain_text
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.pipeline.tokens.split_documents import SPLIT, documents
from curate.stages.base import Phase, Stage
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.jsonl import Jsonl
from curate.storage.parquet import write_parquet
from curate.storage.sliced import read_slice
from curate.storage.store import Store
from curate.tokenizer.encoding.split import HeldOut, Splitting, split_of

WORDS = "ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew".split()
DOCUMENTS = 60


def texts() -> list[str]:
    """Documents that share first and last words along chains; every fifth has a word of its own at
    both ends, every tenth one word only.
    """
    dice, made = tiny.Dice("families"), []
    for number in range(DOCUMENTS):
        middle = " ".join(WORDS[dice.below(len(WORDS))] for _ in range(12))
        first, last = f"first{number // 2}", f"last{(number + 1) // 2}"
        if number % 5 == 0:
            first, last = f"alone{number}", f"single{number}"
        made.append("lonely" if number % 10 == 0 else f"{first} {middle} {number} {last}")
    return made


def pipeline(
    folder: Path,
    output: Path,
    stage: Stage | None = None,
    before: tuple[tuple[str, Stage, dict[str, Any]], ...] = (),
    **engine: int,
) -> PipelineSpec:
    """One source of short documents and `Kindred`."""
    folder.mkdir(exist_ok=True)
    lines = (json.dumps({"text": text}) + "\n" for text in texts())
    (folder / "docs.jsonl").write_text("".join(lines))
    sizes = {"shard_input_bytes": 1024, "exchange_partition_bytes": 1024, "exchange_fan_in": 3}
    return tiny.plain_spec(
        folder,
        output,
        {"docs": Jsonl(paths=(f"{folder}/docs.jsonl",))},
        tiny.entries((*before, ("kindred", stage or Kindred(), {})), ("docs",)),
        EngineConfig(**(sizes | {"batch_bytes": 1024} | engine)),
        keep_intermediates="all",
    )


def places(output: Path) -> dict[int, tuple[int | None, int | None]]:
    """Document -> (place in its family, masked words)."""
    rows = tiny.rows(output, "documents", ["id", "kindred.place", "kindred.masked"])
    return {
        number: (row["kindred.place"], row["kindred.masked"])
        for number, row in enumerate(sorted(rows, key=lambda row: int(row["id"].split("#")[1])))
    }


def families() -> list[set[int]]:
    """What a plain search finds."""
    found: list[set[int]] = []
    ends: list[dict[str, list[int]]] = [{}, {}]
    for number, text in enumerate(texts()):
        words = text.split()
        for side, word in zip(ends, (words[0], words[-1]), strict=True):
            if len(words) > 1:
                side.setdefault(word, []).append(number)
    for group in (group for side in ends for group in side.values() if len(group) > 1):
        joined = [family for family in found if family & set(group)]
        found = [family for family in found if family not in joined]
        found.append(set(group).union(*joined))
    return sorted(found, key=min)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    tiny.run(pipeline(folder / "in", folder / "out"))
    return folder / "out"


def stage_record(record: Mapping[str, Any], name: str = "kindred") -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in record["stages"] if each["name"] == name)
    return found


def test_families_are_what_a_plain_search_finds(reference: Path) -> None:
    expected: dict[int, int | None] = dict.fromkeys(range(DOCUMENTS))
    for family in families():
        expected |= {number: place for place, number in enumerate(sorted(family))}
    assert max(len(family) for family in families()) >= 4, "a chain needs several iterations"
    assert {n: place for n, (place, _) in places(reference).items()} == expected
    assert all(masked == 0 for place, masked in places(reference).values() if not place)
    assert any(masked for _, masked in places(reference).values())


def test_the_record_says_what_was_counted_and_what_the_exchange_cost(reference: Path) -> None:
    record = json.loads((reference / "run.json").read_text())
    stage = stage_record(record)
    members = sum(len(family) for family in families())
    assert stage["counts"] == {"too_short": DOCUMENTS // 10, "visited": members}
    exchange = stage["exchange"]
    assert exchange["documents"] == DOCUMENTS
    assert exchange["rows"] == 2 * (DOCUMENTS - DOCUMENTS // 10)
    assert exchange["iterations"] >= 3
    written = sum(
        path.stat().st_size
        for path in reference.glob("steps/*/*")
        if path.name.split(".")[1]
        in ("exchange", "visits", "shards", "settled", "verdicts", "links", "lookup")
    )
    assert written <= exchange["bytes"] < 1.02 * written, "equal jobs share a file"
    assert exchange["bytes_per_document"] == round(exchange["bytes"] / DOCUMENTS, 1)


@pytest.mark.parametrize(
    "engine",
    [
        {"shard_input_bytes": 2**20},
        {"exchange_partition_bytes": 2**20},
        {"exchange_fan_in": 1000, "batch_bytes": 2**20},
    ],
    ids=str,
)
def test_same_families_for_any_cut(reference: Path, tmp_path: Path, engine: dict[str, int]) -> None:
    tiny.run(pipeline(tmp_path / "in", tmp_path / "out", **engine), SimulatedExecutor(seed=3))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)


def test_the_short_way_finds_the_same_fixed_point(reference: Path, tmp_path: Path) -> None:
    result = tiny.run(pipeline(tmp_path / "in", tmp_path / "out", Kindred(small_rows=10_000)))
    assert stage_record(result.record)["exchange"]["iterations"] == 0
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)
    counts = stage_record(json.loads((reference / "run.json").read_text()))["counts"]
    assert stage_record(result.record)["counts"] == counts


def test_one_row_too_many_takes_the_long_way(reference: Path, tmp_path: Path) -> None:
    entering = sum(
        json.loads(line)["counts"]["exchange|settled"]
        for path in reference.glob("steps/kindred.settle.0.0-*/ledger.jsonl")
        for line in path.read_text().splitlines()
    )
    for name, rows, short in (("short", entering, True), ("long", entering - 1, False)):
        spec = pipeline(tmp_path / "in", tmp_path / name, Kindred(small_rows=rows))
        record = tiny.run(spec).record
        assert (stage_record(record)["exchange"]["iterations"] == 0) == short
        assert tiny.final_files(tmp_path / name) == tiny.final_files(reference)


def test_a_circle_that_comes_to_no_rest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="spread, spread_back came to no rest in 1 iterations"):
        tiny.run(pipeline(tmp_path / "in", tmp_path / "out", Kindred(at_most=1)))


def test_rows_that_do_not_fit_into_memory_make_the_same_bytes(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curate.pipeline.exchanges.rows, "SPILL_BYTES", 200)
    tiny.run(pipeline(tmp_path / "in", tmp_path / "out"))
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(reference)
    for kind in ("exchange", "visits", "verdicts", "links"):
        ours = {p.name: p.read_bytes() for p in (tmp_path / "out").glob(f"steps/*/*.{kind}.*")}
        theirs = {p.name: p.read_bytes() for p in reference.glob(f"steps/*/*.{kind}.*")}
        assert ours == theirs, kind


def test_a_document_on_which_a_visit_fails_is_quarantined_alone(tmp_path: Path) -> None:
    victim = next(number for family in families() for number in sorted(family)[1:])
    stage = Kindred(fail_on=f" {victim} ")
    result = tiny.run(pipeline(tmp_path / "in", tmp_path / "out", stage))
    (bad,) = tiny.rows(tmp_path / "out", "quarantine")
    assert f" {victim} " in bad["text"]
    assert (bad["stage"], bad["error"]) == ("kindred", "stage_failed")
    assert "ValueError: as asked, on a visit" in bad["message"]
    kept = tiny.rows(tmp_path / "out", "documents")
    assert len(kept) == DOCUMENTS - 1
    assert result.record["totals"]["quarantined"] == 1


def test_the_first_evidence_of_all_shards_is_published(reference: Path) -> None:
    table = pq.read_table(reference / "report" / "kindred.parquet")
    assert table.schema.names == ["family_size", "word"]
    found = [(-row["family_size"], row["word"]) for row in table.to_pylist()]
    assert found == sorted(set(found))
    assert len(found) == Kindred.evidence_rows


def test_evidence_is_the_same_for_any_cut_and_comes_back(reference: Path, tmp_path: Path) -> None:
    spec = pipeline(tmp_path / "in", tmp_path / "out", shard_input_bytes=2**20)
    tiny.run(spec)
    report = tmp_path / "out" / "report" / "kindred.parquet"
    expected = pq.read_table(reference / "report" / "kindred.parquet")
    assert pq.read_table(report).equals(expected)
    report.unlink()
    assert tiny.run(spec).executed == {}
    assert pq.read_table(report).equals(expected), "its file was still in steps/"


def test_columns_made_for_the_edit_are_gone_afterwards(reference: Path) -> None:
    (row, *_) = tiny.rows(reference, "documents")
    assert {"kindred.masked", "kindred.place"} <= set(row)
    assert not {"masked_words", "family_place", "duplicate_of"} & set(row)


def test_an_editing_exchange_makes_a_new_text_version(tmp_path: Path) -> None:
    spec = pipeline(tmp_path / "in", tmp_path / "out", before=(("hide_digits", HideDigits(), {}),))
    judged = (
        *spec.stages,
        *tiny.entries((("long", GopherQuality(min_words=1), {}),), ("kindred",)),
    )
    tiny.run(replace(spec, stages=judged))
    rows = tiny.rows(tmp_path / "out", "removed") + tiny.rows(tmp_path / "out", "documents")
    assert "words.count@kindred" in rows[0]


def test_a_signal_that_nobody_measures_is_refused(tmp_path: Path) -> None:
    spec = pipeline(tmp_path / "in", tmp_path / "out", Kindred(weigh="words.count"))
    with pytest.raises(SpecError, match=r"'kindred': it needs 'words\.count'"):
        tiny.run(spec)


def test_explain_knows_the_verdicts_and_a_single_text(reference: Path, tmp_path: Path) -> None:
    rows = tiny.rows(reference, "documents", ["id", "kindred.place"])
    member = next(row for row in rows if row["kindred.place"])
    found = explain_document(RunFolder(str(reference)), member["id"])
    assert found.signals["kindred.place"] == member["kindred.place"]
    (line,) = explain_text(pipeline(tmp_path / "in", tmp_path / "out"), "one two three").rules
    assert (line.stage, line.verdict) == ("kindred", "needs a run")


def test_two_verdicts_of_one_document_are_an_error(tmp_path: Path) -> None:
    class Twice(Kindred):
        def phases(self) -> Any:
            *others, last = super().phases()
            assert isinstance(last, Phase)
            settle = last.settle
            return (
                *others,
                Phase(
                    last.name,
                    last.emit,
                    lambda rows: (b for batch in settle(rows) for b in (batch, batch)),
                    last.settled,
                    payload=last.payload,
                ),
            )

    with pytest.raises(StageError, match="two verdicts of one document"):
        tiny.run(pipeline(tmp_path / "in", tmp_path / "out", Twice()))


PHASE = Phase(
    "rows",
    lambda batch: batch,
    lambda rows: rows,
    pa.schema([]),
    order=(pa.field("rank", pa.int64(), nullable=False),),
    payload=(pa.field("set", pa.list_(pa.int64())), pa.field("word", pa.string())),
)


def random_rows(count: int, seed: str) -> pa.RecordBatch:
    dice = tiny.Dice(seed)
    rows = [
        {
            "key": dice.below(50).to_bytes(1, "big") + bytes(15),
            "rank": dice.below(3) - 1,
            "address": number,
            "set": [dice.below(9)] * dice.below(6) or None,
            "word": "é" * dice.below(5),
        }
        for number in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=PHASE.schema())


@pytest.mark.parametrize("spill_bytes", [1, 500, 10**9])
def test_sorted_rows_are_the_same_bytes_however_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spill_bytes: int
) -> None:
    monkeypatch.setattr(curate.pipeline.exchanges.rows, "SPILL_BYTES", spill_bytes)
    whole, store, digests = random_rows(300, "rows"), Store(str(tmp_path)), set()
    for cut in (7, 64, 300):
        rows = ExchangeRows(PHASE, 4)
        for start in range(0, 300, cut):
            rows.add(whole.slice(start, cut))
        ref = rows.publish(store, f"{cut}.exchange")
        digests.add(ref.checksum)
        found = [row for n in range(4) for b in read_slice(store, ref, n) for row in b.to_pylist()]
        expected = sorted(whole.to_pylist(), key=lambda r: (r["key"], r["rank"], r["address"]))
        assert found == expected
    assert len(digests) == 1


def test_routed_rows_go_to_their_shards_in_order() -> None:
    schema = pa.schema([("address", pa.uint64()), ("score", pa.float64()), ("other", pa.int32())])
    routed = RoutedRows.to_visit(schema)
    rows = [(5 << 32 | 1, 0.5, 2), (1, 0.1, 7), (5 << 32 | 1, 0.9, -1), (2**63 + 4, 0.0, 0)]
    for row in rows:
        routed.add(pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True))], schema))

    def address(batch: pa.RecordBatch) -> np.ndarray:
        return batch.column("address").to_numpy() >> np.uint64(32)

    found = {
        number: [(r["address"], r["other"]) for batch in batches for r in batch.to_pylist()]
        for number, batches in slices(routed.sorted(), address)
    }
    assert found == {
        0: [(1, 7)],
        5: [(5 << 32 | 1, -1), (5 << 32 | 1, 2)],
        2**31: [(2**63 + 4, 0)],
    }
    with pytest.raises(StageError, match="begin with `address`"):
        RoutedRows.to_visit(pa.schema([("other", pa.uint64())]))
    null = pa.RecordBatch.from_pylist([{"address": 1, "score": None, "other": None}], schema)
    with pytest.raises(StageError, match="'other' orders rows and has nulls"):
        RoutedRows.to_visit(schema).add(null)


def test_the_split_draws_on_the_cluster_where_there_is_one(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    batch = pa.RecordBatch.from_pydict(
        {
            "id": ["a/1#0", "a/1#9", "b/2#0"],
            "text": ["one", "two", "three"],
            "source": ["a", "a", "b"],
            "minhash.cluster": pa.array([-7, None, -7], pa.int64()),
        }
    )
    ref = write_parquet(store, "part", batch.schema, [batch], 2**20)
    for cluster, keys in {
        None: ["a/1#0", "a/1#9", "b/2#0"],
        "minhash.cluster": ["-7", "a/1#9", "-7"],
    }.items():
        splitting = Splitting(HeldOut(validation=0.5), cluster=cluster)
        for seed in range(20):
            read = documents(store, ref, 5, splitting, seed)
            found = [split for each in read for split in each.column(SPLIT).to_pylist()]
            assert found == split_of(pa.array(keys), seed, 0.5).to_pylist()


@pytest.mark.parametrize("place", ["visit", "edit"])
def test_a_document_that_kills_a_visit_or_an_edit_is_given_up_there(
    tmp_path: Path, place: str
) -> None:
    victim = next(number for family in families() for number in sorted(family)[1:])
    word = f" {victim} "
    stage = Kindred(die_on_visit=word) if place == "visit" else Kindred(die_on_edit=word)
    spec = pipeline(tmp_path / "in", tmp_path / "out", stage, shard_input_bytes=8192)
    tiny.run(spec, InlineExecutor())
    (bad,) = tiny.rows(tmp_path / "out", "quarantine")
    assert word in bad["raw"].decode()
    assert (bad["stage"], bad["error"]) == ("kindred", "given_up")
    (line,) = (tmp_path / "out" / "decisions.jsonl").read_text().splitlines()
    assert json.loads(line)["stage"] == f"kindred: {place}"
    replayed = replace(spec, output=str(tmp_path / "replayed"))
    decisions = str(tmp_path / "out" / "decisions.jsonl")
    Run(replayed, SimulatedExecutor(), replay=decisions).execute()
    assert tiny.final_files(tmp_path / "replayed") == tiny.final_files(tmp_path / "out")
