"""Writes `unicode_tables.hpp`: the character properties that the kernels use, as two-stage tables.

Run it in an environment with `uniseg==0.10.1` (Word_Break and Extended_Pictographic of Unicode
16.0) and `unicodedata2==16.0.0` (general categories of Unicode 16.0): `python
kernels/native/make_tables.py`. Lower case is what the running Python's `str.lower` gives for single
characters; Python 3.11, 3.12 and 3.13 (Unicode 14.0 to 15.1) agree on it.
"""

from __future__ import annotations

from pathlib import Path

import unicodedata2  # type: ignore[import-not-found, unused-ignore]
from uniseg.emoji import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    extended_pictographic,
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


def properties(code_point: int) -> int:
    """Word_Break in the low five bits, then letter, number and pictograph flags."""
    if 0xD800 <= code_point < 0xE000:
        return 0
    character = chr(code_point)
    entry = WORD_BREAK.index(word_break(character).value)
    category = unicodedata2.category(character)
    entry |= LETTER if category.startswith("L") else NUMBER if category.startswith("N") else 0
    return entry | (PICTOGRAPH if extended_pictographic(character) else 0)


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


def main() -> None:
    """Compute the tables (3 s) and write them beside this script."""
    assert unicodedata2.unidata_version == "16.0.0"
    property_index, property_blocks = two_stages([properties(n) for n in range(CODE_POINTS)])
    lower_index, lower_blocks = two_stages([lower_case_distance(n) for n in range(CODE_POINTS)])
    assert max(*property_index, *lower_index) < 256
    parts = [
        "// Made by make_tables.py from Unicode 16.0 data; do not edit.",
        "#pragma once\n",
        "#include <cstdint>\n",
        "namespace curate::tables {\n",
        declare("uint8_t", "property_index", property_index),
        declare("uint8_t", "property_blocks", property_blocks),
        declare("uint8_t", "lower_index", lower_index),
        declare("int32_t", "lower_blocks", lower_blocks),
        "}  // namespace curate::tables\n",
    ]
    Path(__file__).with_name("unicode_tables.hpp").write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
