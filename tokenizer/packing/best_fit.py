"""Best-fit decreasing on a histogram: whole groups of equal lengths are placed at once.

Best-fit decreasing takes items from the longest to the shortest and puts each into the row where
the least room would be left, or into a new one. Items of one length are alike, so a group of n
fills the tightest rows with `room // length` items each before it goes on to the next room: the
rows that placing one by one would give (tested), at a cost that follows from the number of distinct
lengths and rooms alone. Rooms in use are bits of one integer, so the tightest is found by a shift.

Source: Ding et al. 2024 (arXiv 2404.10830), who search a segment tree for every item. Cost: at
most three new classes of rows per length; rows of 2,048 tokens take some ten milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a class of rows holds: `number` items of `length`, on top of `below`."""

    below: _Contents | None
    length: int
    number: int

    def items(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        node: _Contents | None = self
        while node is not None:
            found.append((node.length, node.number))
            node = node.below
        return found[::-1]


class _Rows:
    """Classes of equal rows by the room that is left in them."""

    def __init__(self) -> None:
        self._classes: dict[int, list[tuple[int, _Contents]]] = {}
        self._rooms = 0

    def add(self, room: int, rows: int, contents: _Contents) -> None:
        if rows:
            self._classes.setdefault(room, []).append((rows, contents))
            self._rooms |= 1 << room

    def take(self, length: int) -> tuple[int, int, _Contents] | None:
        """Remove and return a class with the least room for `length`: (room, rows, contents)."""
        fitting = self._rooms >> length
        if not fitting:
            return None
        room = length + (fitting & -fitting).bit_length() - 1
        classes = self._classes[room]
        rows, contents = classes.pop()
        if not classes:
            self._rooms ^= 1 << room
        return room, rows, contents

    def __iter__(self) -> Iterator[tuple[int, _Contents]]:
        for room in sorted(self._classes):
            yield from self._classes[room]


def best_fit_classes(counts: np.ndarray, capacity: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """Classes of rows: (number of equal rows, [(length, items of it in one row), …]), by room left.

    counts: int64[capacity + 1], items of every length; of length 0 there are none.
    """
    rows = _Rows()
    for length in np.flatnonzero(counts)[::-1].tolist():
        _place(rows, length, int(counts[length]), capacity)
    return [(number, contents.items()) for number, contents in rows]


def _place(rows: _Rows, length: int, left: int, capacity: int) -> None:
    while left:
        found = rows.take(length)
        if found is None:
            room, available, below = capacity, left, None
        else:
            room, available, below = found
        in_row = room // length
        full = min(available, left // in_row)
        rows.add(room - in_row * length, full, _Contents(below, length, in_row))
        available, left = available - full, left - full * in_row
        if available and 0 < left < in_row:
            rows.add(room - left * length, 1, _Contents(below, length, left))
            available, left = available - 1, 0
        if below is not None:
            rows.add(room, available, below)


def fewest_rows(counts: np.ndarray, capacity: int) -> int:
    """No packing needs fewer rows: the bound L2 of Martello and Toth (1990), for all thresholds.

    counts: as for `best_fit_classes`.
    """
    lengths = np.arange(capacity + 1, dtype=np.int64)
    items = np.concatenate([[0], np.cumsum(counts)])  # items[k]: of lengths below k
    tokens = np.concatenate([[0], np.cumsum(counts * lengths)])
    half = capacity // 2 + 1  # items of this length and more need a row each
    thresholds = np.arange(1, capacity // 2 + 1)
    large = items[-1] - items[capacity - thresholds + 1]
    middle_end = capacity - thresholds + 1
    middle = items[middle_end] - items[half]
    room = middle * capacity - (tokens[middle_end] - tokens[half])
    small = tokens[half] - tokens[thresholds]
    more = np.maximum(0, -(-(small - room) // capacity))
    best = int((large + middle + more).max(initial=0))
    return max(best, int(items[-1] - items[half]))
