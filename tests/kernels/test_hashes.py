"""Text hashes and draws against the `xxhash` package, and what draws promise."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import build_digest
from curate.kernels.draw import Purpose, below, draw, draw_many, selected
from curate.kernels.hashes import text_hash_128

any_text = st.text(st.characters(codec="utf-8"))
documents = st.lists(st.one_of(any_text, st.integers(0, 2000).map("é1".__mul__)), max_size=6)


@settings(deadline=None)
@given(documents, st.integers(0, 2))
def test_text_hash_is_xxh3_128_on_sliced_arrays(texts: list[str], cut: int) -> None:
    array = pa.array(texts, pa.large_string())[cut:]
    result = text_hash_128(array)
    assert result.type == pa.binary(16)
    assert result.to_pylist() == [
        xxhash.xxh3_128_digest(text.encode()) for text in array.to_pylist()
    ]


@settings(deadline=None)
@given(
    st.integers(0, 2**64 - 1), st.sampled_from(Purpose), st.lists(any_text, min_size=1, max_size=5)
)
def test_draw_is_its_definition(seed: int, purpose: Purpose, keys: list[str]) -> None:
    prefix = seed.to_bytes(8, "little") + purpose.value.encode() + b"\0"
    expected = [xxhash.xxh3_64_intdigest(prefix + key.encode()) for key in keys]
    assert draw_many(seed, purpose, pa.array(keys)).tolist() == expected
    assert draw_many(seed, purpose, pa.array(keys, pa.large_string())).tolist() == expected
    assert [draw(seed, purpose.value, key) for key in keys] == expected


def test_known_values_never_change() -> None:
    assert draw(17, "sample", "web/crawl.warc.gz#0") == 4663933361921023229
    assert (
        text_hash_128(pa.array([""], pa.large_string()))[0].as_py().hex()
        == "99aa06d3014798d86001c324468d497f"
    )


def test_purposes_and_seeds_are_independent() -> None:
    keys = pa.array([f"web/part-{index % 7}.parquet#{index}" for index in range(20_000)])
    columns = [
        selected(draw_many(seed, purpose, keys), 0.5) for seed in (0, 17) for purpose in Purpose
    ]
    for column in columns:
        assert abs(column.mean() - 0.5) < 0.02
    for left, right in combinations(columns, 2):
        assert abs((left == right).mean() - 0.5) < 0.02


def test_thresholds_are_exact_integers() -> None:
    assert [below(0), below(0.5), below(1)] == [0, 1 << 63, 1 << 64]
    assert below(Fraction(1, 3)) == (1 << 64) // 3
    extremes = np.array([0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1], dtype=np.uint64)
    assert selected(extremes, 0).tolist() == [False] * 4
    assert selected(extremes, 0.5).tolist() == [True, True, False, False]
    assert selected(extremes, 1).tolist() == [True] * 4
    assert selected(extremes, Fraction((1 << 64) - 1, 1 << 64)).tolist() == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_rates_outside_zero_to_one_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        below(rate)


def test_wrong_seeds_purposes_and_keys_are_refused() -> None:
    for seed in (-1, 1 << 64):
        with pytest.raises(ValueError, match="seed"):
            draw(seed, "sample", "a")
    with pytest.raises(ValueError, match="samples"):
        draw(1, "samples", "a")
    with pytest.raises(ValueError, match="nulls"):
        draw_many(1, "sample", pa.array(["a", None]))


def test_build_digest_is_a_sha256() -> None:
    assert len(bytes.fromhex(build_digest())) == 32
