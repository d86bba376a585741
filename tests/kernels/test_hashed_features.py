"""Bags and vectors against a plain Python reading of their definition, on any Unicode."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.hashed_features import (
    FeatureSpec,
    Projection,
    embedded_features,
    hashed_features,
)
from curate.kernels.normalize import normalized_text
from curate.kernels.words import words

TEXTS = (
    "",
    " .,;\n",
    "one",
    "The cat, the CAT and the dog",
    "Don't stop: 3,14 ΣΊΣΥΦΟΣ İstanbul Straße",
    "日本語のテキスト and カタカナ",
    "a\u0301b e\u0301 👩‍🔬 \U0001f1e9\U0001f1ea",
    "x" * 5000,
)


def bag(text: str, spec: FeatureSpec) -> Counter[int]:
    column = normalized_text(words(pa.array([text], pa.large_string()), "uax29_alone")[0].values)
    lowered = column.to_pylist()
    features = [(word, 1) for word in lowered]
    if spec.word_pairs:
        features += [(f"{a} {b}", 2) for a, b in itertools.pairwise(lowered)]
    joined = "".join(f"{word} " for word in lowered)
    if spec.characters:
        features += [
            (joined[start : start + spec.characters], 3)
            for start in range(len(joined) - spec.characters + 1)
        ]
    return Counter(
        xxhash.xxh3_64_intdigest(feature.encode(), kind) >> (64 - spec.bucket_bits)
        for feature, kind in features
    )


def bags(texts: list[str], spec: FeatureSpec) -> list[Counter[int]]:
    found = hashed_features(pa.array(texts, pa.large_string()), spec)
    pairs = list(zip(found.buckets.tolist(), found.counts.tolist(), strict=True))
    cut = [pairs[a:b] for a, b in zip(found.first, found.first[1:], strict=False)]
    assert all(len(dict(each)) == len(each) for each in cut)
    return [Counter(dict(each)) for each in cut]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("characters", [0, 1, 4])
def test_bags_of_chosen_texts(pairs: bool, characters: int) -> None:
    spec = FeatureSpec(10, pairs, characters)
    assert bags(list(TEXTS), spec) == [bag(text, spec) for text in TEXTS]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=4), st.integers(0, 5))
def test_bags_of_any_text(texts: list[str], characters: int) -> None:
    spec = FeatureSpec(8, True, characters)
    assert bags(texts, spec) == [bag(text, spec) for text in texts]


def projection(spec: FeatureSpec, dimensions: int) -> Projection:
    numbers = np.arange((1 << spec.bucket_bits) * dimensions, dtype=np.uint64)
    numbers = numbers * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(56)
    table = (numbers.astype(np.int64) - 128).clip(-127).astype(np.int8).reshape(-1, dimensions)
    weights = (np.arange(1 << spec.bucket_bits) * 40_503 % 65_536).astype(np.uint16)
    return Projection(weights, np.array([256, 433, 537, 4095], np.uint16), table)


def vector(text: str, spec: FeatureSpec, by: Projection) -> list[int]:
    total = [0] * by.table.shape[1]
    for bucket, count in bag(text, spec).items():
        count_weight = int(by.count_weights[min(count, len(by.count_weights)) - 1])
        weight = (count_weight * int(by.weights[bucket]) + 4096) >> 13
        total = [a + weight * int(b) for a, b in zip(total, by.table[bucket], strict=True)]
    largest = max(map(abs, total))
    sizes = [(254 * abs(each) + largest) // (2 * largest) if largest else 0 for each in total]
    return [-size if each < 0 else size for size, each in zip(sizes, total, strict=True)]


@pytest.mark.parametrize("dimensions", [1, 7, 64, 128])
def test_vectors(dimensions: int) -> None:
    spec = FeatureSpec(12, True, 3)
    by = projection(spec, dimensions)
    long = " ".join(f"word{number}" for number in range(3000))
    texts = [*TEXTS, long]
    found = embedded_features(pa.array(texts, pa.large_string()), spec, by)
    assert found.dtype == np.int8
    assert found.tolist() == [vector(text, spec, by) for text in texts]
    assert not found[0].any() and not found[1].any()


def test_a_slice_gives_its_rows() -> None:
    spec = FeatureSpec(10, True, 3)
    column = pa.array(TEXTS, pa.large_string())
    whole = embedded_features(column, spec, projection(spec, 16))
    part = embedded_features(column.slice(2, 4), spec, projection(spec, 16))
    assert (whole[2:6] == part).all()


PORTABLE = """
import hashlib, pyarrow as pa, test_hashed_features as t
spec = t.FeatureSpec(12, True, 3)
found = t.embedded_features(pa.array(t.TEXTS, pa.large_string()), spec, t.projection(spec, 100))
print(hashlib.sha256(found.tobytes()).hexdigest())
"""


def test_the_portable_form_gives_the_same() -> None:
    digests = set()
    for portable in ("0", "1"):
        environment = os.environ | {"CURATE_KERNELS_PORTABLE": portable}
        path = [os.path.dirname(__file__), *filter(None, sys.path)]
        environment["PYTHONPATH"] = os.pathsep.join(path)
        command = [sys.executable, "-c", PORTABLE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("spec", [FeatureSpec(0, True, 3), FeatureSpec(25, True, 3)])
def test_a_spec_out_of_range_is_refused(spec: FeatureSpec) -> None:
    with pytest.raises(ValueError, match="bucket bits"):
        hashed_features(pa.array(["a"], pa.large_string()), spec)


def test_tables_of_another_shape_are_refused() -> None:
    spec = FeatureSpec(10, True, 3)
    with pytest.raises(ValueError, match="one row per bucket"):
        embedded_features(
            pa.array(["a"], pa.large_string()), spec._replace(bucket_bits=9), projection(spec, 4)
        )


def test_nulls_and_broken_utf8_are_refused() -> None:
    spec = FeatureSpec(10, True, 3)
    with pytest.raises(ValueError, match="null"):
        hashed_features(pa.array([None], pa.large_string()), spec)
    broken = pa.LargeStringArray.from_buffers(
        1, pa.py_buffer(np.array([0, 2], np.int64)), pa.py_buffer(b"\xff\xfe")
    )
    with pytest.raises(ValueError, match="row 0"):
        hashed_features(broken, spec)
