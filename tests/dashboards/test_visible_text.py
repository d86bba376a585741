from __future__ import annotations

import pytest

from curate.dashboards.visible_text import excerpt, readable_bytes, visible


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\0b", "a[U+0000]b"),
        ("a\x1b[31mb", "a[U+001B][31mb"),
        ("\u202eevil", "[U+202E]evil"),
        ("\u2066x\u2069", "[U+2066]x[U+2069]"),
        ("zero\u200bwidth\ufeff", "zero[U+200B]width[U+FEFF]"),
        ("line\u2028end\x85", "line[U+2028]end[U+0085]"),
        ("tag\U000e0041", "tag[U+E0041]"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_what_cannot_be_seen_is_shown(hidden, shown):
    assert visible(hidden) == shown


def test_ordinary_text_stays_as_it_is():
    text = "Fußgänger\n\tпривет 한국어 مرحبا 👍🏽 e\u0301"
    assert visible(text) == text


def test_an_excerpt_ends_between_code_points_and_says_what_is_left():
    assert excerpt("ab👍👍", 3) == ("ab👍", 1)
    assert excerpt("ab", 3) == ("ab", 0)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_byte_excerpt_never_splits_a_code_point(cut):
    raw = "aé한👍z".encode()
    text, left = readable_bytes(raw, cut)
    assert "\\x" not in text
    assert len(text.encode()) + left == len(raw)


def test_damaged_bytes_are_readable():
    assert readable_bytes(b"ok\xff\xfe") == ("ok\\xff\\xfe", 0)
