"""What a language pays for its script: tokens of the same sentences in many languages.

*Premium* is the number of tokens over that of English for the same content (Petrov et al. 2023,
arXiv 2305.15425; FLORES-200). *Gini* is that of the languages' tokens, sum |ci - cj| / (2 n² mean):
0 where all pay alike. Both flatter a tokenizer that writes what it does not know as one unknown
token, so these are counted. Only lines that every language has are used.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import DataError, SpecError
from curate.tokenizer.encoding.encode import TextEncoder

ENGLISH = ("eng_Latn", "eng", "en", "English")


@dataclass(frozen=True)
class ParallelText:
    """The same lines in several languages."""

    languages: dict[str, pa.LargeStringArray]
    english: str


def read_parallel(path: str | Path, most_lines: int | None = None) -> ParallelText:
    """JSON lines with `language`, `line` (a number or name) and `text`; may be .gz.

    most_lines: the first ones, by order of the first language. Raises DataError, SpecError.
    """
    found: dict[str, dict[Any, str]] = {}
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    found.setdefault(str(row["language"]), {})[row["line"]] = str(row["text"])
                except (ValueError, KeyError, TypeError) as error:
                    raise DataError(
                        f"{path}:{number}: an object with language, line and text is expected "
                        f"({error!r})"
                    ) from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    english = next((name for name in ENGLISH if name in found), None)
    if english is None:
        known = ", ".join(sorted(found)[:5])
        raise SpecError(
            f"{path}: no English among its languages ({known}, …), so there is no premium; "
            f"English is called one of {', '.join(ENGLISH)}"
        )
    first = next(iter(found.values()))
    shared = [line for line in first if all(line in texts for texts in found.values())][:most_lines]
    if not shared:
        raise DataError(f"{path}: no line is there in all {len(found)} languages")
    return ParallelText(
        {
            name: pa.array([texts[line] for line in shared], pa.large_string())
            for name, texts in sorted(found.items())
        },
        english,
    )


def premiums(text: ParallelText, encoder: TextEncoder) -> dict[str, Any]:
    """Tokens, premium and bytes per token of every language; the Gini coefficient of all."""
    ids = {name: encoder.encode(lines)[1] for name, lines in text.languages.items()}
    tokens = {name: len(found) for name, found in ids.items()}
    number = encoder.vocabulary.unknown
    unknown = {
        name: 0 if number is None else int((found == number).sum()) for name, found in ids.items()
    }
    base = tokens[text.english]
    rows = {
        name: {
            "tokens": count,
            "premium": count / base if base else None,
            "bytes_per_token": _bytes(text.languages[name]) / count if count else None,
            "unknown": unknown[name],
        }
        for name, count in tokens.items()
    }
    found = np.array(list(tokens.values()), dtype=np.float64)
    return {
        "english": text.english,
        "lines": len(text.languages[text.english]),
        "gini": gini(found),
        "with_unknown": sum(count > 0 for count in unknown.values()),
        "median_premium": float(np.median(found)) / base if base else None,
        "languages": rows,
    }


def _bytes(lines: pa.LargeStringArray) -> int:
    return sum(len(line.encode()) for line in lines.to_pylist())


def gini(costs: np.ndarray) -> float | None:
    """sum |ci - cj| / (2 n² mean), by the sorted form; None where nothing costs anything."""
    ordered = np.sort(costs.astype(np.float64))
    total, count = ordered.sum(), len(ordered)
    if not count or not total:
        return None
    ranks = np.arange(1, count + 1)
    return float(((2 * ranks - count - 1) * ordered).sum() / (count * total))
