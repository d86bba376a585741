"""Exact substring deduplication against a brute-force reading of its definition."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from curate.pipeline.merge import partition_of, sort_rows
from curate.stages.base import Emitted, Phase
from curate.stages.dedup.policy import Best
from curate.stages.dedup.substring import SubstringDedup

WINDOW = 16
Spans = list[list[tuple[int, int]]]


# ---- the definition, read naively ----


def removed_spans(
    documents: Sequence[bytes],
    window: int,
    *,
    max_copies: int = 1,
    keep_first: bool = True,
    keeping_order: Sequence[int] | None = None,
) -> Spans:
    """Removed bytes of every document, as spans. keeping_order: numbers of documents, kept ones
    first.
    """
    counted: dict[bytes, list[int]] = {}  # copies, document and begin of the last one
    later: list[tuple[int, int]] = []
    for number in keeping_order or range(len(documents)):
        text = documents[number]
        for begin in range(len(text) - window + 1):
            last = counted.setdefault(text[begin : begin + window], [0, -1, 0])
            if last[1] == number and begin - last[2] < window:
                if last[0] > max_copies:
                    later.append((number, begin))
                continue
            last[:] = [last[0] + 1, number, begin]
            if last[0] > max_copies:
                later.append((number, begin))
    if not keep_first:
        later = [
            (number, begin)
            for number, text in enumerate(documents)
            for begin in range(len(text) - window + 1)
            if counted[text[begin : begin + window]][0] > max_copies
        ]
    flags = [bytearray(len(text)) for text in documents]
    for number, begin in later:
        flags[number][begin : begin + window] = b"\1" * window
    return [spans_of(each) for each in flags]


def spans_of(flags: bytearray) -> list[tuple[int, int]]:
    spans, begin = [], flags.find(1)
    while begin >= 0:
        end = flags.find(0, begin)
        end = len(flags) if end < 0 else end
        spans.append((begin, end))
        begin = flags.find(1, end)
    return spans


def without(text: bytes, spans: Sequence[tuple[int, int]], gap: int = 0) -> str:
    """The cut: close spans are one, broken characters stay."""
    merged: list[list[int]] = []
    for begin, end in spans:
        if merged and begin - merged[-1][1] <= gap:
            merged[-1][1] = end
        else:
            merged.append([begin, end])
    starts = {0, len(text)}
    position = 0
    for character in text.decode():
        position += len(character.encode())
        starts.add(position)
    left, position = b"", 0
    for begin, end in merged:
        while begin not in starts:
            begin += 1
        while end not in starts:
            end -= 1
        if begin < end:
            left, position = left + text[position:begin], end
    return (left + text[position:]).decode()


# ---- the phases in memory ----


def corpus(texts: Sequence[str], shards: int = 1) -> list[pa.RecordBatch]:
    """Shards of documents with full addresses."""
    batches = []
    for shard in range(shards):
        begin, end = (len(texts) * (shard + side) // shards for side in (0, 1))
        columns = {
            "id": pa.array([f"web/{row}" for row in range(begin, end)], pa.string()),
            "text": pa.array(texts[begin:end], pa.large_string()),
            "source": pa.array(["web"] * (end - begin), pa.string()),
            "score": pa.array([row / 2 for row in range(begin, end)], pa.float64()),
            "address": pa.array([shard << 32 | row for row in range(end - begin)], pa.uint64()),
        }
        batches.append(pa.RecordBatch.from_pydict(columns))
    return batches


def rows_of(emitted: pa.RecordBatch | Emitted) -> pa.RecordBatch:
    return emitted.rows if isinstance(emitted, Emitted) else emitted


def visited(phase: Phase, shards: list[pa.RecordBatch], rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """As the engine visits: the documents that have rows, and these rows sorted."""
    assert phase.visit is not None
    rows = rows.sort_by([(name, "ascending") for name in rows.schema.names]).combine_chunks()
    wanted = rows.column("address")
    for shard in shards:
        documents = shard.filter(pc.is_in(shard.column("address"), wanted.combine_chunks()))
        for start in range(0, documents.num_rows, 2):
            part = documents.slice(start, 2).drop_columns(["score"])  # document columns only
            own = rows.filter(pc.is_in(wanted, part.column("address")))
            yield rows_of(phase.visit(part, own.combine_chunks().to_batches()[0]))


def settled(phase: Phase, emitted: list[pa.RecordBatch], partitions: int, cut: int) -> pa.Table:
    table = sort_rows(pa.Table.from_batches(emitted, phase.schema()).combine_chunks(), phase.order)
    found = []
    numbers = partition_of(table.column("key").combine_chunks(), partitions)
    for number in range(partitions):
        own = table.filter(pa.array(numbers == number)).combine_chunks()
        batches = [
            batch
            for start in range(0, own.num_rows, cut)
            for batch in own.slice(start, cut).combine_chunks().to_batches()
        ]
        if phase.combine is not None:
            batches = [phase.combine(batch) for batch in batches]
        found += list(phase.settle(iter(batches)))
    assert all(batch.schema.equals(phase.settled) for batch in found)
    return pa.Table.from_batches(found, phase.settled)


def verdicts(
    stage: SubstringDedup,
    shards: list[pa.RecordBatch],
    partitions: int = 1,
    cut: int = 1 << 20,
) -> pa.Table:
    rows = pa.table({})
    for phase in stage.phases():
        if phase.emit is None:
            emitted = list(visited(phase, shards, rows))
        else:
            batches = rows.to_batches() if rows.num_columns else shards
            emitted = [rows_of(phase.emit(batch)) for batch in batches]
        rows = settled(phase, emitted, partitions, cut)
    return rows


def deduplicated(
    stage: SubstringDedup,
    shards: list[pa.RecordBatch],
    partitions: int = 1,
    cut: int = 1 << 20,
) -> tuple[Spans, pa.Table, pa.Table]:
    """Spans in units; the edited documents; the evidence."""
    found = verdicts(stage, shards, partitions, cut)
    assert len(found.column("address").unique()) == found.num_rows
    joined = []
    for shard in shards:
        place = pc.index_in(shard.column("address"), found.column("address").combine_chunks())
        for name in ("spans", "frequent"):
            shard = shard.append_column(name, found.column(name).combine_chunks().take(place))
        joined.append(shard)
    spans = [
        list(zip(values[::2], values[1::2], strict=True)) if values else []
        for shard in joined
        for values in shard.column("spans").to_pylist()
    ]
    edited = [stage.edit_with_evidence(batch) for batch in joined]
    return (
        spans,
        pa.Table.from_batches([batch for batch, _ in edited]),
        pa.Table.from_batches([rows for _, rows in edited]).sort_by(
            [("documents", "descending"), ("text", "ascending")]
        ),
    )


def check(texts: Sequence[str], stage: SubstringDedup, shards: int = 1) -> None:
    documents = [text.encode() for text in texts]
    expected = removed_spans(
        documents, stage.min_bytes, max_copies=stage.max_copies, keep_first=stage.keep_first
    )
    spans, edited, _ = deduplicated(stage, corpus(texts, shards))
    assert spans == expected
    left = [
        without(text, own, stage.merge_gap_bytes)
        for text, own in zip(documents, expected, strict=True)
    ]
    assert edited.column("text").to_pylist() == left
    before = edited.column("characters_before").to_pylist()
    assert before == [len(text) for text in texts]
    assert edited.column("removed_characters").to_pylist() == [
        whole - len(rest) for whole, rest in zip(before, left, strict=True)
    ]


def passage(number: int, size: int) -> str:
    """Text that occurs nowhere else."""
    digits = "".join(
        hashlib.sha256(f"{number}.{block}".encode()).hexdigest() for block in range(size // 64 + 1)
    )
    return digits[:size]


# ---- equal to the definition ----

small_texts = st.lists(
    st.one_of(
        st.text(st.sampled_from("ab"), max_size=120),
        st.lists(
            st.sampled_from(
                [
                    "a" * 20,
                    "ab" * 12,
                    "abc" * 9,
                    "é" * 9,
                    "한글" * 4,
                    passage(1, 16),
                    passage(2, 23),
                    passage(3, 40),
                    "x",
                    "",
                    "\U00010348",
                ]
            ),
            max_size=8,
        ).map("".join),
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(
    small_texts,
    st.sampled_from([(True, 1), (True, 2), (True, 3), (False, 1), (False, 2)]),
    st.integers(0, 6),
    st.integers(1, 3),
)
@example(["a" * 100], (True, 1), 0, 1)
@example(["ab" * 40, "b" + "ab" * 40], (True, 2), 0, 2)
@example(
    [passage(1, 40) + "x" + passage(2, 40), passage(1, 40) + "y" + passage(2, 40)], (True, 1), 1, 1
)
def test_removes_what_the_definition_removes(
    texts: list[str], copies: tuple[bool, int], gap: int, shards: int
) -> None:
    keep_first, max_copies = copies
    stage = SubstringDedup(
        min_bytes=WINDOW, keep_first=keep_first, max_copies=max_copies, merge_gap_bytes=gap
    )
    check(texts, stage, shards)


@pytest.fixture(scope="module")
def megabyte(test_data: Path) -> list[str]:
    """1 MB of real text with real and planted repetition."""
    found: list[str] = []
    for name, budget in (("c4/c4-a", 600_000), ("wikipedia/ko-0", 300_000)):
        with gzip.open(test_data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                found.append(json.loads(line)["text"])
                budget -= len(found[-1].encode())
                if budget < 0:
                    break
    for number in range(0, len(found) - 3, 9):
        piece = found[number][: 300 + 7 * number]
        found[number + 2] = found[number + 2][:200] + piece + found[number + 2][200:]
    return found


@pytest.mark.parametrize("keep_first", [True, False])
def test_spans_of_a_megabyte_equal_brute_force(megabyte: list[str], keep_first: bool) -> None:
    check(megabyte, SubstringDedup(keep_first=keep_first), shards=3)
    assert sum(len(text.encode()) for text in megabyte) > 900_000


@pytest.mark.parametrize(("shards", "partitions", "cut"), [(1, 1, 1), (5, 8, 3), (2, 64, 100)])
def test_same_result_for_any_shards_partitions_and_batches(
    shards: int, partitions: int, cut: int
) -> None:
    common = [passage(number, 90) for number in range(4)]
    texts = [
        passage(100 + number, 30 + number)
        + common[number % 4]
        + "-" * (number % 3)
        + common[number % 3]
        for number in range(23)
    ]
    stage = SubstringDedup(min_bytes=40, max_copies=2)
    once = deduplicated(stage, corpus(texts))
    again = deduplicated(stage, corpus(texts, shards), partitions, cut)
    assert any(once[0])
    assert again[0] == once[0]
    assert again[1].equals(once[1]) and again[2].equals(once[2])


def test_the_keeping_order_decides_which_copy_stays() -> None:
    texts = [passage(1, 60), "x" + passage(1, 60), "yy" + passage(1, 60)]
    best = SubstringDedup(min_bytes=WINDOW, keep=Best(best="score"))
    assert deduplicated(best, corpus(texts, 2))[0] == [[(0, 60)], [(1, 61)], []]
    longest = SubstringDedup(min_bytes=WINDOW, keep="longest")
    assert deduplicated(longest, corpus(texts, 2))[0] == [[(0, 60)], [(1, 61)], []]


def test_scopes_are_apart_and_short_documents_stay() -> None:
    shards = corpus([passage(1, 60), passage(1, 60), passage(1, 60) + passage(2, 200)])
    other = shards[0].set_column(2, "source", pa.array(["web", "wiki", "web"], pa.string()))
    scoped = SubstringDedup(min_bytes=WINDOW, scope="source")
    assert deduplicated(scoped, [other])[0] == [[], [], [(0, 60)]]
    long_only = SubstringDedup(min_bytes=WINDOW, min_characters=61)
    assert deduplicated(long_only, shards)[0] == [[], [], []]
    emitted = long_only.phases()[0].emit(shards[0])
    assert isinstance(emitted, Emitted) and emitted.counts == {"too_short": 2}


# ---- what is left ----


@settings(max_examples=60)
@given(small_texts)
def test_kept_pieces_hold_no_window_twice(texts: list[str]) -> None:
    """A second pass could find something only across a cut."""
    spans, _, _ = deduplicated(SubstringDedup(min_bytes=WINDOW), corpus(texts))
    pieces = []
    for text, own in zip((text.encode() for text in texts), spans, strict=True):
        bounds = [0, *(place for span in own for place in span), len(text)]
        pieces += [text[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
    assert not any(removed_spans(pieces, WINDOW))


def test_a_second_pass_changes_nothing_where_cuts_are_at_the_ends() -> None:
    texts = [passage(1, 80) + passage(2, 50), passage(3, 70) + passage(1, 80), passage(2, 50)]
    stage = SubstringDedup(min_bytes=WINDOW)
    _, edited, _ = deduplicated(stage, corpus(texts))
    assert edited.column("text").to_pylist() == [texts[0], passage(3, 70), ""]
    assert edited.column("removed_fraction").to_pylist() == [0.0, 80 / 150, 1.0]
    spans, _, _ = deduplicated(stage, corpus(edited.column("text").to_pylist()))
    assert spans == [[], [], []]


def test_cuts_keep_characters_whole() -> None:
    shared = "\u00e9" * 40
    texts = ["\u00e8" + shared, "\u4e2d" + shared[:-1] + "\u00ea", "a" + shared + "\U0001d529"]
    check(texts, SubstringDedup(min_bytes=WINDOW + 1))
    check(texts, SubstringDedup(min_bytes=WINDOW + 1, keep_first=False, merge_gap_bytes=3))


def test_close_cuts_are_one() -> None:
    texts = [passage(1, 50) + passage(2, 50), passage(1, 50) + " 17 " + passage(2, 50)]
    for gap, left in ((0, " 17 "), (3, " 17 "), (4, "")):
        stage = SubstringDedup(min_bytes=WINDOW, merge_gap_bytes=gap)
        _, edited, _ = deduplicated(stage, corpus(texts))
        assert edited.column("text").to_pylist() == [texts[0], left]
        assert edited.column("cuts").to_pylist() == [0, 2 if left else 1]


def test_evidence_lists_passages_by_their_documents() -> None:
    texts = [passage(9, 30 + n) + passage(1, 60) + passage(20 + n, 30) for n in range(5)]
    texts += [passage(2, 80), passage(2, 80), passage(3, 90)]
    _, _, evidence = deduplicated(SubstringDedup(min_bytes=WINDOW), corpus(texts, 3), 4)
    rows = evidence.to_pylist()
    assert rows[0]["documents"] == 5 and rows[0]["first_document"] == "web/0"
    assert any(row["text"] in passage(1, 60) and row["characters"] > 40 for row in rows[:2])
    twice = [row for row in rows if row["first_document"] == "web/5"]
    assert twice == [
        {"documents": 2, "characters": 80, "text": passage(2, 80), "first_document": "web/5"}
    ]


# ---- hostile texts ----


@pytest.mark.parametrize("period", ["a", "ab", "a b c d ", "0123456789abcdef" * 8])
def test_periodic_texts_give_few_rows_and_keep_one_copy(period: str) -> None:
    text = (period * 200_000)[:200_000]
    stage = SubstringDedup()
    shards = corpus([text, text + "x"], 2)
    anchors = [rows_of(stage.phases()[0].emit(shard)) for shard in shards]
    assert all(rows.num_rows <= 2 * (len(period) + 220) for rows in anchors)
    spans, edited, _ = deduplicated(stage, shards)
    kept = 2 * 220 + len(period)
    assert spans[0][-1][1] == len(text) and spans[0][0][0] <= kept and len(spans[0]) == 1
    assert spans[1] == [(0, len(text))]
    assert edited.column("text").to_pylist()[1] == "x"


def test_a_key_of_many_occurrences_spans_batches() -> None:
    """A settling pass holds no group: the boilerplate of every document, batches of 7 rows."""
    texts = [passage(50, 45) + f"{number:06d}" + passage(51, 45) for number in range(600)]
    spans, edited, _ = deduplicated(SubstringDedup(min_bytes=32), corpus(texts), 2, 7)
    assert spans[0] == [] and all(own for own in spans[1:])
    assert spans == removed_spans([text.encode() for text in texts], 32)
    assert sum(map(len, edited.column("text").to_pylist())) < 10_000


# ---- tokens ----


def test_tokens_of_a_tokenizer(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(300)] + ["é", "?"]
    model = models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="?")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    shared = " ".join(f"w{number}" for number in range(30, 42)) + "  é"
    texts = [f"w1 w2 {shared} w3", f"w4 {shared}   w5", "w6 " + " ".join(shared.split()[:7])]
    stage = SubstringDedup(tokenizer=str(tmp_path), min_tokens=8)
    spans, edited, _ = deduplicated(stage, corpus(texts))
    assert spans == [[], [(1, 14)], []]
    assert edited.column("text").to_pylist() == [texts[0], "w4    w5", texts[2]]
    assert stage.models()[0].sha256 and "tokenizers" in stage.used_distributions()
