"""Writes `entity_table.hpp`: the named character references of HTML 5 that end with a semicolon,
and what the numeric ones 128 to 159 mean, from Python's `html` module.

`python kernels/native/make_entity_table.py`.
"""

from __future__ import annotations

import html
from html.entities import html5
from pathlib import Path


def literal(text: str) -> str:
    """A C++ literal of UTF-8 bytes; octal escapes, because hexadecimal ones do not end."""
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


def main() -> None:
    """Write the table beside this script."""
    names = sorted(name[:-1] for name in html5 if name.endswith(";"))
    # A few (`&nGt;`) are shorter than what they mean; editing kernels only shrink, so they stay.
    names = [name for name in names if len(html5[f"{name};"].encode()) <= len(name) + 2]
    windows = [ord(html.unescape(f"&#{number};")) for number in range(128, 160)]
    rows = "\n".join(f'    {{"{name}", {literal(html5[f"{name};"])}}},' for name in names)
    text = f"""// Made by make_entity_table.py from Python's html module; do not edit.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace curate {{

struct Entity {{
    std::string_view name;
    std::string_view text;
}};

inline constexpr std::array<uint32_t, 32> kWindows1252 = {{
    {", ".join(map(hex, windows[:16]))},
    {", ".join(map(hex, windows[16:]))}
}};

// By name.
inline constexpr std::array<Entity, {len(names)}> kEntities = {{{{
{rows}
}}}};

}}  // namespace curate
"""
    Path(__file__).with_name("entity_table.hpp").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
