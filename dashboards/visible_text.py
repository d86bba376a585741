"""Text of strangers made safe to look at: what cannot be seen is shown, what reorders a line is
taken out of force.

Documents, ids, urls and rule values come from the open web. Escaping for HTML is the template's
work (autoescape); here control characters, bidirectional overrides, zero-width and other invisible
characters become visible marks, so that nothing hides in an excerpt and no right-to-left override
turns a line around (Boucher & Anderson 2021, "Trojan Source").
"""

from __future__ import annotations

import unicodedata

EXCERPT_CHARACTERS = 1500
_SPACE_CONTROLS = "\n\t"


def _mark(code: int) -> str | None:
    """What is shown for a character that has no look of its own; None for one that has."""
    character = chr(code)
    if character in _SPACE_CONTROLS:
        return None
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return f"[U+{code:04X}]"
    return None


_MARKS = {
    code: mark
    for code in (
        *range(0x3000),
        *range(0xD800, 0xE000),
        *range(0xFE00, 0x10000),
        *range(0xE0000, 0xE0080),
    )
    if (mark := _mark(code)) is not None
}


def visible(text: str) -> str:
    """`text` with every control, format and separator character as a mark; newline and tab stay."""
    return text.translate(_MARKS)


def excerpt(text: str, characters: int = EXCERPT_CHARACTERS) -> tuple[str, int]:
    """The first code points of `text` and how many were left out."""
    return text[:characters], max(0, len(text) - characters)


def readable_bytes(raw: bytes, limit: int = EXCERPT_CHARACTERS) -> tuple[str, int]:
    """The first bytes of a damaged record as text, invalid ones as `\\xNN`, and how many bytes
    were left out.
    """
    head = raw[:limit]
    if len(raw) > limit:
        head = _whole_code_points(head)
    return head.decode("utf-8", "backslashreplace"), len(raw) - len(head)


def _whole_code_points(head: bytes) -> bytes:
    """`head` without a code point that the cut split."""
    for back in range(1, min(4, len(head)) + 1):
        byte = head[-back]
        if byte < 0x80:
            return head
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return head if length <= back else head[:-back]
    return head
