"""Documents with planted near-duplicates whose exact similarity is known.

`python benchmarks/dedup/planted.py TEXTS.parquet OUT.jsonl --pairs 2000 --originals 1000`

An original is the first 400 words of a real text; the next line is its copy, edited in one of six
ways: words replaced one by one (0 to 8 % of them, which leaves similarities of 5-grams of 1.0 to
0.4, and 8 to 40 %), replaced in one stretch (0 to 40 %), boilerplate inserted, paragraphs shuffled,
the end cut off. Texts without a copy follow.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

BOILERPLATE = (
    "We use cookies on this site so that it works, to count visitors and to show what may be of "
    "interest to you. By going on you agree to that; your settings can be changed at any time at "
    "the bottom of every page. All rights reserved. Nothing may be copied without permission. "
    "Write to our newsletter to hear of new articles. Terms of use and privacy policy apply."
)


class Dice:
    """A reproducible stream of numbers."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def below(self, limit: int) -> int:
        self._count += 1
        data = hashlib.blake2b(f"{self._seed} {self._count}".encode(), digest_size=8).digest()
        return int.from_bytes(data, "big") % limit


def few_words(words: list[str], dice: Dice) -> str:
    """0 to 8 % of the words replaced."""
    share = dice.below(81) / 1000
    return " ".join("replaced" if dice.below(1000) < share * 1000 else w for w in words)


def many_words(words: list[str], dice: Dice) -> str:
    """8 to 40 % of the words replaced."""
    share = 80 + dice.below(321)
    return " ".join("replaced" if dice.below(1000) < share else word for word in words)


def stretch(words: list[str], dice: Dice) -> str:
    """A stretch of 0 to 40 % of the words replaced."""
    size = len(words) * dice.below(41) // 100
    start = dice.below(len(words) - size + 1)
    new = [f"new{dice.below(10**6)}" for _ in range(size)]
    return " ".join([*words[:start], *new, *words[start + size :]])


def inserted(words: list[str], dice: Dice) -> str:
    """5 to 64 words of boilerplate in one place."""
    extra = BOILERPLATE.split()[: 5 + dice.below(60)]
    start = dice.below(len(words) + 1)
    return " ".join([*words[:start], *extra, *words[start:]])


def shuffled(words: list[str], dice: Dice) -> str:
    """Paragraphs of 8 to 67 words in another order."""
    size = 8 + dice.below(60)
    parts = [words[at : at + size] for at in range(0, len(words), size)]
    for at in range(len(parts) - 1, 0, -1):
        other = dice.below(at + 1)
        parts[at], parts[other] = parts[other], parts[at]
    return "\n\n".join(" ".join(part) for part in parts)


def truncated(words: list[str], dice: Dice) -> str:
    """The first 50 to 100 % of the words."""
    return " ".join(words[: max(10, len(words) * (50 + dice.below(51)) // 100)])


EDITS: tuple[Callable[[list[str], Dice], str], ...] = (
    few_words,
    many_words,
    stretch,
    inserted,
    shuffled,
    truncated,
)


def distinct_texts(path: Path) -> list[str]:
    """Texts of a Parquet file whose first twelve words are nobody else's."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for text in pq.read_table(path, columns=["text"]).column("text").to_pylist():
        words = text.split(None, 400)
        opening = tuple(words[:12])
        if len(words) >= 80 and opening not in seen:
            seen.add(opening)
            found.append(text)
    return found


def main() -> None:
    """Write the corpus: `text`, `n`, and for a copy `copy_of` and `edit`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--originals", type=int, default=1000, help="documents without a copy")
    arguments = parser.parse_args()
    texts, dice = distinct_texts(arguments.texts), Dice("planted")
    for at in range(len(texts) - 1, 0, -1):
        other = dice.below(at + 1)
        texts[at], texts[other] = texts[other], texts[at]
    chosen = texts[: arguments.pairs]
    rest = texts[arguments.pairs : arguments.pairs + arguments.originals]
    number = 0
    with arguments.out.open("w", encoding="utf-8") as out:

        def write(text: str, **more: object) -> int:
            nonlocal number
            out.write(json.dumps({"text": text, "n": number, **more}) + "\n")
            number += 1
            return number - 1

        for index, text in enumerate(chosen):
            words = text.split()[:400]
            original = write(" ".join(words))
            edit = EDITS[index % len(EDITS)]
            write(edit(words, dice), copy_of=original, edit=edit.__name__)
        for text in rest:
            write(text)


if __name__ == "__main__":
    main()
