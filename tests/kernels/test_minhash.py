"""Signatures against datasketch, shingles against plain Python, sets and similarities against
Python's own.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash, MinHashLSH
from datasketch.hashfunc import sha1_hash32
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.minhash import (
    Bands,
    ShingleSpec,
    band_keys,
    jaccard,
    minhash_signatures,
    optimal_bands,
    permutations,
    shingle_hash,
    shingle_sets,
)
from curate.kernels.words import words

HANGUL = range(0xAC00, 0xD7A4)


def is_old(character: str) -> bool:
    """Assigned in the Unicode version of the running Python, and no surrogate."""
    return unicodedata.category(character) not in ("Cn", "Cs")


points = st.one_of(
    st.sampled_from(
        list("aabcdeéèÅİſßΩσς 019٣_.,'!?-+€\t\n\u00a0\u3000\u0301\u200d한ㅏ我们日本語กา😀ǅ")
    ),
    st.characters(codec="utf-8").filter(is_old),
)
texts = st.lists(
    st.one_of(
        st.text(points, max_size=60),
        st.lists(st.sampled_from("the cat sat's 3.14 été over_it and 1,000 U.S.A".split())).map(
            " ".join
        ),
    ),
    max_size=4,
)
specs = st.builds(
    ShingleSpec,
    unit=st.sampled_from(["words", "characters"]),
    size=st.integers(1, 4),
    characters_without_words=st.integers(0, 4),
    lower_case=st.booleans(),
    remove_punctuation=st.booleans(),
    zero_numbers=st.booleans(),
    strip_accents=st.booleans(),
    spaces=st.sampled_from(["collapse", "keep", "remove"]),
    max_shingles=st.sampled_from([1, 2, 5, 100_000]),
    hash=st.sampled_from(["xxh3", "sha1"]),
)


def normal(text: str, spec: ShingleSpec, drop_punctuation: bool) -> str:
    """The documentation of the kernel, one step after the other."""
    out = ""
    for character in text:
        category = unicodedata.category(character)
        if spec.remove_punctuation and category[0] in "PS":
            out += "" if drop_punctuation else " "
        elif character.isspace():
            out += character
        elif spec.zero_numbers and category == "Nd":
            out += "\0"
        else:
            for part in character.lower() if spec.lower_case else character:
                whole = part
                if spec.strip_accents and ord(part) not in HANGUL:
                    whole = unicodedata.normalize("NFD", part)
                out += "".join(
                    c for c in whole if not spec.strip_accents or unicodedata.category(c) != "Mn"
                )
    return out


def pieces(text: str, spec: ShingleSpec) -> tuple[list[str], int, str]:
    """Words or characters, how many make a shingle, and what stands between them."""
    if spec.unit == "words":
        found = words(pa.array([text], pa.large_string()))[0].as_py()
        return [re.sub("\0+", "0", normal(word, spec, True)) for word in found], spec.size, " "
    text = normal(text, spec, False)
    if spec.spaces == "collapse":
        text = " ".join(text.split())
    elif spec.spaces == "remove":
        text = "".join(text.split())
    return list(re.sub("\0+", "0", text)), spec.size, ""


def shingles(text: str, spec: ShingleSpec) -> list[bytes]:
    parts, size, between = pieces(text, spec)
    every = [between.join(parts[at : at + size]) for at in range(len(parts) - size + 1)]
    return [shingle.encode() for shingle in every]


def hashed(shingle: bytes, spec: ShingleSpec) -> int:
    return shingle_hash(shingle) if spec.hash == "xxh3" else sha1_hash32(shingle)


def known(text: str) -> bool:
    """Plain Python has no dictionary to say which words are unknown."""
    return not re.search(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]", text)


@settings(deadline=None, max_examples=60)
@given(texts, specs)
def test_signatures_are_those_of_datasketch(documents: list[str], spec: ShingleSpec) -> None:
    documents = [text for text in documents if "\0" not in text]
    if spec.unit == "words":
        documents = [text for text in documents if known(text)]
    values, facts = minhash_signatures(
        pa.array(documents, pa.large_string()), spec, permutations(40, 7)
    )
    for row, text in enumerate(documents):
        every = shingles(text, spec)
        reference = MinHash(
            40, seed=7, scheme="affine32", hashfunc=lambda shingle: hashed(shingle, spec)
        )
        reference.update_batch(every[: spec.max_shingles])
        assert values[row].tolist() == reference.hashvalues.tolist()
        assert facts.shingles[row] == min(len(every), spec.max_shingles)
        assert facts.capped[row] == (len(every) > spec.max_shingles)


def test_sha1_is_datasketch_without_arguments() -> None:
    spec = ShingleSpec(size=2, hash="sha1")
    text = "one two three four " * 3 + "x" * 100
    values, _ = minhash_signatures(pa.array([text]), spec, permutations(128, 1))
    reference = MinHash()
    reference.update_batch(shingles(text, spec))
    assert values[0].tolist() == reference.hashvalues.tolist()


@given(st.binary(max_size=200))
def test_shingle_hash_is_half_of_xxh3(shingle: bytes) -> None:
    assert shingle_hash(shingle) == xxhash.xxh3_64_intdigest(shingle) & 0xFFFFFFFF


@given(st.binary(max_size=300))
def test_sha1_is_that_of_python(shingle: bytes) -> None:
    from curate.kernels import _native

    expected = int.from_bytes(hashlib.sha1(shingle).digest()[:4], "little")
    assert _native.shingle_hash(shingle, True) == expected


def test_the_optimiser_is_that_of_datasketch() -> None:
    for threshold in (0.5, 0.7, 0.75, 0.8, 0.9):
        lsh = MinHashLSH(threshold=threshold, num_perm=128)
        assert optimal_bands(threshold, 128) == (lsh.b, lsh.r)


@settings(deadline=None, max_examples=60)
@given(texts, st.integers(1, 5), st.integers(1, 4), st.booleans(), st.booleans())
def test_a_band_key_hashes_salt_and_values(
    documents: list[str], bands: int, rows: int, wide: bool, salted: bool
) -> None:
    text = pa.array(documents, pa.large_string())
    spec, functions = ShingleSpec(size=1), permutations(20, 1)
    salts = np.arange(16 * len(documents), dtype=np.uint8).reshape(-1, 16) if salted else None
    shape = Bands(bands, rows, wide)
    keys, facts = band_keys(text, spec, functions, shape, salts)
    values, other = minhash_signatures(text, spec, functions)
    assert keys.shape == (len(documents), shape.keys, 16)
    assert facts.content.tolist() == other.content.tolist()
    for row in range(len(documents)):
        salt = b"" if salts is None else salts[row].tobytes()
        parts = [values[row, band * rows : (band + 1) * rows] for band in range(bands)]
        if wide:
            parts += [
                np.concatenate(two) for n, two in enumerate(pairwise(parts[:bands])) if n % 2 == 0
            ]
        for number, part in enumerate(parts):
            expected = xxhash.xxh3_128_digest(salt + part.astype("<u4").tobytes(), seed=number)
            assert keys[row, number].tobytes() == expected


@settings(deadline=None, max_examples=60)
@given(texts, specs)
def test_sets_are_sorted_distinct_hashes(documents: list[str], spec: ShingleSpec) -> None:
    documents = [text for text in documents if known(text) and "\0" not in text]
    sets = shingle_sets(pa.array(documents, pa.large_string()), spec)
    for row, text in enumerate(documents):
        expected = sorted({hashed(s, spec) for s in shingles(text, spec)[: spec.max_shingles]})
        assert np.frombuffer(sets[row].as_py(), "<u4").tolist() == expected


numbers = st.sets(st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1)), max_size=60)


@given(st.lists(numbers, min_size=1, max_size=5), st.data())
def test_jaccard_is_exact(sets: list[set[int]], data: st.DataObject) -> None:
    row = st.integers(0, len(sets) - 1)
    pairs = data.draw(st.lists(st.tuples(row, row)))
    packed = pa.array(
        [b"", *(np.array(sorted(each), "<u4").tobytes() for each in sets)], pa.large_binary()
    )[1:]
    left, right = (
        np.array(side, np.int64) for side in ([p[0] for p in pairs], [p[1] for p in pairs])
    )
    found = jaccard(packed, left, right)
    for value, (a, b) in zip(found, pairs, strict=True):
        union = sets[a] | sets[b]
        assert value == (len(sets[a] & sets[b]) / len(union) if union else 0.0)


def test_large_sets_are_sorted_too() -> None:
    text = " ".join(f"w{n * 7919 % 5003}x" for n in range(9000))
    spec = ShingleSpec(size=1, zero_numbers=False)
    (found,) = shingle_sets(pa.array([text]), spec).to_pylist()
    values = np.frombuffer(found, "<u4")
    assert len(values) == 5003
    assert (values[1:] > values[:-1]).all()


def test_texts_without_known_words_have_shingles_of_characters() -> None:
    text = pa.array(["ᦵᦙᦲᧂ ᦶᦂᧃ ᦵᦙᦲᧂ"], pa.large_string())  # New Tai Lue: no dictionary has it
    _, facts = minhash_signatures(text, ShingleSpec(characters_without_words=4), permutations(8, 1))
    characters = ShingleSpec(unit="characters", size=4)
    assert (
        facts.shingles.tolist()
        == minhash_signatures(text, characters, permutations(8, 1))[1].shingles.tolist()
    )
    assert facts.shingles[0] > 0
    _, none = minhash_signatures(text, ShingleSpec(characters_without_words=0), permutations(8, 1))
    assert none.shingles.tolist() == [0]


def test_equal_content_means_equal_shingles() -> None:
    spec = ShingleSpec(size=2)
    same = pa.array(["The café, at 12 o'clock", "the  CAFE at 3 oclock!", "the cafe at three"])
    _, facts = minhash_signatures(same, spec, permutations(8, 1))
    assert facts.content[0] == facts.content[1] != facts.content[2]


def test_what_lies_behind_the_last_shingle_is_no_content() -> None:
    spec = ShingleSpec(size=2, max_shingles=3)
    _, facts = minhash_signatures(
        pa.array(["a b c d", "a b c d e", "a b c d e f g", "a b c e"]), spec, permutations(8, 1)
    )
    assert facts.capped.tolist() == [False, True, True, False]
    assert len(set(facts.content.tolist())) == 2


def test_bad_arguments_are_refused() -> None:
    text = pa.array(["a"], pa.large_string())
    with pytest.raises(ValueError, match="bands x rows"):
        band_keys(text, ShingleSpec(), permutations(8, 1), Bands(3, 3))
    with pytest.raises(ValueError, match="16 bytes per document"):
        band_keys(text, ShingleSpec(), permutations(8, 1), Bands(2, 3), np.zeros((2, 16), np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        shingle_sets(text, ShingleSpec(size=0))
    with pytest.raises(ValueError, match="names no set"):
        jaccard(pa.array([b""], pa.large_binary()), np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match="32-bit"):
        jaccard(pa.array([b"abc"], pa.large_binary()), np.array([0]), np.array([0]))


HASH_EVERYTHING = """
import numpy as np, xxhash, pyarrow as pa
from curate.kernels import _native
from curate.kernels.minhash import *
text = pa.array([" ".join(f"w{n * k % 977}é" for n in range(k * 300)) for k in range(9)])
digest = xxhash.xxh3_128()
for count in (1, 8, 33, 128):
    odd = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) | np.uint32(1)
    functions = Permutations(odd, odd[::-1].copy())  # without datasketch, which imports SciPy
    values, _ = minhash_signatures(text, ShingleSpec(zero_numbers=False), functions)
    digest.update(values.tobytes())
print(_native.instruction_set(), digest.hexdigest())
"""


def test_portable_and_vector_code_agree() -> None:
    outputs = {}
    for portable in ("0", "1"):
        environment = {**os.environ, "CURATE_KERNELS_PORTABLE": portable}
        done = subprocess.run(
            [sys.executable, "-c", HASH_EVERYTHING],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        instruction_set, outputs[portable] = done.stdout.split()
        assert portable == "0" or instruction_set == "portable"
    assert outputs["0"] == outputs["1"]
