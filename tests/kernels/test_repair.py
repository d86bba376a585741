"""The pre-check of character repair never overlooks a line that ftfy or a normal form changes."""

from __future__ import annotations

import itertools
import unicodedata
from typing import Any

import pyarrow as pa
import pytest
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.repair import MAY_BE_DAMAGED, MAY_BE_NOT_NORMAL, NormalForm, suspect_lines

ALPHABET = sorted(
    {
        *(c for names in MOJIBAKE_CATEGORIES.values() for c in names),
        *"œŒ°ÃÂÎÐØÙ×²³à√±≈‚ÄìâóвЂГўВРСβ€ΒΓΞΟā\u00a0\u00adŸŠ",
        *map(chr, range(0x80, 0xA0)),
    }
    - set(map(chr, range(0x80)))
)
ASCII = [" ", "a", "Z", "0", "_", "-", ".", "\t", "\n"]
suspicious_text = st.lists(st.sampled_from([*ALPHABET, *ASCII]), max_size=12).map("".join)
FEW = sorted(
    {
        *(c for names in MOJIBAKE_CATEGORIES.values() for c in names[:3]),
        *"œ°ÃÐØ×²à√±≈‚Äâ€вЂГўВβΒā\u00a0ŸŠ",
    }
    - {"\x80", "-"}
)
"""Some characters of every category, and those that patterns name."""
any_text = st.text(st.characters(codec="utf-8"))


def column(*documents: str) -> pa.LargeStringArray:
    return pa.array(documents, pa.large_string())


def kinds(
    text: str, form: NormalForm = "none", *, ligatures: bool = False, know_mojibake: bool = True
) -> dict[str, int]:
    """Suspect lines and why."""
    array = column(text)
    lines = suspect_lines(array, form=form, ligatures=ligatures, know_mojibake=know_mojibake)
    data = text.encode()
    assert set(lines.row.tolist()) <= {0}
    return {
        data[begin:end].decode(): kind
        for begin, end, kind in zip(
            lines.begin.tolist(), lines.end.tolist(), lines.kind.tolist(), strict=True
        )
    }


@settings(max_examples=800)
@given(suspicious_text)
def test_no_bad_line_is_overlooked(text: str) -> None:
    found = kinds(text)
    for line in text.split("\n"):
        if BADNESS_RE.search(line):
            assert any(line in suspect for suspect in found)


def test_no_bad_pair_of_characters_is_overlooked() -> None:
    """Alone and between characters that complete longer patterns."""
    bad = []
    for first, second in itertools.product(FEW, repeat=2):
        pair = first + second
        bad += [t for t in (pair, f"a{pair}", f" {pair}b", f"{pair} ") if BADNESS_RE.search(t)]
    assert len(bad) > 1_000
    lines = suspect_lines(column(*bad), form="none", ligatures=False)
    assert lines.row.tolist() == list(range(len(bad)))
    assert set(lines.kind.tolist()) == {MAY_BE_DAMAGED}


@pytest.mark.parametrize("context", ["{}b", "{}“", " {} "])
def test_every_character_in_context(context: str) -> None:
    points = [chr(n) for n in range(1, 0x110000) if not 0xD800 <= n < 0xE000 and n != 10]
    texts = [context.format(c) for c in points]
    named = set(
        suspect_lines(pa.array(texts, pa.large_string()), form="none", ligatures=False).row.tolist()
    )
    assert [t for i, t in enumerate(texts) if i not in named and BADNESS_RE.search(t)] == []


@settings(max_examples=400)
@given(
    st.text(
        st.one_of(
            st.characters(codec="utf-8"),
            st.sampled_from(
                "eée\u0301\u0323\u0308가ᄀ\u1161\u11a8न\u093c\u1100Å\u212b\ufb01½³＝\u0f73"
            ),
        )
    ),
    st.sampled_from(["NFC", "NFKC"]),
)
def test_no_line_that_normalising_changes_is_overlooked(text: str, form: NormalForm) -> None:
    found = kinds(text, form)
    for line in text.split("\n"):
        if unicodedata.normalize(form, line) != line:
            assert any(line in suspect for suspect in found)


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_every_character_alone_and_after_a_mark(form: NormalForm) -> None:
    points = [chr(n) for n in range(1, 0x110000) if not 0xD800 <= n < 0xE000 and n != 10]
    for template in ("{}", "a\u0308{}", "e{}\u0323", "\u1100{}"):
        texts = [template.format(c) for c in points]
        found = suspect_lines(pa.array(texts, pa.large_string()), form=form, ligatures=False)
        named = set(found.row.tolist())
        overlooked = [t for i, t in enumerate(texts) if i not in named]
        assert [t for t in overlooked if not unicodedata.is_normalized(form, t)] == []


def test_lines_are_named_exactly() -> None:
    text = "clean\nschÃ¶n bad\nclean\r\nNUL\0\nnot nfc: e\u0301\nç’est “clean”, too\nend \x7f"
    assert kinds(text, "NFC") == {
        "schÃ¶n bad\n": MAY_BE_DAMAGED,
        "NUL\0\n": MAY_BE_DAMAGED,
        "not nfc: e\u0301\n": MAY_BE_NOT_NORMAL,
        "end \x7f": MAY_BE_DAMAGED,
    }
    assert kinds("a\nofﬁce", "NFC") == {}
    assert kinds("a\nofﬁce", "NFC", ligatures=True) == {"ofﬁce": MAY_BE_DAMAGED}
    assert kinds("a\nofﬁce", "NFKC") == {"ofﬁce": MAY_BE_NOT_NORMAL}
    assert kinds("a\nç\n", know_mojibake=False) == {"ç\n": MAY_BE_DAMAGED}
    assert kinds("") == {}


@given(st.lists(any_text, max_size=4), st.integers(0, 2))
def test_spans_of_sliced_arrays_lie_in_their_rows(documents: list[str], cut: int) -> None:
    array = column(*documents)[cut:]
    lines = suspect_lines(array, form="NFC", ligatures=True)
    starts = [0, *itertools.accumulate(len(text.encode()) for text in documents)][cut:]
    for row, begin, end, _ in zip(*(part.tolist() for part in lines), strict=True):
        assert starts[row] <= begin < end <= starts[row + 1]


@pytest.mark.parametrize("unit", ["a a", "\n", "é", "é\n", "\0", "\0\n", "Ã¶", "e\u0301\n", "한"])
def test_time_is_linear_on_twenty_megabytes(unit: str, assert_linear_in_text: Any) -> None:
    assert_linear_in_text(lambda text: suspect_lines(text, form="NFC", ligatures=True), unit)


def test_nulls_and_invalid_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nulls"):
        kinds(None)  # type: ignore[arg-type]
    damaged = pa.array([b"a\n\xff"], pa.large_binary()).view(pa.large_string())
    with pytest.raises(ValueError, match="row 0: invalid UTF-8"):
        suspect_lines(damaged, form="NFC", ligatures=True)
