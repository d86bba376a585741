"""Writes `bert_punctuation.hpp`: which characters BERT's pre-tokenizer makes pieces of their own.

Asked of the library `tokenizers` (0.23.3), character by character, because its list is of an older
Unicode version than its other tables and trained tokenizers are used with that list:
`python kernels/native/make_bert_punctuation.py`. tests/kernels/test_pretokens.py compares every
character with the installed version.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import pre_tokenizers

HEADER = """// Made by make_bert_punctuation.py from `tokenizers`; do not edit.
#pragma once

#include <algorithm>
#include <cstdint>

namespace curate {
namespace tables {

inline constexpr uint32_t bert_punctuation[][2] = {
"""
FOOTER = """};

}  // namespace tables

inline bool is_bert_punctuation(uint32_t code_point) {
    const auto* const end = std::end(tables::bert_punctuation);
    const auto* const range =
        std::partition_point(std::begin(tables::bert_punctuation), end,
                             [&](const uint32_t* each) { return each[1] < code_point; });
    return range != end && (*range)[0] <= code_point;
}

}  // namespace curate
"""


def is_punctuation(character: str) -> bool:
    """Whether it is cut from the letters around it."""
    pieces = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(f"a{character}a")
    return [piece for piece, _ in pieces] == ["a", character, "a"]


def main() -> None:
    """Write the header."""
    ranges: list[list[int]] = []
    for code_point in (*range(0xD800), *range(0xE000, 0x110000)):
        if is_punctuation(chr(code_point)):
            if ranges and ranges[-1][1] == code_point - 1:
                ranges[-1][1] = code_point
            else:
                ranges.append([code_point, code_point])
    lines = [""]
    for first, last in ranges:
        each = f"{{{first:#x}, {last:#x}}},"
        if len(lines[-1]) + len(each) > 92:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "    ") + each
    body = "\n".join(lines) + "\n"
    Path(__file__).with_name("bert_punctuation.hpp").write_text(HEADER + body + FOOTER)


if __name__ == "__main__":
    main()
