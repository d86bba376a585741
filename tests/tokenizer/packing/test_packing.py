"""Packing plans against plain references: windows, best fit item by item, powers of two."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.tokenizer.config import PackConfig
from curate.tokenizer.packing.best_fit import best_fit_classes, fewest_rows
from curate.tokenizer.packing.report import STRATEGIES, LengthTotals, PlanTotals
from curate.tokenizer.packing.rows import PackedRows, PackingSettings, Strategy, pack, piece_type

LENGTHS = st.lists(st.integers(0, 70), max_size=60)


def packed(
    lengths: list[int] | np.ndarray,
    strategy: Strategy,
    size: int = 16,
    shortest: int = 4,
    rows: np.ndarray | None = None,
    **options: int,
) -> list[PackedRows]:
    batches = max(1, options.pop("batches", 1))
    lengths = np.array(lengths, dtype=np.int32)
    rows = np.arange(len(lengths)) if rows is None else rows
    documents = zip(np.array_split(rows, batches), np.array_split(lengths, batches), strict=True)
    chosen = PackingSettings(strategy, size, shortest)
    return list(pack(documents, chosen, piece_type(len(lengths)), **options))


def rows_of(groups: list[PackedRows]) -> list[tuple[int, list[tuple[int, int, int]]]]:
    """(tokens of the row, its (document, start, length) pieces) of every row."""
    found = []
    for group in groups:
        sizes = [size for size, number in group.lengths for _ in range(number)]
        assert len(sizes) == group.rows
        for row, size in enumerate(sizes):
            begin, end = int(group.starts[row]), int(group.starts[row + 1])
            found.append((size, [tuple(piece) for piece in group.pieces[begin:end].tolist()]))
    return found


def tokens_of(pieces: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    return [(document, start + i) for document, start, length in pieces for i in range(length)]


@given(LENGTHS, st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_windows_are_those_of_one_long_stream(
    lengths: list[int], group_pieces: int, batches: int
) -> None:
    stream = [(document, i) for document, length in enumerate(lengths) for i in range(length)]
    expected = [stream[at : at + 17] for at in range(0, len(stream) - 16, 16)]
    groups = packed(lengths, "concat", group_pieces=group_pieces, batches=batches)
    assert [tokens_of(pieces) for _, pieces in rows_of(groups)] == expected


def reference_best_fit(items: list[int], capacity: int) -> Counter[tuple[int, ...]]:
    """Item by item, longest first, into the row with the least room left."""
    bins: list[list[int]] = []
    for item in sorted(items, reverse=True):
        fitting = [b for b in bins if capacity - sum(b) >= item]
        if fitting:
            min(fitting, key=lambda b: capacity - sum(b)).append(item)
        else:
            bins.append([item])
    return Counter(capacity - sum(b) for b in bins)


@given(st.lists(st.integers(1, 40), max_size=60))
@settings(max_examples=300, deadline=None)
def test_groups_are_placed_as_items_one_by_one_are(items: list[int]) -> None:
    classes = best_fit_classes(np.bincount(items, minlength=41), 40)
    placed = Counter(
        length
        for bins, contents in classes
        for length, number in contents
        for _ in range(bins * number)
    )
    assert placed == Counter(items)
    rooms: Counter[int] = Counter()
    for bins, contents in classes:
        rooms[40 - sum(length * number for length, number in contents)] += bins
    assert rooms == reference_best_fit(items, 40)
    assert fewest_rows(np.bincount(items, minlength=41), 40) <= sum(rooms.values())


@given(LENGTHS, st.integers(1, 30), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_best_fit_cuts_no_document_that_fits_and_loses_no_token(
    lengths: list[int], group_pieces: int, batches: int
) -> None:
    groups = packed(lengths, "best_fit", group_pieces=group_pieces, batches=batches)
    pieces_of: Counter[int] = Counter()
    seen: list[tuple[int, int]] = []
    for size, pieces in rows_of(groups):
        assert size == 16 and sum(length for _, _, length in pieces) <= 16
        seen += tokens_of(pieces)
        pieces_of.update(document for document, _, _ in pieces)
    assert sorted(seen) == [(d, i) for d, length in enumerate(lengths) for i in range(length)]
    for document, length in enumerate(lengths):
        assert pieces_of[document] == -(-length // 16)
    assert rows_of(groups) == rows_of(
        packed(lengths, "best_fit", group_pieces=group_pieces, batches=1)
    ), "how documents come in batches does not matter"


@given(LENGTHS)
@settings(max_examples=150, deadline=None)
def test_buckets_are_the_binary_digits_of_a_length(lengths: list[int]) -> None:
    rows = rows_of(packed(lengths, "buckets"))
    seen = []
    for size, pieces in rows:
        assert size in (16, 8, 4) and [length for _, _, length in pieces] == [size]
        seen += tokens_of(pieces)
    kept = [(d, i) for d, length in enumerate(lengths) for i in range(length // 4 * 4)]
    assert sorted(seen) == kept
    assert [size for size, _ in rows] == sorted((size for size, _ in rows), reverse=True)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(lengths=LENGTHS, group_pieces=st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_figures_are_counted_from_the_rows(
    strategy: Strategy, lengths: list[int], group_pieces: int
) -> None:
    chosen = PackingSettings(strategy, 16, 4)
    totals, made = LengthTotals(chosen), PlanTotals()
    for part in np.array_split(np.array(lengths, dtype=np.int32), 3):
        totals.add(part)
    groups = packed(lengths, strategy, group_pieces=group_pieces)
    for group in groups:
        made.add(group)
    figures = made.correct(totals.figures(strategy), strategy)
    rows = rows_of(groups)
    inputs = [tokens_of(pieces)[: min(size, 16)] for size, pieces in rows]
    used = {token for _, pieces in rows for token in tokens_of(pieces)}
    assert figures.documents == sum(length > 0 for length in lengths)
    assert figures.tokens == sum(lengths)
    assert figures.rows == len(rows)
    assert figures.row_tokens == sum(min(size, 16) for size, _ in rows)
    assert figures.padding_tokens == figures.row_tokens - sum(map(len, inputs))
    assert figures.discarded_tokens == sum(lengths) - len(used)
    if strategy != "concat":  # its border tokens and its last window are nobody's
        in_rows = [
            {r for r, row in enumerate(inputs) for d, _ in row if d == document}
            for document in range(len(lengths))
        ]
        kept = Counter(document for document, _ in used)
        cut = [
            document
            for document, length in enumerate(lengths)
            if kept[document] and (len(in_rows[document]) > 1 or kept[document] < length)
        ]
        assert figures.cut_documents == len(cut)
        assert figures.cut_documents_that_fit == sum(lengths[document] <= 16 for document in cut)
    if strategy == "best_fit":
        assert figures.fewest_padding_tokens <= figures.padding_tokens


def web_like(documents: int) -> np.ndarray:
    """Lognormal lengths with a median of 403 tokens, from a fixed sequence."""
    from statistics import NormalDist

    places = ((np.arange(documents) * 0.6180339887498949) % 1.0).clip(1e-9, 1 - 1e-9)
    normal = NormalDist()
    deviations = np.array([normal.inv_cdf(place) for place in places.tolist()])
    return np.maximum(1, np.exp(np.log(403) + 1.1 * deviations)).astype(np.int32)


@pytest.mark.parametrize("size", [512, 2048, 8192])
def test_padding_of_a_hundred_thousand_web_like_documents(size: int) -> None:
    lengths = web_like(100_000)
    chosen = PackingSettings("best_fit", size, 256)
    totals = LengthTotals(chosen)
    totals.add(lengths)
    percent = totals.figures("best_fit").percent()
    assert percent["padding"] <= 0.1
    assert percent["truncated"] == percent["discarded"] == 0
    assert totals.figures("concat").percent()["truncated"] > 3, "what it is for"


@pytest.mark.parametrize("documents", [10, 30, 100, 300, 1000, 3000, 10_000])
@pytest.mark.parametrize("size", [512, 2048, 8192])
def test_padding_of_fewer_documents_is_near_the_lower_bound(documents: int, size: int) -> None:
    totals = LengthTotals(PackingSettings("best_fit", size, 256))
    totals.add(web_like(documents))
    percent = totals.figures("best_fit").percent()
    assert percent["padding"] <= percent["fewest_padding"] + 0.1


def test_documents_may_repeat_and_come_in_any_order() -> None:
    lengths, order = np.array([5, 20, 9]), np.array([2, 0, 2, 1, 0])
    for strategy in STRATEGIES:
        rows = rows_of(packed(lengths[order], strategy, rows=order))
        taken = Counter(d for _, pieces in rows for d, _ in tokens_of(pieces))
        assert set(taken) <= {0, 1, 2}
        if strategy == "best_fit":
            assert taken == Counter({0: 10, 1: 20, 2: 18})


def test_pieces_of_many_documents_have_room() -> None:
    assert piece_type(2**32 - 1).itemsize == 12
    assert piece_type(2**32).itemsize == 16


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy": "buckets", "sequence_length": 3000}, "power of two, not 3000; near are 2048"),
        ({"strategy": "buckets", "shortest_bucket": 100}, "shortest_bucket must be a power of two"),
        ({"strategy": "buckets", "sequence_length": 128}, "256 is above sequence_length 128"),
        ({"sequence_length": 1}, "greater than or equal to 2"),
        ({"strategy": "first_fit"}, "'concat', 'best_fit' or 'buckets'"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PackConfig(**fields)


def test_windows_begin_where_those_of_megatron_core_do() -> None:
    helpers = pytest.importorskip(
        "megatron.core.datasets.helpers", reason="needs megatron-core: pip install megatron-core"
    )
    lengths = web_like(5000)
    theirs = helpers.build_sample_idx(
        lengths, np.arange(5000, dtype=np.int32), 512, 1, int(lengths.sum())
    )
    (group,) = packed(lengths, "concat", size=512)
    first = group.pieces[group.starts[:-1]]
    assert len(theirs) == group.rows + 1, "theirs has the end of the last window too"
    assert first["document"].tolist() == theirs[:-1, 0].tolist()
    assert first["start"].tolist() == theirs[:-1, 1].tolist()
