"""Writes `shingle_tables.hpp`: what the normalisation of shingles asks about a character.

Run it in an environment with `unicodedata2==16.0.0` and `uniseg==0.10.1`:
`python kernels/native/make_shingle_tables.py`.

Classes: nonspacing mark (Mn), punctuation or symbol (P*, S*), decimal digit (Nd), and whether the
character changes when it is decomposed (NFD) and its nonspacing marks are left out. Hangul
syllables are left whole: their jamo carry no mark.
"""

from __future__ import annotations

from pathlib import Path

import unicodedata2  # type: ignore[import-not-found, unused-ignore]
from make_tables import CODE_POINTS, declare, two_stages  # type: ignore[import-not-found]

MARK, PUNCTUATION, DIGIT, ACCENTED = 1, 2, 4, 8
HANGUL = range(0xAC00, 0xD7A4)


def without_marks(code_point: int) -> str:
    """The decomposition of a character without its nonspacing marks."""
    whole = unicodedata2.normalize("NFD", chr(code_point))
    return "".join(part for part in whole if unicodedata2.category(part) != "Mn")


def classes(code_point: int) -> int:
    """Flags of a character."""
    category = unicodedata2.category(chr(code_point))
    if category == "Mn":
        return MARK
    entry = PUNCTUATION if category[0] in "PS" else DIGIT if category == "Nd" else 0
    if code_point not in HANGUL and without_marks(code_point) != chr(code_point):
        entry |= ACCENTED
    return entry


def main() -> None:
    """Compute the tables (3 s) and write them beside this script."""
    assert unicodedata2.unidata_version == "16.0.0"
    flags = [classes(n) for n in range(CODE_POINTS)]
    accented = [n for n in range(CODE_POINTS) if flags[n] & ACCENTED]
    bases = [[ord(part) for part in without_marks(n)] for n in accented]
    padded = [part for base in bases for part in (*base, 0, 0)[:3]]
    assert max(map(len, bases)) == 3
    index, blocks = two_stages(flags)
    assert max(index) < 256
    parts = [
        "// Made by make_shingle_tables.py from Unicode 16.0 data; do not edit.",
        "#pragma once\n",
        "#include <cstdint>\n",
        "namespace curate::tables {\n",
        declare("uint8_t", "shingle_index", index),
        declare("uint8_t", "shingle_blocks", blocks),
        declare("uint32_t", "accented", accented),
        declare("uint32_t", "unaccented", padded),  # three per character, 0 for none
        "}  // namespace curate::tables\n",
    ]
    path = Path(__file__).with_name("shingle_tables.hpp")
    path.write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
