"""Anchors, fragments and cuts against plain readings."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.substrings import (
    WindowShape,
    anchor_rows,
    cut_spans,
    fragment_rows,
    window_rows,
)
from curate.kernels.text_buffers import TextBuffers, text_buffers

SHAPE = WindowShape(unit_bytes=1, window=12, gram=5, part=3, told_apart=1)
texts = st.one_of(
    st.text(st.sampled_from("ab"), max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def units(*documents: bytes) -> TextBuffers:
    offsets = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    return TextBuffers(pa.py_buffer(offsets), pa.py_buffer(b"".join(documents)), 0, len(documents))


def keys(*documents: bytes, shape: WindowShape = SHAPE, seed: int = 0) -> list[Counter[bytes]]:
    """Keys of every document with their numbers of rows."""
    seeds = np.full(len(documents), seed, np.uint64)
    found, rows = anchor_rows(units(*documents), shape, seeds)
    counted: list[Counter[bytes]] = [Counter() for _ in documents]
    for document, key in zip(found.tolist(), rows.to_pylist(), strict=True):
        counted[document][key] += 1
    return counted


@given(st.lists(texts.map(str.encode), max_size=4))
def test_a_text_has_the_anchors_of_its_windows(documents: list[bytes]) -> None:
    """So equal windows have equal anchors, wherever they stand."""
    for text, found in zip(documents, keys(*documents), strict=True):
        windows = [text[begin : begin + 12] for begin in range(len(text) - 11)]
        chosen = [next(iter(each)) for each in keys(*windows)]
        assert set(found) == set(chosen) and max(found.values(), default=1) <= 2
        grams = {
            xxhash.xxh3_128_digest(text[begin : begin + 5]): begin for begin in range(len(text) - 4)
        }
        assert set(found) <= set(grams)


@given(st.lists(st.integers(0, 3), max_size=50))
def test_tokens_are_units_of_four_bytes(tokens: list[int]) -> None:
    """A byte per token, or four: the same windows repeat."""
    narrow = bytes(tokens)
    wide = np.array(tokens, np.uint32).tobytes()
    shape = WindowShape(unit_bytes=4, window=12, gram=5, part=3, told_apart=1)
    (found,) = keys(wide, shape=shape)
    windows = [wide[begin : begin + 48] for begin in range(0, len(wide) - 47, 4)]
    assert set(found) == {key for each in keys(*windows, shape=shape) for key in each}
    assert sum(found.values()) <= max(0, 2 * (len(narrow) - 11))


@given(texts.map(str.encode), st.integers(1, 3))
def test_fragments_hold_every_window_once(text: bytes, told_apart: int) -> None:
    shape = WindowShape(unit_bytes=1, window=12, gram=5, part=3, told_apart=told_apart)
    (found,) = keys(text)
    marks = np.array(sorted(int.from_bytes(key[:8], "big") for key in found), np.uint64)
    starts = np.array([0, len(marks)], np.int64)
    rows = fragment_rows(units(text), shape, np.zeros(1, np.uint64), starts, marks)
    covered: list[int] = []
    for windows, places in zip(rows.windows.tolist(), rows.places.to_pylist(), strict=True):
        if windows == 0:
            for begin, end, documents in zip(places[::3], places[1::3], places[2::3], strict=True):
                assert documents == 0 and end - begin >= 12
            continue
        assert windows <= 3 and len({text[place : place + 11 + windows] for place in places}) == 1
        covered += [place + step for place in places for step in range(windows)]
    assert len(covered) == len(set(covered))
    if not (rows.windows == 0).any():
        assert sorted(covered) == list(range(len(text) - 11))


@given(texts.filter(bool), st.data())
def test_cuts_leave_whole_characters(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    places = data.draw(st.lists(st.integers(0, len(encoded)), max_size=8).map(sorted))
    places = places[: len(places) // 2 * 2]
    gap = data.draw(st.integers(0, 4))
    cut = cut_spans(column(text, text), pa.array([places, None], pa.list_(pa.uint32())), gap)
    left, whole = cut.column("text").to_pylist()
    assert whole == text
    merged: list[list[int]] = []
    for begin, end in zip(places[::2], places[1::2], strict=True):
        if merged and begin - merged[-1][1] <= gap:
            merged[-1][1] = end
        else:
            merged.append([begin, end])
    expected, position = "", 0
    for character in text:
        end = position + len(character.encode())
        if not any(a <= position and end <= b for a, b in merged):
            expected += character
        position = end
    assert left == expected
    assert cut.column("removed_characters").to_pylist() == [len(text) - len(left), 0]


@pytest.mark.parametrize("spans", [[3, 1], [0, 9], [4, 6, 2, 3], [1]])
def test_bad_spans_are_refused(spans: list[int]) -> None:
    with pytest.raises(ValueError, match="span"):
        cut_spans(column("12345678"), pa.array([spans], pa.list_(pa.uint32())), 0)


def test_bad_shapes_and_marks_are_refused() -> None:
    seeds = np.zeros(1, np.uint64)
    buffers = text_buffers(column("a" * 20))
    with pytest.raises(ValueError, match="anchor"):
        anchor_rows(buffers, WindowShape(1, 4, 5, 1, 1), seeds)
    with pytest.raises(ValueError, match="1 or 4"):
        anchor_rows(buffers, WindowShape(2, 12, 5, 1, 1), seeds)
    with pytest.raises(ValueError, match="seeds"):
        anchor_rows(buffers, SHAPE, np.zeros(2, np.uint64))
    starts = np.array([0, 3], np.int64)
    with pytest.raises(ValueError, match="marks"):
        fragment_rows(buffers, SHAPE, seeds, starts, np.zeros(1, np.uint64))
    spans = pa.RecordBatch.from_pydict(
        {
            "kind": pa.array([0], pa.uint8()),
            "begin": pa.array([0], pa.uint32()),
            "end": pa.array([99], pa.uint32()),
            "documents": pa.array([0], pa.uint32()),
        }
    )
    with pytest.raises(ValueError, match="behind its document"):
        window_rows(buffers, SHAPE, seeds, np.array([0, 1], np.int64), spans)
