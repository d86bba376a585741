"""Emoji and their sequences become names; text signs stay."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.stages.clean.emoji_to_text import EmojiToText


def edit(*texts: str) -> list[dict[str, Any]]:
    stage = EmojiToText()
    edited = stage.edit(
        pa.RecordBatch.from_pydict({"text": pa.array(list(texts), pa.large_string())})
    )
    edited.validate(full=True)
    assert edited.schema == pa.schema([pa.field("text", pa.large_string()), *stage.signals()])
    rows: list[dict[str, Any]] = edited.to_pylist()
    return rows


@pytest.mark.parametrize(
    ("text", "expected", "count"),
    [
        ("Done 🎉!", "Done :party_popper:!", 1),
        ("🎉🎉", ":party_popper::party_popper:", 2),
        ("👍🏽", ":thumbs_up_sign_medium_skin_tone:", 1),
        ("👩\u200d💻", ":woman_personal_computer:", 1),
        ("👨\u200d👩\u200d👧", ":man_woman_girl:", 1),
        ("🏳\ufe0f\u200d🌈", ":waving_white_flag_rainbow:", 1),
        ("❤\ufe0f\u200d🔥", ":heavy_black_heart_fire:", 1),
        ("🤷🏻\u200d♂\ufe0f", ":shrug_light_skin_tone_male_sign:", 1),
        ("🇩🇪🇫🇷🇺", ":flag_de::flag_fr:🇺", 2),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", ":flag_gbsct:", 1),
        ("1\ufe0f\u20e3 #\u20e3", ":keycap_1: :keycap_number_sign:", 2),
        ("☀\ufe0f ❤\ufe0f", ":black_sun_with_rays: :heavy_black_heart:", 2),
        ("☀ ❤ © ™ ✓ → 1 # stay", "☀ ❤ © ™ ✓ → 1 # stay", 0),
        ("\U0001faff unnamed \ufe0f", "\U0001faff unnamed \ufe0f", 0),
        ("", "", 0),
        ("한국어 שלום e\u0301 \0\r\n", "한국어 שלום e\u0301 \0\r\n", 0),
    ],
)
def test_examples(text: str, expected: str, count: int) -> None:
    assert edit(text) == [
        {"text": expected, "emoji_replaced": count, "characters_before": len(text)}
    ]


emoji_like = st.text(
    st.one_of(
        st.sampled_from("a1# 🎉👍🏽👩💻❤☀\ufe0f\u200d\u20e3🇩🇪🏴\U000e0067\U000e007f♂©"),
        st.characters(codec="utf-8"),
    )
)


@given(st.lists(emoji_like, max_size=4), st.integers(0, 2))
def test_editing_twice_is_editing_once_also_on_sliced_arrays(
    documents: list[str], cut: int
) -> None:
    array = pa.array(documents, pa.large_string())[cut:]
    once = EmojiToText().edit(pa.RecordBatch.from_arrays([array], ["text"]))
    once.validate(full=True)
    assert edit(*once.column("text").to_pylist()) == [
        {**row, "emoji_replaced": 0, "characters_before": len(row["text"])}
        for row in once.to_pylist()
    ]
    for before, row in zip(array.to_pylist(), once.to_pylist(), strict=True):
        assert (row["emoji_replaced"] > 0) == (row["text"] != before)


@pytest.mark.parametrize("unit", ["a", "🎉", "👩\u200d", "🇩", "\ufe0f", "1"])
def test_time_is_linear(unit: str, assert_linear_time: Any) -> None:
    assert_linear_time(edit, lambda many: unit * many, size=300_000)
