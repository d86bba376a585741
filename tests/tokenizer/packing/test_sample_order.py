"""The sample order is a permutation, the same for anyone who asks, and no simple one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.tokenizer.packing.sample_order import SampleOrder, row_of_sample


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1), st.integers(0, 5))
def test_every_row_is_taken_once_and_found_again(rows: int, seed: int, epoch: int) -> None:
    order = SampleOrder(rows, seed, epoch)
    taken = order.many(np.arange(rows))
    assert sorted(taken.tolist()) == list(range(rows))
    for sample in {0, rows // 3, rows // 2, rows - 1}:
        assert order[sample] == taken[sample]
        assert order.position(int(taken[sample])) == sample


def test_the_order_is_the_committed_one() -> None:
    assert SampleOrder(10, 17).many(np.arange(10)).tolist() == GOLDEN[0]
    assert SampleOrder(10, 17, 1).many(np.arange(10)).tolist() == GOLDEN[1]
    assert [row_of_sample(sample, [10], 17) for sample in (0, 9, 10)] == [
        (0, GOLDEN[0][0]),
        (0, GOLDEN[0][9]),
        (1, GOLDEN[1][0]),
    ]


GOLDEN = [[0, 9, 7, 2, 4, 1, 5, 6, 8, 3], [9, 1, 7, 2, 8, 3, 5, 4, 0, 6]]


@pytest.mark.parametrize("rows", [1000, 4096, 5000, 65_537])
def test_neighbours_seeds_and_epochs_have_nothing_to_do_with_each_other(rows: int) -> None:
    """Chi-squared of 10 x 10 fields: 99 degrees of freedom, one in a million is above 180."""
    first = SampleOrder(rows, 17).many(np.arange(rows))
    others = {
        "place": np.arange(rows),
        "next": np.roll(first, 1),
        "epoch": SampleOrder(rows, 17, 1).many(np.arange(rows)),
        "seed": SampleOrder(rows, 18).many(np.arange(rows)),
    }
    for name, other in others.items():
        fields = np.histogram2d(first, other, bins=10)[0]
        assert ((fields - rows / 100) ** 2 / (rows / 100)).sum() < 180, name


def test_a_corpus_of_any_size_costs_nothing_to_open() -> None:
    order = SampleOrder(10**15, 3)
    rows = order.many(np.arange(10**15 - 1000, 10**15))
    assert len(set(rows.tolist())) == 1000
    assert [order.position(row) for row in rows.tolist()[:20]] == list(
        range(10**15 - 1000, 10**15 - 980)
    )


def test_outside_is_an_error() -> None:
    with pytest.raises(IndexError, match="10 is outside the 10 rows"):
        SampleOrder(10, 17)[10]
    with pytest.raises(IndexError, match="of 0 rows"):
        row_of_sample(0, [0], 17)
    with pytest.raises(ValueError, match="not negative"):
        SampleOrder(-1, 17)


def test_a_phase_ends_before_the_next_begins() -> None:
    phases = [7, 0, 5]
    epochs = [[row_of_sample(12 * epoch + n, phases, 17) for n in range(12)] for epoch in (0, 1)]
    for number, found in enumerate(epochs):
        assert {epoch for epoch, _ in found} == {number}
        rows = [row for _, row in found]
        assert sorted(rows[:7]) == list(range(7))
        assert sorted(rows[7:]) == list(range(7, 12))
    assert [row for _, row in epochs[0]] != [row for _, row in epochs[1]]
