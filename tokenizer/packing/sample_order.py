"""The order in which training takes rows: a pure function of (seed, epoch, sample index).

Sample n of a run is row `permutation(n mod rows)` of epoch `n div rows`; every epoch has a
permutation of its own. A permutation is a Feistel network over the bits of a row number, whose
results outside the range are sent through it again (cycle walking, Black and Rogaway 2002). So any
reader finds any sample at once, without a shuffled list: nothing to store, to share or to restore,
and the number of readers cannot matter. `position` goes back from a row to its sample.

Round keys are draws (purpose `pack`) on "<epoch> <round>"; the round function is the 64-bit
finaliser of MurmurHash3. Cost: 0.1 µs per sample in arrays, 10 µs for a single one, which goes
through Python's integers (NumPy would take 200).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from curate.kernels.draw import Purpose, draw_many

ROUNDS = 8
_FACTORS = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_64_BITS = 2**64 - 1


class SampleOrder:
    """The permutation of one epoch. `order[n]` is the row of the n-th sample.

    rows: how many there are. Raises ValueError for a negative number or a seed outside 64 bits.
    """

    def __init__(self, rows: int, seed: int, epoch: int = 0) -> None:
        if rows < 0 or epoch < 0:
            raise ValueError(f"rows and epoch are not negative: {rows}, {epoch}")
        self.rows = rows
        bits = max(2, (rows - 1).bit_length())
        self._low_bits, self._high_bits = bits // 2, bits - bits // 2
        names = pa.array([f"{epoch} {number}" for number in range(ROUNDS)], pa.large_string())
        self._keys = draw_many(seed, Purpose.PACK, names)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, sample: int) -> int:
        return self._walk_one(sample, forward=True)

    def position(self, row: int) -> int:
        """The sample that takes this row."""
        return self._walk_one(row, forward=False)

    def many(self, samples: np.ndarray) -> np.ndarray:
        """int64[n]: rows of samples. Raises IndexError outside 0 … rows - 1."""
        numbers = np.asarray(samples, dtype=np.int64)
        outside = (numbers < 0) | (numbers >= self.rows)
        if outside.any():
            raise IndexError(
                f"{int(numbers[outside][0])} is outside the {self.rows:,} rows of an epoch"
            )
        values = self._network(numbers.astype(np.uint64))
        while len(walking := np.flatnonzero(values >= self.rows)):
            values[walking] = self._network(values[walking])
        return values.astype(np.int64)

    def _network(self, values: np.ndarray) -> np.ndarray:
        """One pass: halves take turns in being mixed with a function of the other one."""
        low_bits = np.uint64(self._low_bits)
        low_mask = np.uint64((1 << self._low_bits) - 1)
        high_mask = np.uint64((1 << self._high_bits) - 1)
        low, high = values & low_mask, values >> low_bits
        for number, key in enumerate(self._keys):
            if number % 2:
                low = low ^ (_mixed(high ^ key) & low_mask)
            else:
                high = high ^ (_mixed(low ^ key) & high_mask)
        return high << low_bits | low

    def _walk_one(self, value: int, forward: bool) -> int:
        """`many` of one number, or the way back: rounds in the other order undo each other."""
        if not 0 <= value < self.rows:
            raise IndexError(f"{value} is outside the {self.rows:,} rows of an epoch")
        low_mask, high_mask = (1 << self._low_bits) - 1, (1 << self._high_bits) - 1
        keys = list(enumerate(self._keys.tolist()))
        if not forward:
            keys.reverse()
        while True:
            low, high = value & low_mask, value >> self._low_bits
            for number, key in keys:
                if number % 2:
                    low ^= _mixed_one(high ^ key) & low_mask
                else:
                    high ^= _mixed_one(low ^ key) & high_mask
            value = high << self._low_bits | low
            if value < self.rows:
                return value


def _mixed(values: np.ndarray) -> np.ndarray:
    for factor in _FACTORS:
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    mixed: np.ndarray = values ^ (values >> np.uint64(33))
    return mixed


def _mixed_one(value: int) -> int:
    for factor in _FACTORS:
        value = (value ^ (value >> 33)) * factor & _64_BITS
    return value ^ (value >> 33)


@lru_cache(maxsize=64)
def _order(rows: int, seed: int, epoch: int) -> SampleOrder:
    """Kept, because samples of one epoch are asked for one after another."""
    return SampleOrder(rows, seed, epoch)


def row_of_sample(sample: int, phases: Sequence[int], seed: int) -> tuple[int, int]:
    """(epoch, row) of sample `sample` of a run that may pass over the rows several times.

    phases: rows of each phase of a schedule, one after another; every phase has an order of its own
    and ends before the next begins. Raises IndexError for a negative sample, or where there are no
    rows.
    """
    rows = sum(phases)
    if sample < 0 or rows < 1:
        raise IndexError(f"sample {sample} of {rows:,} rows")
    epoch, place = divmod(sample, rows)
    first = phase = 0
    while place - first >= phases[phase]:
        first += phases[phase]
        phase += 1
    order = _order(phases[phase], seed, epoch * len(phases) + phase)
    return epoch, first + order[place - first]
