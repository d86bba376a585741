"""Writes `repair_tables.hpp`: which characters make a line worth showing to ftfy or a normaliser.

Run it in an environment with `ftfy==6.3.1` and `unicodedata2==16.0.0`:
`python kernels/native/make_repair_tables.py`.

Mojibake: every alternative of ftfy's `BADNESS_RE` needs a C1 control, one of `Œœ` before something
that is no ASCII letter, one of `ÂÃ` before a space, or two neighbours that the list `PAIRS` names
(with what must follow). The lists are necessary conditions, not equivalent ones: a line that they
do not name cannot be bad, any other goes to ftfy, which decides. tests/kernels compares both.

Normal forms: 255 for characters that the form changes or that may join the one before
(Quick_Check = No or Maybe), else the canonical combining class, whose order the kernel checks.
"""

from __future__ import annotations

import hashlib
import re
from itertools import product
from pathlib import Path

import unicodedata2  # type: ignore[import-not-found, unused-ignore]
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from ftfy.chardata import CONTROL_CHARS, LIGATURES
from make_tables import CODE_POINTS, declare, two_stages  # type: ignore[import-not-found]

FLAG_CONTROL, FLAG_LIGATURE = 1, 2
ALWAYS, BEFORE_WORD, BEFORE_OTHER = 1, 2, 4
"""A pair is suspicious always, before a character of a word, or before one that is not ASCII."""


def characters(category: str) -> set[str]:
    """The characters of one of ftfy's categories, with its ranges written out."""
    return {chr(n) for n in range(CODE_POINTS) if re.match(f"[{category}]", chr(n))}


SETS = {name: characters(category) for name, category in MOJIBAKE_CATEGORIES.items()}


def union(names: str) -> set[str]:
    """Characters of several categories; a word that names none stands for its own letters."""
    return set().union(*(SETS.get(name, set(name)) for name in names.split(" ")))


LETTERS = "lower_accented upper_accented"
SIGNS = f"{LETTERS} box start_punctuation end_punctuation currency numeric law"
WINDOWS_1252 = "€œŠš¢£Ÿž\u00ad®©°·»–—´ start_punctuation end_punctuation"
CYRILLIC_OR_GREEK = "c1 bad start_punctuation end_punctuation currency °µ"

PAIRS: tuple[tuple[str, str, int], ...] = (
    (f"bad {SIGNS} lower_common upper_common", "bad", ALWAYS),
    ("bad", SIGNS, ALWAYS),
    (
        "lower_accented lower_common box end_punctuation currency numeric",
        "upper_accented",
        ALWAYS,
    ),
    ("box end_punctuation currency numeric", "lower_accented", ALWAYS),
    (f"{LETTERS} box end_punctuation", "currency", ALWAYS),
    ("upper_accented box", "numeric law", ALWAYS),
    (f"{LETTERS} box currency end_punctuation", "start_punctuation", BEFORE_OTHER),
    (f"{LETTERS} currency numeric box law", "end_punctuation", BEFORE_OTHER),
    ("currency numeric box", "start_punctuation", ALWAYS),
    ("upper_accented", "start_punctuation", ALWAYS),
    ("box", "kaomoji end_punctuation", ALWAYS),
    (f"{LETTERS} currency numeric start_punctuation end_punctuation law", "box", ALWAYS),
    (LETTERS, "start_punctuation end_punctuation", BEFORE_WORD),
    ("upper_accented", "°", ALWAYS),
    ("ÂÃÎÐ", WINDOWS_1252, ALWAYS),
    ("ÂÃÎÐ", "\u00a0", ALWAYS),
    ("×", "²³", ALWAYS),
    ("ØÙ", "common currency bad numeric start_punctuation ŸŠ®°µ»", BEFORE_OTHER),
    ("à", "²µ¹¼½¾", ALWAYS),
    ("√", "±∂†≠®™´≤≥¥µø", ALWAYS),
    ("≈", "°¢", ALWAYS),
    ("‚", "Äâó", BEFORE_OTHER),
    ("в", "Ђ", ALWAYS),
    ("ВГРС", CYRILLIC_OR_GREEK, BEFORE_OTHER),
    ("Г", "ў", ALWAYS),
    ("Ã", "\u00a0¡", ALWAYS),
    ("Â", "start_punctuation end_punctuation", ALWAYS),
    ("β", "€", ALWAYS),
    ("ΒΓΞΟ", CYRILLIC_OR_GREEK, BEFORE_OTHER),
    ("ā", "€", ALWAYS),
)


def pair_table() -> tuple[list[int], int, list[int]]:
    """Class of every code point, number of classes, flags of every pair of classes."""
    firsts = [union(first) for first, _, _ in PAIRS]
    seconds = [union(second) for _, second, _ in PAIRS]
    found: dict[tuple[bool, ...], int] = {(False,) * (2 * len(PAIRS)): 0}
    classes = []
    for number in range(CODE_POINTS):
        character = chr(number)
        key = tuple(character in members for members in (*firsts, *seconds))
        classes.append(found.setdefault(key, len(found)) if number >= 0x80 else 0)
    flags = [
        sum({need for i, (_, _, need) in enumerate(PAIRS) if a[i] and b[len(PAIRS) + i]})
        for a, b in product(found, repeat=2)
    ]
    return classes, len(found), flags


def quick_check(form: str) -> list[int]:
    """Per code point: 255, or the canonical combining class."""
    second = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for number in range(CODE_POINTS):
        parts = unicodedata2.decomposition(chr(number)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second.add(int(parts[1], 16))
    values = []
    for number in range(CODE_POINTS):
        character = chr(number)
        changed = (
            not 0xD800 <= number < 0xE000 and unicodedata2.normalize(form, character) != character
        )
        combining = unicodedata2.combining(character)
        values.append(255 if changed or number in second else combining)
    return values


def main() -> None:
    """Compute the tables (20 s) and write them beside this script."""
    assert unicodedata2.unidata_version == "16.0.0"
    classes, count, flags = pair_table()
    special = [
        FLAG_CONTROL * (n in CONTROL_CHARS or 0x80 <= n < 0xA0) + FLAG_LIGATURE * (n in LIGATURES)
        for n in range(CODE_POINTS)
    ]
    parts = [
        "// Made by make_repair_tables.py from ftfy 6.3.1 and Unicode 16.0 data; do not edit.",
        "#pragma once\n",
        "#include <cstdint>\n",
        "namespace curate::tables {\n",
        f"inline constexpr int repair_classes = {count};\n",
        declare("uint8_t", "repair_pairs", flags),
    ]
    for name, values in (
        ("repair_class", classes),
        ("repair_special", special),
        ("nfc", quick_check("NFC")),
        ("nfkc", quick_check("NFKC")),
    ):
        index, blocks = two_stages(values)
        assert max(*index, *blocks) < 256
        parts.append(declare("uint8_t", f"{name}_index", index))
        parts.append(declare("uint8_t", f"{name}_blocks", blocks))
    parts.append("}  // namespace curate::tables\n")
    target = Path(__file__).with_name("repair_tables.hpp")
    target.write_text("\n".join(parts), encoding="ascii")
    print("BADNESS_SHA256 =", hashlib.sha256(BADNESS_RE.pattern.encode()).hexdigest())


if __name__ == "__main__":
    main()
