"""Units of texts against a plain reading, and texts without some of them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.sentences import sentences
from curate.kernels.text_units import (
    UnitSpec,
    normal_forms,
    short_hashes,
    unit_table,
    without_units,
)

LINE_ENDS = ("\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r")
PIECES = st.sampled_from(
    [
        "Career.",
        " a",
        "A",
        "Über 12",
        "٣x",
        "汉语。",
        "ภาษา",
        "!",
        "…",
        "é",
        "e\u0301",
        "İ",
        "ß",
        "\u200d",
        " ",
        "\t",
        "\u3000",
        "",
        "Yes. No. ",
        "One. Two? ",
        *LINE_ENDS,
        "\n\n",
        "\n \n",
        "\U0001f600",
        "\x00",
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
KINDS = ("line", "paragraph", "sentences")


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def normal(text: str) -> str:
    """By the Unicode database of Python, for characters that both versions know."""
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "L":
            kept.append(character.lower())
        elif category[0] == "N":
            kept.append("0")
        elif category[0] == "M":
            kept.append(character)
        elif character.isspace():
            kept.append(" ")
    return " ".join("".join(kept).split())


def plain_units(text: str, kind: str, window: int) -> list[str]:
    """Of what is compared."""
    if kind == "line":
        return [form for line in text.splitlines() if (form := normal(line))]
    if kind == "paragraph":
        found: list[str] = [""]
        for line in text.splitlines():
            found = [*found[:-1], found[-1] + " " + line] if line.strip() else [*found, ""]
        return [form for paragraph in found if (form := normal(paragraph))]
    runs: list[list[str]] = [[]]
    for sentence in sentences(array(text))[0].as_py():
        if not sentence.strip():
            runs += (
                [[]]
                if any(end in sentence for end in ("\n", "\r", "\x85", "\u2028"))
                or set(sentence) & set("\x0b\x0c\x1c")
                else []
            )
        elif form := normal(sentence):
            runs[-1].append(form)
    return [
        "\0".join(run[start : start + window])
        for run in runs
        for start in range(len(run) - window + 1)
    ]


def digest(unit: str, kind: str) -> bytes:
    if kind != "sentences":
        return xxhash.xxh3_128_digest(unit.encode())
    return xxhash.xxh3_128_digest(
        b"".join(xxhash.xxh3_128_digest(part.encode()) for part in unit.split("\0"))
    )


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(TEXTS, max_size=4), window=st.integers(1, 3))
def test_units_are_those_of_a_plain_reading(texts: list[str], kind: str, window: int) -> None:
    table = unit_table(array(*texts), UnitSpec(kind, sentences=window))
    for row, text in enumerate(texts):
        part = slice(table.first[row], table.first[row + 1])
        units = list(dict.fromkeys(plain_units(text, kind, window)))
        assert [found.tobytes() for found in table.digests[part]] == [
            digest(unit, kind) for unit in units
        ]
        assert table.characters[part].tolist() == [len(u.replace("\0", "")) for u in units]


@given(st.lists(TEXTS, max_size=4))
def test_normal_forms(texts: list[str]) -> None:
    assert normal_forms(array(*texts)).to_pylist() == [normal(text) for text in texts]


@given(st.text(st.characters(codec="utf-8")))
@settings(max_examples=50)
def test_any_text_has_units(text: str) -> None:
    for kind in KINDS:
        assert unit_table(array(text), UnitSpec(kind, False, 1)).first[0] == 0


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3), window=st.integers(1, 3), data=st.data())
def test_what_is_removed_is_gone_and_no_unit_is_new(
    texts: list[str], kind: str, window: int, data: st.DataObject
) -> None:
    spec = UnitSpec(kind, sentences=window)
    table = unit_table(array(*texts), spec)
    wanted, first = [], [0]
    for row in range(len(texts)):
        found = short_hashes(table.digests[table.first[row] : table.first[row + 1]]).tolist()
        chosen = data.draw(st.lists(st.sampled_from(found), unique=True)) if found else []
        wanted += sorted(chosen)
        first.append(len(wanted))
    edit = without_units(array(*texts), spec, np.array(first), np.array(wanted, np.int64))
    after = unit_table(edit.text, spec)
    assert sorted(edit.chosen.tolist()) == list(range(len(wanted)))
    for row, text in enumerate(edit.text.to_pylist()):
        gone = set(wanted[first[row] : first[row + 1]])
        old = set(short_hashes(table.digests[table.first[row] : table.first[row + 1]]).tolist())
        left = set(short_hashes(after.digests[after.first[row] : after.first[row + 1]]).tolist())
        assert left <= old - gone
        if kind != "sentences":
            assert left == old - gone
        if not gone:
            assert text == texts[row]
        assert edit.characters_before[row] == len(texts[row])
        assert edit.characters_left[row] == len(text)
        assert text == "" or text.strip() or not gone


@pytest.mark.parametrize(
    ("kind", "text", "unit", "left"),
    [
        ("line", "a\r\nmenu\r\nb", "menu", "a\r\nb"),
        ("line", "menu\n", "menu", ""),
        ("line", "a\nmenu", "menu", "a\n"),
        ("paragraph", "one\ntwo\n\nthree\n\nfour", "three", "one\ntwo\n\nfour"),
        ("paragraph", "one\n\ntwo\nthree\n", "two three", "one\n\n"),
        ("sentences", "Keep. Go 1. Go on. Stay.", "go 0\0go on", "Keep. \n\nStay."),
        ("sentences", "Go 1. Go on. Stay.", "go 0\0go on", "Stay."),
        ("sentences", "Keep.\n\nGo 1. Go on.\n\nStay.", "go 0\0go on", "Keep.\n\n\nStay."),
    ],
)
def test_what_stays_keeps_its_bytes(kind: str, text: str, unit: str, left: str) -> None:
    wanted = short_hashes(np.frombuffer(digest(unit, kind), np.uint8).reshape(1, 16))
    edit = without_units(array(text), UnitSpec(kind, sentences=2), np.array([0, 1]), wanted)
    assert edit.text.to_pylist() == [left]
    assert normal_forms(edit.examples).to_pylist() == [unit.replace("\0", " ")]


def test_lists_that_do_not_fit_are_refused() -> None:
    for first in ([0], [0, 2], [1, 0], [-1, 1]):
        with pytest.raises(ValueError, match="list"):
            without_units(array("a"), UnitSpec("line"), np.array(first), np.zeros(1, np.int64))
