"""`draw`: the only source of chance. A fixed function of seed, purpose and key, so a result never
depends on order.

`draw(seed, purpose, key) = XXH3-64(le64(seed) ‖ purpose ‖ 0x00 ‖ key)`, compared as an integer.
Purposes are independent of each other. Cost: about 30 ns per key.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers

DRAWS = 1 << 64
"""Number of equally likely values of a draw."""


class Purpose(StrEnum):
    """What a draw decides."""

    SAMPLE = "sample"
    SPLIT = "split"
    MIXTURE = "mixture"
    KEEP = "keep"
    PACK = "pack"
    FIT = "fit"


def _prefix(seed: int, purpose: Purpose | str) -> bytes:
    if not 0 <= seed < DRAWS:
        raise ValueError(f"seed must be between 0 and 2^64 - 1, not {seed}")
    return seed.to_bytes(8, "little") + Purpose(purpose).value.encode("ascii") + b"\0"


def draw(seed: int, purpose: Purpose | str, key: str) -> int:
    """An integer in [0, 2^64), the same on every machine. Raises ValueError for an unknown purpose
    or a seed out of range."""
    return int(draw_many(seed, purpose, pa.array([key], pa.large_string()))[0])


def draw_many(
    seed: int, purpose: Purpose | str, keys: pa.StringArray | pa.LargeStringArray
) -> np.ndarray:
    """uint64[n]: `draw` of every key. Raises ValueError for nulls, an unknown purpose or a seed out
    of range."""
    values: np.ndarray = _native.prefixed_hash_64(_prefix(seed, purpose), *text_buffers(keys))
    return values


def below(rate: float | Fraction) -> int:
    """The integer threshold t in [0, 2^64] for which `draw < t` happens at exactly `rate` (rounded
    down to 2^-64).

    Raises ValueError unless 0 <= rate <= 1.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate lies between 0 and 1, not {rate}")
    return int(Fraction(rate) * DRAWS)


def selected(values: np.ndarray, rate: float | Fraction) -> np.ndarray:
    """bool[n]: which of the uint64 draws fall below `rate`. A rate of 1 selects all, a rate of 0
    none."""
    threshold = below(rate)
    if threshold == DRAWS:
        return np.ones(values.shape, dtype=np.bool_)
    result: np.ndarray = values < np.uint64(threshold)
    return result
