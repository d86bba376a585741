"""Words and their statistics against an independent segmenter (uniseg, Unicode 16.0) and plain
Python."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import unicodedata
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.wordbreak import words as uniseg_segments  # type: ignore[import-untyped]

from curate.kernels.measure import FAMILIES, Request, measure
from curate.kernels.words import words as words_of

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}

# One or more characters of every Word_Break value, the joiners between them, and characters at the
# edges of the machines: spaces that hand over, letters that are marks (U+FF9E), Han, Hangul, Thai,
# right-to-left text, astral letters, NUL.
TRICKY = (
    "aZé९0７_‿ﾞﾟアﾊאבعǅ한漢のก𐐀𝟘ℹ©❤👩🏽🇩🇪\U000e0041"
    "\r\n\v\f\x1c\x85\u2028\u2029 \t\u3000\u2003\u00a0\u202f\0\x7f"
    ".:,;'\"’‘·…-—#•٫״\u0301\u200d\ufe0f\u00ad\u200b\u2060"
)
ASCII = "".join(map(chr, range(128)))

any_text = st.text(st.characters(exclude_categories=("Cs", "Cn")))
tricky_text = st.text(st.sampled_from(TRICKY), max_size=60)
ascii_text = st.text(st.sampled_from("aaZ09_.:,;'\" \n-#(" + ASCII), max_size=200)
word_pieces = [
    "the",
    "of",
    "with",
    "That",
    "don't",
    "3.14",
    "a_b",
    "...",
    "…",
    "#",
    "é",
    "한국",
    "x" * 61,
    " " * 17,
    "\n",
]
pieces = st.lists(st.sampled_from([*word_pieces, *TRICKY, *" " * 12]), max_size=80).map("".join)
texts = st.one_of(any_text, tricky_text, ascii_text, pieces)


def reference_words(text: str) -> list[str]:
    return [
        part
        for part in uniseg_segments(text)
        if any(unicodedata.category(c)[0] in "LN" for c in part)
    ]


def reference_statistics(text: str, found: list[str]) -> dict[str, float]:
    words_or_one = max(len(found), 1)
    return {
        "count": len(found),
        "mean_length": sum(map(len, found)) / words_or_one,
        "alphabetic_fraction": sum(any(c.isalpha() for c in word) for word in found) / words_or_one,
        "hash_per_word": text.count("#") / words_or_one,
        "ellipsis_per_word": (text.count("...") + text.count("…")) / words_or_one,
        "stop_words": len(STOP_WORDS & set(found)),
    }


def words(text: pa.Array) -> pa.Array:
    return words_of(text, "uax29_alone")


def word_statistics(text: pa.Array) -> pa.RecordBatch:
    return measure(text, [Request("words")], "uax29_alone")[0]


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


@settings(max_examples=1500, deadline=None)
@given(texts)
def test_words_are_uniseg_segments_with_a_letter_or_number(text: str) -> None:
    assert words(column(text)).to_pylist() == [reference_words(text)]


@settings(max_examples=400, deadline=None)
@given(st.lists(texts, max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_statistics_equal_plain_python_on_sliced_arrays(
    documents: list[str], cut: int, tail: int
) -> None:
    array = column(*documents)
    array = array[cut : max(cut, len(array) - tail)]
    expected = [reference_statistics(text, reference_words(text)) for text in array.to_pylist()]
    result = word_statistics(array)
    assert result.schema == FAMILIES["words"].schema
    assert result.to_pylist() == expected


def test_flores_lines_of_all_languages(test_data: Path) -> None:
    with gzip.open(test_data / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, 0, None, 199)]
    assert len({row["language"] for row in rows}) == 204
    texts = [row["text"] for row in rows]
    assert words(column(*texts)).to_pylist() == [reference_words(text) for text in texts]


def test_every_code_point_alone() -> None:
    characters = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    counts = word_statistics(column(*characters)).column("count").to_pylist()
    categories = [unicodedata.category(character) for character in characters]
    wrong = [
        hex(ord(character))
        for character, count, category in zip(characters, counts, categories, strict=True)
        if category != "Cn" and count != (category[0] in "LN")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (
            "can't stop-at 3,456.78 e.g. a_b __ 10:30",
            ["can't", "stop", "at", "3,456.78", "e.g", "a_b", "10", "30"],
        ),
        ("a.é c:ö 1,٢", ["a.é", "c:ö", "1,٢"]),
        ("x" * 63 + "." + "y é", ["x" * 63 + ".y", "é"]),
        ("x" * 63 + ".é", ["x" * 63 + ".é"]),
        ("  \uff9e", ["  \uff9e"]),
        ("한국어 가나다", ["한국어", "가나다"]),
        ("漢字かな カタカナ", ["漢", "字", "か", "な", "カタカナ"]),
        ('צה"ל', ['צה"ל']),
        ("a²" * 500, ["a", "²"] * 500),  # more than one word per two bytes
    ],
)
def test_known_words(text: str, expected: list[str]) -> None:
    assert words(column(text)).to_pylist() == [expected]


def test_no_word_measures_zero_and_symbols_keep_a_denominator_of_one() -> None:
    rows = word_statistics(column("", " \n", "####", "......")).to_pylist()
    assert [row["mean_length"] for row in rows] == [0, 0, 0, 0]
    assert [row["hash_per_word"] for row in rows] == [0, 0, 4, 0]
    assert [row["ellipsis_per_word"] for row in rows] == [0, 0, 0, 2]


def test_empty_array() -> None:
    assert word_statistics(column()).num_rows == 0
    assert words(column()).to_pylist() == []
    assert word_statistics(column("a")[1:]).num_rows == 0


def test_string_arrays_are_read_and_nulls_are_refused() -> None:
    assert word_statistics(pa.array(["a b"])).column("count").to_pylist() == [2]
    with pytest.raises(ValueError, match="1 nulls"):
        word_statistics(column("a", None))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="combine"):
        word_statistics(pa.chunked_array([column("a")]))
    with pytest.raises(TypeError, match="int64"):
        word_statistics(pa.array([1]))


@pytest.mark.parametrize(
    "damage",
    [b"\xff", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x80"],
)
def test_invalid_utf8_is_named_with_row_and_byte(damage: bytes) -> None:
    raw = b"fine words " + damage
    array = pa.array([b"ok", raw], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 1: invalid UTF-8 at byte 11"):
        word_statistics(array)


@pytest.mark.parametrize(
    "unit", ["a ", "a.", "é ", "한", "#", "..", "\u0301", " ", "\n", "a\u0301.", "🇩", "' é"]
)
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(word_statistics, unit)


MIXED_TEXT = """
import hashlib
import pyarrow as pa
from curate.kernels import _native
from curate.kernels.measure import Request, measure
from curate.kernels.words import words

state, parts = 1, []
alphabet = "abcxyz019_.:,;'-# \\n()\\t" + "é한—’\\u0301"
for index in range(200_000):
    state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
    mixed = index % 3000 < 900
    parts.append(alphabet[(state >> 33) % (len(alphabet) if mixed else 23)])
documents = ["".join(parts[start : start + 700]) for start in range(0, len(parts), 700)]
text = pa.array(documents, pa.large_string())
result = repr([measure(text, [Request("words")])[0].to_pylist(), words(text).to_pylist()])
print(_native.instruction_set(), hashlib.sha256(result.encode()).hexdigest())
"""


def test_portable_and_vector_code_agree() -> None:
    """The same text in a process that may use AVX2 and in one that may not."""
    outputs = {}
    for portable in ("0", "1"):
        environment = {**os.environ, "CURATE_KERNELS_PORTABLE": portable}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        done = subprocess.run(
            [sys.executable, "-c", MIXED_TEXT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        instruction_set, outputs[portable] = done.stdout.split()
        assert portable == "0" or instruction_set == "portable"
    assert outputs["0"] == outputs["1"]
