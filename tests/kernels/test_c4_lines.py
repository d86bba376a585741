"""C4's line edits against a plain Python reading of datatrove's filter, on hostile text."""

from __future__ import annotations

import heapq
import re
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.c4_lines import C4_COUNTS, C4LineRules, c4_lines, long_line_counts
from curate.kernels.sentences import sentence_counts, sentences
from curate.stages.quality.c4 import POLICY_PHRASES

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
RULES = C4LineRules(policy_phrases=POLICY_PHRASES, max_word_characters=12)
PIECES = [
    *("one two three.", "he said “yes”", "a b", " ", "\t", "\u3000", "\n", "\r\n", "\r", "\u2028"),
    *(
        "\x85",
        "\v",
        "\x1c",
        "...",
        ".",
        "!",
        '"',
        "'",
        "?",
        "…",
        "。",
        "[",
        "]",
        "[1]",
        "[٣]",
        "[]",
    ),
    *("[edit]", "[Edit]", "[citation needed]", "[[2]]", "[²]", "java", "script", "JavaScript", "{"),
    *("Lorem  Ipsum", "LOREM IPSUM", "use coo\u212aies", "Terms of Use", "prİvacy policy", "\0"),
    *("thirteenchars", "twelve_chars", "ééééééééééééé", "中", "한국어", "\u0301", "😀", "Σ", "ſ"),
]

# Characters newer than Python's own tables would be letters for ours alone.
any_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cn", "Cs")), max_size=40)
built = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
any_rules = st.builds(
    C4LineRules,
    pieces=st.sampled_from(["lines", "sentences"]),
    max_word_characters=st.sampled_from([None, 1, 5, 12]),
    remove_citations=st.booleans(),
    require_terminal_punctuation=st.booleans(),
    min_words=st.sampled_from([None, 0, 1, 3]),
    remove_javascript=st.booleans(),
    policy_phrases=st.sampled_from([(), POLICY_PHRASES, ("é b", "script")]),
)


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def reference(text: str, rules: C4LineRules) -> dict[str, str | int]:
    counts = dict.fromkeys(C4_COUNTS.names, 0) | {"characters_before": len(text)}
    if rules.pieces == "lines":
        lines = [line.strip() for line in text.splitlines()]
    else:
        lines = [line for s in sentences(column(text))[0].as_py() if (line := s.strip())]
    kept = []

    def removed(reason: str) -> None:
        counts["lines_removed"] += 1
        counts[f"lines_removed_{reason}"] += 1

    for line in lines:
        words = line.split()
        counts["lines"] += 1
        longest = rules.max_word_characters
        if longest is not None and any(len(word) > longest for word in words):
            removed("long_word")
            continue
        if rules.remove_citations:
            line, cut = CITATION.subn("", line)
            counts["citations_removed"] += cut
        ended = line.endswith((".", "?", "!", '"', "'")) and not line.endswith("...")
        if rules.require_terminal_punctuation and not ended:
            removed("no_punctuation")
            continue
        if rules.min_words is not None and len(words) < rules.min_words:
            removed("few_words")
            continue
        lower = line.lower()
        counts["lorem_ipsum_lines"] += "lorem ipsum" in lower
        if rules.remove_javascript and "javascript" in lower:
            removed("javascript")
            continue
        counts["curly_bracket_lines"] += "{" in line
        if any(phrase in lower for phrase in rules.policy_phrases):
            removed("policy")
            continue
        one = rules.pieces == "sentences"
        counts["sentences"] += 1 if one else sentence_counts(column(line))[0].as_py()
        kept.append(line)
    text = ("\n" if rules.pieces == "lines" else " ").join(kept).strip()
    return {"text": text, **counts}


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(any_text, built), max_size=4), st.integers(0, 2), any_rules)
def test_edits_equal_plain_python(documents: list[str], cut: int, rules: C4LineRules) -> None:
    array = column(*documents)[cut:]
    edited = c4_lines(array, rules)
    edited.validate(full=True)
    assert edited.schema.names == ["text", *C4_COUNTS.names]
    assert edited.to_pylist() == [reference(text, rules) for text in array.to_pylist()]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(any_text, built), max_size=4), st.integers(1, 9), st.integers(1, 4))
def test_long_lines_equal_the_largest_lines(documents: list[str], length: int, few: int) -> None:
    counts = long_line_counts(column(*documents), length).to_pylist()
    for text, count in zip(documents, counts, strict=True):
        lines = text.split("\n")
        largest = heapq.nlargest(few, [len(line) for line in lines])
        assert (count >= few) == (len(lines) >= few and min(largest) >= length)


@settings(max_examples=300, deadline=None)
@given(
    st.text("a é.\u0130\u212a\x00\n", max_size=40),
    st.sampled_from(["Lorem Ipsum", "JavaScript", "coo\u212aie policy", "pr\u0130vacy policy"]),
    st.text("b k\u212a", max_size=20),
)
def test_a_phrase_is_found_wherever_it_stands(before: str, phrase: str, after: str) -> None:
    """At any distance from the blocks that are looked at together, in letters of any case."""
    texts = [before + phrase + after, before[:-1] + phrase[:-1] + after]
    rules = replace(RULES, require_terminal_punctuation=False, max_word_characters=None)
    edited = c4_lines(column(*texts), rules)
    assert edited.to_pylist() == [reference(text, rules) for text in texts]


def test_every_character_in_a_citation_and_as_margin_of_a_line() -> None:
    """Characters that Python's Unicode does not know may be digits for ours."""
    points = [*map(chr, range(0xD800)), *map(chr, range(0xE000, 0x1F000)), "\U0010ffff"]
    known = [c for c in points if re.match(r"\w", c) or c.isspace() or ord(c) < 0x3000]
    texts = [f"a b[{c}] {c}c.{c}" for c in known]
    edited = c4_lines(column(*texts), RULES).column("text")
    assert edited.to_pylist() == [reference(text, RULES)["text"] for text in texts]


def test_a_document_without_removals_keeps_its_bytes() -> None:
    text = "Ünicode \u2003 stays as it is.\nEven 'odd'  spacing in it!"
    edited = c4_lines(column(text, ""), RULES)
    assert edited.column("text").to_pylist() == [text, ""]
    assert edited.column("lines_removed").to_pylist() == [0, 0]
    assert edited.column("characters_before").to_pylist() == [len(text), 0]


@pytest.mark.parametrize(
    "unit",
    [
        "a a ",
        "a",
        " ",
        "\n",
        "\r\n",
        "[",
        "[1",
        "[1]",
        "use ",
        "lorem ipsu",
        "\u3000",
        "é. ",
        "a.\n",
    ],
)
@pytest.mark.parametrize("pieces", ["lines", "sentences"])
def test_time_is_linear_on_twenty_megabytes(
    unit: str, pieces: str, assert_linear_in_text: Any
) -> None:
    rules = C4LineRules(policy_phrases=POLICY_PHRASES, require_terminal_punctuation=False)
    rules = replace(rules, pieces=pieces, min_words=1)
    assert_linear_in_text(lambda text: c4_lines(text, rules), unit)


def test_nulls_invalid_utf8_and_empty_phrases_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        c4_lines(column("a", None), RULES)  # type: ignore[arg-type]
    damaged = pa.array([b"fine.\n\xff b c."], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 0: invalid UTF-8"):
        c4_lines(damaged, RULES)
    with pytest.raises(ValueError, match="phrase 2 is empty"):
        c4_lines(column("a"), C4LineRules(policy_phrases=("",)))
