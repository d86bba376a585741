"""Sentences against the rules of UAX #29 written down one by one, and against uniseg."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.sentencebreak import sentence_break
from uniseg.sentencebreak import sentences as uniseg_sentences

from curate.kernels.sentences import sentence_counts, sentences

CODES = {
    "Other": "x",
    "CR": "c",
    "LF": "n",
    "Sep": "s",
    "Extend": "e",
    "Format": "f",
    "Sp": " ",
    "Lower": "l",
    "Upper": "U",
    "OLetter": "o",
    "Numeric": "9",
    "ATerm": ".",
    "SContinue": ",",
    "STerm": "!",
    "Close": ")",
}
SKIPPED = re.compile("(?<=[^cnsef])[ef]+")
UNIT_RULES = [
    # (what stands before, what follows, whether there is a boundary); SB6 to SB11, `-` for nothing.
    (r"\.$", r"9", False),
    (r"[Ul]\.$", r"U", False),
    (r"\.\)* *$", r"[^oUlcns.!]*l", False),
    (r"[.!]\)* *$", r"[,.!]", False),
    (r"[.!]\)*$", r"[) cns]", False),
    (r"[.!]\)* *$", r"[ cns]", False),
    (r"[.!]\)* *[cns]?$", r"", True),
]
PIECES = [
    *("a", "B", "é", "İ", "ß", "ǅ", "한", "中", "ฎ", "ა", "Ⓐ", "9", "٣", ".", "․", "。", "!", "?"),
    *(
        "।",
        "؟",
        "…",
        ",",
        "-",
        ":",
        "、",
        ")",
        "(",
        '"',
        "'",
        "»",
        "”",
        " ",
        "\t",
        "\u00a0",
        "\u3000",
    ),
    *("\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\v", "\x1c", "\u0301", "\u200d", "\u00ad"),
    *("\ufeff", "\u05d0", "\0", "#", "😀", "𝐀", "𝟗", "\U0010ffff", ". ", "? ", "U.S", "e.g. "),
]

any_text = st.text(st.characters(codec="utf-8"), max_size=30)
built = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@cache
def kind(character: str) -> str:
    """The name of its Sentence_Break value."""
    return str(sentence_break(character).value)


def boundary(codes: str, position: int) -> bool:
    """Whether rules SB3 to SB998 find a boundary in front of `position`."""
    before, after = codes[:position], codes[position:]
    if before[-1] == "c" and after[0] == "n":
        return False
    if before[-1] in "cns":
        return True
    if after[0] in "ef":
        return False
    # SB5: Extend and Format are as if they were not there.
    before, after = SKIPPED.sub("", before), SKIPPED.sub("", after)
    for left, right, answer in UNIT_RULES:
        if re.search(left, before) and re.match(right, after):
            return answer
    return False


def reference(text: str) -> list[str]:
    codes = "".join(CODES[kind(character)] for character in text)
    cuts = [position for position in range(1, len(text)) if boundary(codes, position)]
    edges = [0, *cuts, len(text)] if text else []
    return [text[begin:end] for begin, end in pairwise(edges)]


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


@settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(any_text, built), max_size=4), st.integers(0, 2))
def test_sentences_equal_the_rules_on_sliced_arrays(documents: list[str], cut: int) -> None:
    array = column(*documents)[cut:]
    expected = [reference(text) for text in array.to_pylist()]
    assert sentences(array).to_pylist() == expected
    counts = [sum(bool(piece.strip()) for piece in pieces) for pieces in expected]
    assert sentence_counts(array).to_pylist() == counts


@settings(max_examples=200, deadline=None)
@given(built)
def test_sentences_equal_uniseg_where_it_follows_the_rules(text: str) -> None:
    """uniseg 0.10.1 lets Sentence_Break=Other end the look-ahead of SB8; the rule does not."""
    text = "".join(c for c in text if kind(c) != "Other")
    assert sentences(column(text))[0].as_py() == list(uniseg_sentences(text))


def test_every_character_has_its_property() -> None:
    """`a.` before it, `b` behind: both boundaries together tell the kinds apart."""
    planes = (range(0xD800), range(0xE000, 0x20000), range(0xE0000, 0xE0200))
    points = [chr(n) for plane in planes for n in plane]
    texts = [f"{c}.{c}A" for c in points]
    kinds = {kind(c): c for c in points}
    by_kind = {name: [len(s) for s in reference(f"{c}.{c}A")] for name, c in kinds.items()}
    found = sentences(column(*texts)).to_pylist()
    wrong = [
        hex(ord(c))
        for c, pieces in zip(points, found, strict=True)
        if [len(piece) for piece in pieces] != by_kind[kind(c)]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("  \n\u2028 ", 0),
        ("one", 1),
        ("One. Two? Three!", 3),
        ("It is 3.5 m. long, e.g. here. 2 More.", 2),
        ("He said “Go!” and left. (She stayed.) End", 4),
        ("Dr. Smith works in the U.S. today", 2),
        ("第一。第二！", 2),
        ("a\r\nb\rc\n\nd", 4),
    ],
)
def test_counts(text: str, count: int) -> None:
    assert sentence_counts(column(text)).to_pylist() == [count]


@pytest.mark.parametrize(
    "unit", ["a a", ".", ". ", ".1 ", "? ", "\n", ". é", "。", "#", ".\u0301(", "A. "]
)
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(sentence_counts, unit)


def test_nulls_and_invalid_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        sentence_counts(column("a", None))  # type: ignore[arg-type]
    damaged = pa.array([b"a\n\xff"], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 0: invalid UTF-8 at byte 2"):
        sentence_counts(damaged)
