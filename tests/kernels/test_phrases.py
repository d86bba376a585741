"""Phrase matches against a plain Python reference on random text and lists."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.wordbreak import word_break

from curate.kernels.phrases import PhraseCounts, PhraseLines, PhraseSet

LETTERS = [
    "a",
    "b",
    "A",
    "B",
    "é",
    "É",
    "σ",
    "ς",
    "Σ",
    "İ",
    "ı",
    "i",
    "K",
    "k",
    "Ⱥ",
    "ⱥ",
    "한",
    "中",
]
LETTERS += ["𐐀", "𐐨", "\u0915", "Ⓐ", "ⓐ"]
OTHERS = [" ", ".", "_", "1", "\u00a0", "\u0301", "\u093f", "\u200d", "\u200b", "😀", "\0", "٣"]
LINE_ENDS = ["\n", "\n\n", "\r\n", "\r", "\u2028", "\x85", " \n"]

# Characters that this Python's Unicode does not know yet may be letters for ours.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cn", "Cs"))

texts = st.one_of(
    st.lists(st.sampled_from(LETTERS + OTHERS + LINE_ENDS), max_size=40).map("".join),
    st.text(CHARACTERS, max_size=30),
)
phrases = st.lists(
    st.one_of(
        st.lists(st.sampled_from(LETTERS + OTHERS), min_size=1, max_size=4).map("".join),
        st.text(CHARACTERS, min_size=1, max_size=3),
    ).filter(lambda phrase: bool(phrase.strip()) and phrase.splitlines() == [phrase]),
    max_size=8,
)


def fold(text: str) -> str:
    lower = "".join({"İ": "i", "ς": "σ"}.get(each, each.lower()) for each in text)
    assert len(lower) == len(text)
    return lower


def is_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LN"


def is_mark(character: str) -> bool:
    return bool(word_break(character).value == "Extend")


def may_begin(text: str, position: int) -> bool:
    for before in reversed(text[max(0, position - 31) : position]):
        if not is_mark(before):
            return not is_word(before)
    return position < 31


def may_end(text: str, position: int) -> bool:
    return position == len(text) or not (is_word(text[position]) or is_mark(text[position]))


def matches(
    text: str, listed: list[tuple[int, str]], ignore_case: bool, whole_words: bool
) -> list[tuple[int, int, int]]:
    """(begin, end, phrase): leftmost, then longest, without overlap."""
    read = fold(text) if ignore_case else text
    found = []
    for index, phrase in listed:
        wanted = fold(phrase) if ignore_case else phrase
        for hit in re.finditer(f"(?={re.escape(wanted)})", read):
            begin, end = hit.start(), hit.start() + len(wanted)
            if not whole_words or (may_begin(read, begin) and may_end(read, end)):
                found.append((begin, -end, index))
    chosen: list[tuple[int, int, int]] = []
    for begin, minus_end, index in sorted(found):
        if not chosen or begin >= chosen[-1][1]:
            chosen.append((begin, -minus_end, index))
    return chosen


@dataclass
class Places:
    """Line and paragraph of every character; -1 for the paragraph of a blank line."""

    line: list[int]
    paragraph: list[int]
    lines: int
    paragraphs: int


def places(text: str) -> Places:
    found = Places([], [], 0, 0)
    in_paragraph = False
    for number, line in enumerate(text.splitlines(keepends=True)):
        has_text = bool(line.strip())
        found.paragraphs += has_text and not in_paragraph
        found.lines += has_text
        in_paragraph = has_text
        found.line += [number] * len(line)
        found.paragraph += [found.paragraphs - 1 if has_text else -1] * len(line)
    return found


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


@settings(max_examples=700, deadline=None)
@given(
    st.lists(texts, max_size=4), phrases, st.booleans(), st.booleans(), st.integers(1, 3), st.data()
)
def test_matches_equal_plain_python(
    documents: list[str],
    listed: list[str],
    ignore_case: bool,
    whole_words: bool,
    groups: int,
    data: st.DataObject,
) -> None:
    group = data.draw(
        st.lists(st.integers(0, groups - 1), min_size=len(listed), max_size=len(listed))
    )
    made = PhraseSet(
        listed, groups=group, group_count=groups, ignore_case=ignore_case, whole_words=whole_words
    )
    cut = data.draw(st.integers(0, len(documents)))
    array = column(*documents)[cut:]
    counts, lines = made.counts(array), made.lines(array)
    for row, text in enumerate(array.to_pylist()):
        numbered = list(enumerate(listed))
        every = matches(text, numbered, ignore_case, whole_words)
        assert counts.count[row] == len(every)
        assert counts.characters[row] == sum(end - begin for begin, end, _ in every)
        assert counts.first[row] == (every[0][2] if every else -1)
        assert counts.text_characters[row] == len(text)
        where = places(text)
        assert (lines.lines[row], lines.paragraphs[row]) == (where.lines, where.paragraphs)
        for number in range(groups):
            own = [entry for entry in numbered if group[entry[0]] == number]
            hits = matches(text, own, ignore_case, whole_words)
            assert counts.by_group[row, number] == len(hits)
            in_lines = {where.line[end - 1] for _, end, _ in hits}
            in_paragraphs = {where.paragraph[end - 1] for _, end, _ in hits}
            assert lines.lines_with[row, number] == len(in_lines)
            assert lines.paragraphs_with[row, number] == len(in_paragraphs)
            assert lines.first_paragraph[row, number] == (0 in in_paragraphs)
            assert lines.last_paragraph[row, number] == (where.paragraphs - 1 in in_paragraphs)


def test_every_character_folds_and_bounds_words_as_python_says() -> None:
    """One text per character of the language's own Unicode version that both sides know."""
    points = [
        chr(point)
        for point in range(sys.maxunicode + 1)
        if not 0xD800 <= point < 0xE000 and unicodedata.category(chr(point)) != "Cn"
    ]
    wanted = [point for point in points if point.strip() and point.splitlines() == [point]]
    upper = PhraseSet([fold(point) for point in wanted]).counts(column("".join(wanted)))
    assert upper.count[0] == len(wanted)
    inside = PhraseSet(["xyx"], whole_words=True)
    before = inside.counts(column(*(f"a{point}xyx" for point in points))).count
    assert before.tolist() == [int(not (is_word(p) or is_mark(p))) for p in points]
    behind = inside.counts(column(*(f"xyx{point}" for point in points))).count
    assert behind.tolist() == [int(not (is_word(p) or is_mark(p))) for p in points]


@pytest.mark.parametrize(
    ("text", "listed", "count"),
    [
        ("Straße STRASSE", ["straße"], 1),
        ("ΛΟΓΟΣ λόγος λογοσ", ["λογος"], 2),
        ("İstanbul ISTANBUL ıstanbul", ["istanbul"], 2),
        ("the cat, the\u00a0cat's cat_ cat2 scat \u201ccat\u201d", ["cat"], 3),
        ("👍🏽cat a\u0301cat cat\u0301", ["cat"], 1),
        ("it's as an AI language model", ["as an ai", "as an ai language model"], 1),
        ("aaaa", ["aa"], 0),
        ("aa aa-aa", ["aa", "aa aa"], 2),
    ],
)
def test_whole_words_in_many_scripts(text: str, listed: list[str], count: int) -> None:
    found = PhraseSet(listed, whole_words=True).counts(column(text))
    assert found.count.tolist() == [count]


def test_an_early_match_does_not_hide_a_longer_one_that_began_before() -> None:
    made = PhraseSet(["b", "abcd", "cde"])
    found = made.counts(column("abcde", "abcx", "xabcdeb"))
    assert found.count.tolist() == [1, 1, 2]
    assert found.first.tolist() == [1, 0, 1]


def test_lists_too_large_for_full_rows_match_as_well() -> None:
    """60,000 phrases make more states than the transition table holds."""
    listed = [f"{number:x}-{number * 7919 % 100_003:x}中文" for number in range(60_000)]
    text = " ".join(listed[::7]) + " 1-1f中 zz"
    assert PhraseSet(listed, whole_words=True).counts(column(text)).count[0] == len(listed[::7])
    assert PhraseSet(listed[1::7], whole_words=True).counts(column(text)).count[0] == 0


@pytest.mark.parametrize("unit", ["a a ", "aaaa", "\u0301\u0301", "é a "])
def test_twenty_megabytes_of_one_thing(unit: str, assert_linear_in_text: Any) -> None:
    made = PhraseSet(["a a a", "aaa", "é a b", "\u0301"], whole_words=True)
    assert_linear_in_text(made.counts, unit)


@pytest.mark.parametrize(
    "listed",
    [
        ["a"],
        ["a a " * 500 + "b", "a"],
        ["a" * length for length in (1, 2, 3, 50, 100)],
        ["\u0301"],
        ["é", "a é a"],
    ],
)
@pytest.mark.parametrize("unit", ["a a ", "aaaa", "\u0301\u0301", "é a "])
def test_time_is_linear_when_everything_matches(
    listed: list[str], unit: str, assert_linear_in_text: Any
) -> None:
    for whole_words in (False, True):
        made = PhraseSet(listed, whole_words=whole_words)
        for find in (made.counts, made.lines):
            assert_linear_in_text(find, unit, size=2_000_000)


def test_no_phrases_and_no_text_measure_zero() -> None:
    for made in (PhraseSet([]), PhraseSet(["a", "b"])):
        for texts_ in ([], [""], ["\r\n \u2028", "\0"]):
            counts, lines = made.counts(column(*texts_)), made.lines(column(*texts_))
            for field in PhraseCounts.__slots__:
                assert len(getattr(counts, field)) == len(texts_)
            assert not counts.count.any() and not counts.by_group.any()
            assert np.array_equal(lines.lines, [int(text == "\0") for text in texts_])
            for field in PhraseLines.__slots__:
                assert len(getattr(lines, field)) == len(texts_)


@pytest.mark.parametrize("phrase", ["", " ", "a\nb", "a\n", "\u2028", "a\r"])
def test_a_phrase_is_text_on_one_line(phrase: str) -> None:
    with pytest.raises(ValueError, match=r"phrase 1 .* one line"):
        PhraseSet(["x", phrase])


def test_nulls_and_invalid_utf8_are_refused() -> None:
    made = PhraseSet(["a"])
    with pytest.raises(ValueError, match="1 nulls"):
        made.counts(column("a", None))  # type: ignore[arg-type]
    damaged = pa.array([b"a", b"a\xff"], pa.large_binary()).view(pa.large_string())
    for measure in (made.counts, made.lines):
        with pytest.raises(ValueError, match="row 1: invalid UTF-8 at byte 1"):
            measure(damaged)
    with pytest.raises(ValueError, match="row 1: invalid UTF-8 at byte 1"):
        PhraseSet(["a"], ignore_case=False, whole_words=True).counts(damaged)
