r"""What can be said of the tokens of a vocabulary without any corpus.

*Partial UTF-8*: tokens whose bytes are no whole characters; a model can emit invalid text with
them. *Unreachable*: tokens that their own text does not yield, `encode(decode(i)) != [i]` (Land and
Bartolo 2024, arXiv 2405.05417: such tokens are never trained). A token that stands inside words is
tried after other characters too. Partial tokens cannot be tried, and the bytes that a vocabulary of
characters falls back to are left out of both. *Numbers* and *code*: how
digits and indentation are cut.

Cost: one encoding of the vocabulary; tokens inside words of Metaspace and WordPiece up to 40 times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curate.tokenizer.encoding.control_tokens import Vocabulary
from curate.tokenizer.encoding.encode import TextEncoder
from curate.tokenizer.training.byte_tokenizer import byte_characters

LISTED = 100
"""Tokens of a list that are named; the rest are counted."""
LONGEST = 30
PREFIXES = 40
PLAIN_PREFIXES = ("a", "x", "1", ".", "(", "\u00e9", "\u4e00", "\ud55c")
NUMBERS_PER_LENGTH = 200
CODE = (
    "def mean(values: list[float]) -> float:\n    total = 0.0\n    for value in values:\n"
    "        total += value\n    return total / len(values) if values else float('nan')\n\n"
    "class Node:\n    def __init__(self, key, left=None, right=None):\n        self.key = key\n"
    "        self.left, self.right = left, right\n\n",
    "static int find(const int *a, size_t n, int key) {\n\tfor (size_t i = 0; i < n; ++i) {\n"
    "\t\tif (a[i] == key) {\n\t\t\treturn (int)i;\n\t\t}\n\t}\n\treturn -1;\n}\n",
    "const byId = new Map(rows.map((row) => [row.id, row]));\nexport async function load(url) {\n"
    "  const answer = await fetch(url);\n  if (!answer.ok) throw new Error(`${answer.status}`);\n"
    "  return answer.json();\n}\n",
    "SELECT c.name, COUNT(*) AS orders\nFROM customers AS c\nLEFT JOIN orders AS o ON o.customer_id"
    " = c.id\nWHERE c.created_at >= '2024-01-01'\nGROUP BY c.name\nHAVING COUNT(*) > 10;\n",
    '{"name": "example", "version": 3, "tags": ["a", "b"], "nested": {"ok": true, "x": null}}\n',
    'for file in *.txt; do\n  if [ -s "$file" ]; then wc -l < "$file" | tr -d \' \'; fi\ndone\n',
    '<ul class="items">\n  <li><a href="/a?x=1&amp;y=2">one</a></li>\n</ul>\n',
)
"""Small pieces of code in seven languages."""


@dataclass(frozen=True)
class Surfaces:
    """What each token stands for: its bytes, and whether it goes on inside a word."""

    raw: list[bytes]
    inside: np.ndarray
    """bool[size]: tokens that only follow others in a word."""
    fallback: np.ndarray
    """bool[size]: bytes of characters without a token (`<0x41>`); where the character has one, the
    byte is never used."""

    def text(self, number: int) -> str | None:
        """The token as text, or None where it is no whole characters."""
        try:
            return self.raw[number].decode()
        except UnicodeDecodeError:
            return None

    def shown(self, number: int) -> str:
        """The token for people; bytes that are no characters as `\\xNN`."""
        return self.raw[number].decode("utf-8", "backslashreplace")


def surfaces(vocabulary: Vocabulary) -> Surfaces:
    """The text of every token, from its string and the kind of the tokenizer."""
    content = vocabulary.content
    to_bytes = {character: value for value, character in enumerate(byte_characters())}
    byte_level = "ByteLevel" in str(content.get("pre_tokenizer"))
    metaspace = "Metaspace" in str(content.get("pre_tokenizer")) or "\u2581" in str(
        content.get("normalizer")
    )
    wordpiece = content["model"].get("type") == "WordPiece"
    prefix = content["model"].get("continuing_subword_prefix") or "##"
    raw = [b""] * vocabulary.size
    inside, fallback = np.zeros((2, vocabulary.size), dtype=np.bool_)
    in_model = set(content["model"]["vocab"]) if byte_level else set()
    for name, number in vocabulary.tokens.items():
        text = name
        if byte_level and name in in_model and all(each in to_bytes for each in name):
            raw[number] = bytes(to_bytes[each] for each in name)
            continue
        if re.fullmatch("<0x[0-9A-F]{2}>", name):
            raw[number] = bytes([int(name[3:5], 16)])
            fallback[number] = True
            continue
        if wordpiece:
            inside[number] = name.startswith(prefix)
            text = name.removeprefix(prefix)
        elif metaspace:
            inside[number] = not name.startswith("\u2581")
            text = name.replace("\u2581", " ")
        raw[number] = text.encode()
    return Surfaces(raw, inside, fallback)


def token_facts(encoder: TextEncoder) -> dict[str, Any]:
    """Everything of this module, as plain data."""
    vocabulary = encoder.vocabulary
    found = surfaces(vocabulary)
    numbers = np.flatnonzero(vocabulary.allowed & ~found.fallback)
    if vocabulary.unknown is not None:
        numbers = numbers[numbers != vocabulary.unknown]
    partial = [int(n) for n in numbers if found.text(int(n)) is None]
    whole = [int(n) for n in numbers if found.text(int(n))]
    missing = unreachable(encoder, found, whole)
    longest = sorted(whole, key=lambda n: (-len(found.text(n) or ""), n))[:LONGEST]
    return {
        "size": vocabulary.size,
        "control_tokens": len(vocabulary.control),
        "ids_without_a_token": len(vocabulary.holes),
        "unreachable": {"count": len(missing), "tokens": _listed(missing, found)},
        "partial_utf8": {"count": len(partial), "tokens": _listed(partial, found)},
        "longest": [
            {"id": n, "token": found.shown(n), "characters": len(found.text(n) or "")}
            for n in longest
        ],
        "numbers": number_facts(encoder, found, whole),
        "code": code_facts(encoder),
    }


def _listed(numbers: list[int], found: Surfaces) -> list[dict[str, Any]]:
    return [{"id": n, "token": found.shown(n)} for n in numbers[:LISTED]]


def unreachable(encoder: TextEncoder, found: Surfaces, numbers: list[int]) -> list[int]:
    """Those of `numbers` that their text does not yield: alone, or after something else."""
    left = _without(encoder, "", found, numbers)
    inside = [n for n in left if found.inside[n]]
    for prefix in _prefixes(encoder, found):
        if not inside:
            break
        inside = _without(encoder, prefix, found, inside)
    return sorted({n for n in left if not found.inside[n]} | set(inside))


def _without(encoder: TextEncoder, prefix: str, found: Surfaces, numbers: list[int]) -> list[int]:
    """Those of `numbers` that are not among the ids of the prefix and their text."""
    texts = pa.array([prefix + (found.text(n) or "") for n in numbers], pa.large_string())
    offsets, ids = encoder.main_encoder.encode(texts)
    return [
        number
        for row, number in enumerate(numbers)
        if number not in ids[offsets[row] : offsets[row + 1]]
    ]


def _prefixes(encoder: TextEncoder, found: Surfaces) -> list[str]:
    """Short beginnings of a word: some of any language, then tokens of one character."""
    names = [
        (found.text(int(n)) or "").strip()
        for n in np.flatnonzero(encoder.vocabulary.allowed & ~found.inside)
    ]
    single = sorted({name for name in names if len(name) == 1}, key=lambda c: (c.isalnum(), c))
    step = max(1, len(single) // PREFIXES)
    return [*PLAIN_PREFIXES, *single[::step][:PREFIXES]]


def number_facts(encoder: TextEncoder, found: Surfaces, whole: list[int]) -> dict[str, Any]:
    """How numbers of 1 to 8 digits are cut."""
    by_length = {}
    for digits in range(1, 9):
        low, high = 10 ** (digits - 1) if digits > 1 else 0, 10**digits
        step = max(1, (high - low) // NUMBERS_PER_LENGTH)
        texts = [f" {number}" for number in range(low, high, step)]
        lengths = np.diff(encoder.main_encoder.encode(pa.array(texts, pa.large_string()))[0])
        usual = int(np.bincount(lengths).argmax())
        by_length[str(digits)] = {
            "tokens": float(lengths.mean()),
            "same_length": float((lengths == usual).mean()),
        }
    only = [n for n in whole if re.fullmatch(r"\s?[0-9]+", found.text(n) or "")]
    return {
        "by_digits": by_length,
        "tokens_of_digits": len(only),
        "longest_of_digits": max((len((found.text(n) or "").strip()) for n in only), default=0),
    }


def code_facts(encoder: TextEncoder) -> dict[str, Any]:
    """Bytes per token on small pieces of code, and tokens of an indentation."""
    code = pa.array(CODE, pa.large_string())
    tokens = int(encoder.main_encoder.encode(code)[0][-1])
    blanks = (4, 8, 16)
    lines = [f"x:\n{' ' * width}y" for width in (0, *blanks)]
    lengths = np.diff(encoder.main_encoder.encode(pa.array(lines, pa.large_string()))[0])
    return {
        "bytes_per_token": sum(len(each.encode()) for each in CODE) / tokens if tokens else None,
        "indentation": {
            str(width): int(length - lengths[0])
            for width, length in zip(blanks, lengths[1:], strict=True)
        },
    }
