"""DCLM's line edits against a plain Python reading of its modifiers, on hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.dclm_lines import DCLM_COUNTS, DclmLineRules, dclm_lines
from curate.stages.quality.dclm_lines import COUNTER_WORDS

RULES = DclmLineRules(
    counter_words=tuple(COUNTER_WORDS),
    phrases_anywhere=("items in cart",),
    phrases_at_end=("Read more...",),
    phrases_at_start=("Sign-in",),
)
PIECES = [
    *(
        "one two three",
        "ABC",
        "aB",
        "Ǆ",
        "ǅ",
        "Ⓐ",
        "İ",
        "ı",
        "ſ",
        "K",
        "1",
        "23",
        "٣",
        "²",
        "①",
        "½",
    ),
    *(
        " ",
        "  ",
        "\t",
        "\u3000",
        "\r",
        "\x1c",
        "\0",
        "\v",
        "\n",
        "\n",
        "\n\n",
        "3 likes",
        "5",
        "1,2.",
    ),
    *("\u212a views", "m shares", "followers", "likes!", "_", "3 items in cart", "ITEMS IN CART"),
    *("Read more...", " read more ab", "Sign-in", "sign-in ", "Sıgn-İn", "한", "\u0301", "😀", "é"),
]
# Characters newer than Python's own tables would be letters for ours alone.
any_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cn", "Cs")), max_size=40)
built = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
phrases = st.sampled_from([(), ("a",), ("b", "ab"), ("items in cart", "cart"), ("é.", "1")])
any_rules = st.builds(
    DclmLineRules,
    max_uppercase=st.sampled_from([None, 0.0, 0.5]),
    max_numeric=st.sampled_from([None, 0.5, 0.999999]),
    counter_words=st.sampled_from([(), tuple(COUNTER_WORDS), ("like", "likes")]),
    min_words=st.sampled_from([None, 1, 2]),
    max_phrase_words=st.sampled_from([None, 0, 2, 10]),
    phrases_anywhere=phrases,
    phrases_at_end=phrases,
    phrases_at_start=phrases,
    dot_is_any_character=st.booleans(),
)


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def count_words(text: str) -> int:
    """fastText's tokens that begin with a letter or a number."""
    return sum(word[:1].isalnum() for word in re.split("[ \t\n\v\f\r\0]+", text))


class Reference:
    """The steps in order, on one text."""

    def __init__(self, text: str, rules: DclmLineRules) -> None:
        self.text, self.rules = text, rules
        self.counts = dict.fromkeys(DCLM_COUNTS.names, 0)

    def remove(self, reason: str, condemned: Callable[[str], bool], strip: bool = True) -> None:
        lines = self.text.split("\n")
        kept = [line for line in lines if not condemned(line)]
        if self.text:
            self.counts["lines_removed"] += len(lines) - len(kept)
            self.counts[f"lines_removed_{reason}"] += len(lines) - len(kept)
        self.text = "\n".join(kept)
        self.text = self.text.strip() if strip else self.text

    def remove_shares(self, reason: str, test: Callable[[str], bool], most: float) -> None:
        self.remove(reason, lambda line: bool(line) and sum(map(test, line)) / len(line) > most)

    def cut(self, pattern: str) -> None:
        lines = self.text.split("\n")
        kept = []
        most = self.rules.max_phrase_words
        for line in lines:
            after = line
            if most is None or len(line.split()) <= most:
                after = re.sub(pattern, "", line, flags=re.IGNORECASE)
                if line and (not after or after.isspace()):
                    self.counts["lines_removed"] += 1
                    self.counts["lines_removed_phrase"] += 1
                    continue
            self.counts["lines_cut"] += after != line
            kept.append(after)
        self.text = "\n".join(kept).strip()

    def row(self) -> dict[str, str | int | float]:
        rules, before = self.rules, self.text
        if rules.max_uppercase is not None:
            self.remove_shares("uppercase", str.isupper, rules.max_uppercase)
        if rules.max_numeric is not None:
            self.remove_shares("numeric", str.isdigit, rules.max_numeric)
        if rules.counter_words:
            words = "|".join(rules.counter_words)
            counter = re.compile(rf"^\W*\d(?:,|\.|\d)*(?:K|k|M|m|B|b)?\s+(?:{words})\W*$")
            self.remove("counter", lambda line: bool(counter.search(line.lower())))
        fewest = rules.min_words
        if fewest is not None:
            self.remove(
                "few_words", lambda line: bool(line) and len(line.split()) < fewest, strip=False
            )
        for list_, form in (
            (rules.phrases_anywhere, r"\s?(?:{})"),
            (rules.phrases_at_end, r"\s?(?:{})$"),
            (rules.phrases_at_start, r"^(?:{})\s?"),
        ):
            if list_:
                shown = list_ if rules.dot_is_any_character else map(re.escape, list_)
                self.cut(form.format("|".join(shown)))
        had, has = count_words(before), count_words(self.text)
        self.counts |= {"characters_before": len(before), "words_before": had}
        self.counts["words_removed"] = had - has
        fraction = (had - has) / max(had, 1)
        return {"text": self.text, "words_removed_fraction": fraction, **self.counts}


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.one_of(any_text, built), max_size=4),
    st.integers(0, 2),
    st.one_of(st.just(RULES), any_rules),
)
def test_edits_equal_plain_python(documents: list[str], cut: int, rules: DclmLineRules) -> None:
    array = column(*documents)[cut:]
    edited = dclm_lines(array, rules)
    edited.validate(full=True)
    assert edited.to_pylist() == [Reference(text, rules).row() for text in array.to_pylist()]


def test_every_character_in_a_line() -> None:
    """Upper case, digits, white space and words of all characters that Python knows."""
    points = [*map(chr, range(0xD800)), *map(chr, range(0xE000, 0x1FBFA))]
    known = [c for c in points if c.isprintable() or c.isspace()]
    texts = [f"x{c}" for c in known]
    rules = DclmLineRules(max_uppercase=0.4, max_numeric=0.4, min_words=None)
    assert dclm_lines(column(*texts), rules).to_pylist() == [
        Reference(text, rules).row() for text in texts
    ]


@pytest.mark.parametrize(
    "unit",
    [
        "a a ",
        "A",
        "1",
        " ",
        "\n",
        "x\n",
        "é",
        "3 likes\n",
        "items in car",
        "read more",
        "1 ",
        "\u3000",
    ],
)
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(lambda text: dclm_lines(text, RULES), unit)


def test_nulls_and_invalid_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        dclm_lines(column("a", None), RULES)  # type: ignore[arg-type]
    damaged = pa.array([b"a\n\xff"], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 0: invalid UTF-8 at byte"):
        dclm_lines(damaged, RULES)
