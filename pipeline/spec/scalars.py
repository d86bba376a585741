"""Plain YAML words to values, and sizes such as `256 MiB` to bytes.

YAML 1.2 core rules, so that the language code `no` stays text, plus `2_000_000_000` and `1e9` as
whole numbers. Dates, times and everything else stay text. Cost: a few regular expressions per
value.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_BASED = re.compile(r"0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7][0-7_]*")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:([eE])[-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_SIZE = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*([kKMGTP]?)(i?)[bB]", re.ASCII)
_PREFIXES = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_MOST_DIGITS = 400

SIZE_PATTERN = r"^[0-9][0-9_]*(\.[0-9]+)?\s*[kKMGTP]?i?[bB]$"
"""For the JSON Schema: what `parse_size` reads."""


def plain_scalar(text: str) -> Scalar:
    """Value of an unquoted word. Raises ValueError for a number that no machine number can hold."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _MOST_DIGITS and _FLOAT.fullmatch(text):
        raise ValueError("a number with too many digits")
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if _BASED.fullmatch(text):
        return int(text.replace("_", ""), 0)
    if infinity := _INFINITY.fullmatch(text):
        return float(infinity.group(1) + "inf")
    if text in (".nan", ".NaN", ".NAN"):
        raise ValueError("'.nan' is no usable value")
    if number := _FLOAT.fullmatch(text):
        return _float(text, exponent=number.group(1) is not None)
    return text


def _float(text: str, exponent: bool) -> int | float:
    value = float(text.replace("_", ""))
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number too large for a 64-bit float")
    return int(value) if exponent and value.is_integer() and abs(value) < 2**63 else value


def parse_size(text: str) -> int:
    """`256 MiB` (1024-based), `1.5 GB` (1000-based) or `100 B` in bytes. Raises ValueError for
    anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match.group(3) and not match.group(2)):
        raise ValueError("a size is a whole number of bytes or text such as '256 MiB' or '1.5 GB'")
    base = 1024 if match.group(3) else 1000
    unit: int = base ** _PREFIXES[match.group(2).lower()]
    whole, _, decimals = match.group(1).replace("_", "").partition(".")
    if len(whole) + len(decimals) > 30:
        raise ValueError("a size with too many digits")
    divisor: int = 10 ** len(decimals)
    size, rest = divmod(int(whole + decimals) * unit, divisor)
    if rest:
        raise ValueError("a size must be a whole number of bytes")
    return size
