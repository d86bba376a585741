"""Writes `unicode_tables.hpp` and `sentence_tables.hpp`: the character properties that the kernels
use, as two-stage tables.

Run it in an environment with `uniseg==0.10.1` (Word_Break, Sentence_Break and Extended_Pictographic
of Unicode 16.0) and `unicodedata2==16.0.0` (general categories of Unicode 16.0): `python
kernels/native/make_tables.py`. Lower case is what the running Python's `str.lower` gives for single
characters; Python 3.11, 3.12 and 3.13 (Unicode 14.0 to 15.1) agree on it.
"""

from __future__ import annotations

from pathlib import Path

import unicodedata2  # type: ignore[import-not-found, unused-ignore]
from uniseg.emoji import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    extended_pictographic,
)
from uniseg.sentencebreak import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    sentence_break,
)
from uniseg.wordbreak import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    word_break,
)

CODE_POINTS = 0x110000
BLOCK = 128
WORD_BREAK = (
    "Other CR LF Newline Extend ZWJ Regional_Indicator Format Katakana Hebrew_Letter ALetter "
    "Single_Quote Double_Quote MidNumLet MidLetter MidNum Numeric ExtendNumLet WSegSpace"
).split()
LETTER, NUMBER, PICTOGRAPH = 0x20, 0x40, 0x80
SENTENCE_BREAK = (
    "Other CR LF Sep Extend Format Sp Lower Upper OLetter Numeric ATerm SContinue STerm Close"
).split()
UPPER_CASE, DECIMAL, DIGIT = 0x10, 0x20, 0x40
OTHER_UPPER_CASE = (
    *range(0x2160, 0x2170),
    *range(0x24B6, 0x24D0),
    *range(0x1F130, 0x1F14A),
    *range(0x1F150, 0x1F16A),
    *range(0x1F170, 0x1F18A),
)
"""Other_Uppercase: with the general category Lu it makes the property Uppercase (`str.isupper`)."""


def properties(code_point: int) -> int:
    """Word_Break in the low five bits, then letter, number and pictograph flags."""
    if 0xD800 <= code_point < 0xE000:
        return 0
    character = chr(code_point)
    entry = WORD_BREAK.index(word_break(character).value)
    category = unicodedata2.category(character)
    entry |= LETTER if category.startswith("L") else NUMBER if category.startswith("N") else 0
    return entry | (PICTOGRAPH if extended_pictographic(character) else 0)


def sentence_properties(code_point: int) -> int:
    """Sentence_Break in the low four bits, then Uppercase, decimal digit and digit flags."""
    if 0xD800 <= code_point < 0xE000:
        return 0
    character = chr(code_point)
    entry = SENTENCE_BREAK.index(sentence_break(character).value)
    upper = unicodedata2.category(character) == "Lu" or code_point in OTHER_UPPER_CASE
    entry |= UPPER_CASE if upper else 0
    entry |= DECIMAL if unicodedata2.decimal(character, None) is not None else 0
    return entry | (DIGIT if unicodedata2.digit(character, None) is not None else 0)


def lower_case_distance(code_point: int) -> int:
    """Lower case minus upper case; U+0130, the only character with two lower-case ones, is left to
    the kernel."""
    lower = chr(code_point).lower()
    return ord(lower) - code_point if len(lower) == 1 else 0


def two_stages(values: list[int]) -> tuple[list[int], list[int]]:
    """Numbers of the distinct blocks, and these blocks one after the other."""
    found: dict[tuple[int, ...], int] = {}
    index = []
    for start in range(0, len(values), BLOCK):
        block = tuple(values[start : start + BLOCK])
        index.append(found.setdefault(block, len(found)))
    return index, [value for block in found for value in block]


def declare(kind: str, name: str, values: list[int]) -> str:
    """A C++ array of constants, wrapped at 100 columns."""
    lines, line = [], ""
    for value in values:
        piece = f"{value},"
        if len(line) + len(piece) > 96:
            lines.append(line)
            line = ""
        line += piece
    body = "\n    ".join([*lines, line])
    return f"inline constexpr {kind} {name}[] = {{\n    {body}\n}};\n"


def write(file: str, declarations: list[str]) -> None:
    """A header beside this script."""
    parts = [
        "// Made by make_tables.py from Unicode 16.0 data; do not edit.",
        "#pragma once\n",
        "#include <cstdint>\n",
        "namespace curate::tables {\n",
        *declarations,
        "}  // namespace curate::tables\n",
    ]
    Path(__file__).with_name(file).write_text("\n".join(parts), encoding="ascii")


def main() -> None:
    """Compute the tables (5 s) and write them beside this script."""
    assert unicodedata2.unidata_version == "16.0.0"
    property_index, property_blocks = two_stages([properties(n) for n in range(CODE_POINTS)])
    lower_index, lower_blocks = two_stages([lower_case_distance(n) for n in range(CODE_POINTS)])
    sentence_index, sentence_blocks = two_stages(
        [sentence_properties(n) for n in range(CODE_POINTS)]
    )
    assert max(*property_index, *lower_index, *sentence_index) < 256
    write(
        "unicode_tables.hpp",
        [
            declare("uint8_t", "property_index", property_index),
            declare("uint8_t", "property_blocks", property_blocks),
            declare("uint8_t", "lower_index", lower_index),
            declare("int32_t", "lower_blocks", lower_blocks),
        ],
    )
    write(
        "sentence_tables.hpp",
        [
            declare("uint8_t", "sentence_index", sentence_index),
            declare("uint8_t", "sentence_blocks", sentence_blocks),
        ],
    )


if __name__ == "__main__":
    main()
