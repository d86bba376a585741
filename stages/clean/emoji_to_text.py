"""Emoji as words: 🎉 becomes `:party_popper:`.

Optional: a tokenizer that spends three byte tokens on 🎉 learns more from its name. A *sequence* is
one emoji: its names are joined by `_`, parts that only say how it looks (variation selectors, the
joiner U+200D) say nothing. Skin tones follow as `_medium_skin_tone`, two regional indicators become
`:flag_de:`, tag sequences of subdivisions `:flag_gbsct:`, keycaps `:keycap_1:`.

What is an emoji: characters with Extended_Pictographic that are drawn in colour by themselves
(U+1F000 and above), others (`❤`, `☀`, `©`) only where U+FE0F asks for colour or a sequence holds
them. So text signs stay. Names are those of Python's `unicodedata` (Unicode 14 or 15; an emoji
without a name there stays as it is), which is why `run.json` records the Python version.

Cost: a native search for the few bytes that can begin an emoji decides; texts without one keep
their bytes (500 MB/s). Editing twice gives the same as editing once.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.edited import Splice, as_batch, characters_of, count_fields, spliced
from curate.kernels.text_buffers import text_buffers
from curate.stages.base import Editor

EDITS = count_fields("emoji_replaced")

CANDIDATE = "[\U0001f000-\U0001faff\ufe0f\u20e3]"
"""A text without any of these holds no emoji."""

TONE = "[\U0001f3fb-\U0001f3ff]"
PICTURE = "[\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
SIGN = "[\u00a9\u00ae\u203c-\u3299]"
ELEMENT = f"(?:{PICTURE}\ufe0f?{TONE}?|{SIGN}(?:\ufe0f{TONE}?|{TONE})|{TONE})"
JOINED = f"(?:\u200d(?:{PICTURE}|{SIGN})\ufe0f?{TONE}?)*"
EMOJI = re.compile(
    "(?P<flag>[\U0001f1e6-\U0001f1ff]{2})"
    "|(?P<region>\U0001f3f4[\U000e0030-\U000e007a]+\U000e007f)"
    "|(?P<keycap>[0-9#*]\ufe0f?\u20e3)"
    f"|{SIGN}(?=\u200d{PICTURE}){JOINED}"
    f"|{ELEMENT}{JOINED}"
)
SILENT = "\ufe0f\u200d"
KEYCAPS = {"#": "number_sign", "*": "asterisk"}


class EmojiToText(Editor):
    """Write emoji as their names.

    emoji_replaced: emoji, a sequence counted as one. characters_before: length before the edit, in
    characters.
    """

    name: ClassVar[str] = "emoji_to_text"
    version: ClassVar[int] = 1

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts, int64, never null."""
        return tuple(EDITS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit the column `text`."""
        text = batch.column("text")
        buffers = text_buffers(text)
        starts = np.frombuffer(buffers.offsets, np.int64)[buffers.first :][: len(text) + 1]
        candidates = pc.match_substring_regex(text, CANDIDATE)
        replaced = np.zeros(len(text), np.int64)
        splices = []
        for row in np.flatnonzero(candidates.to_numpy(zero_copy_only=False)).tolist():
            before = text[row].as_py()
            after, count = spelled(before)
            if count:
                replaced[row] = count
                begin, end = int(starts[row]), int(starts[row + 1])
                splices.append(Splice(row, begin, end, after.encode()))
        return as_batch(spliced(text, splices), [replaced, characters_of(text)], EDITS)


def spelled(text: str) -> tuple[str, int]:
    """The text with names for emoji, and how many there were."""
    count = 0

    def name(match: re.Match[str]) -> str:
        nonlocal count
        words = name_of(match[0])
        count += words is not None
        return match[0] if words is None else f":{words}:"

    return EMOJI.sub(name, text), count


@lru_cache(maxsize=8192)
def name_of(emoji: str) -> str | None:
    """The name of one emoji or sequence, without colons; None when Unicode has none (here)."""
    match = EMOJI.fullmatch(emoji)
    assert match is not None
    if match["flag"]:
        return "flag_" + "".join(chr(ord(letter) - 0x1F1E6 + ord("a")) for letter in emoji)
    if match["region"]:
        return "flag_" + "".join(chr(ord(tag) - 0xE0000) for tag in emoji[1:-1])
    if match["keycap"]:
        return f"keycap_{KEYCAPS.get(emoji[0], emoji[0])}"
    names = []
    for character in emoji:
        if character in SILENT:
            continue
        name = unicodedata.name(character, None)
        if name is None:
            return None
        names.append(_tone(character) or re.sub("[^a-z0-9]+", "_", name.lower()).strip("_"))
    return "_".join(names)


def _tone(character: str) -> str | None:
    """`EMOJI MODIFIER FITZPATRICK TYPE-4` in the words that people use."""
    tones = ("light", "medium_light", "medium", "medium_dark", "dark")
    index = ord(character) - 0x1F3FB
    return f"{tones[index]}_skin_tone" if 0 <= index < len(tones) else None
