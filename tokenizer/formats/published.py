"""Tokenizers in the formats people publish them in, as `tokenizer.json`.

`tokenizer.json` is taken as it is. A tiktoken rank file holds tokens and ranks only: every pair of
tokens whose join is a token merges, lowest rank of the join first, and a whole pre-token that is a
token is one (`ignore_merges`). The pattern that goes with it follows from the file's name; its
control tokens are in tiktoken's code, not in the file, and are left out. Cost: 1 s per 100,000
ranks.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import SpecError
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.patterns import regular_expression

RANK_PATTERNS = {
    "cl100k_base": "gpt4",
    "r50k_base": "gpt2",
    "p50k_base": "gpt2",
    "gpt2": "gpt2",
}


@dataclass(frozen=True)
class NamedTokenizer:
    """A tokenizer and what people call it."""

    name: str
    tokenizer_json: bytes


def read_tokenizer(place: str | Path, name: str | None = None) -> NamedTokenizer:
    """A tokenizer from a file (`.json`, `.tiktoken`, both also `.gz`), from a folder that holds a
    `tokenizer.json`, or from a run folder.

    Raises SpecError where there is none, or its format is not known.
    """
    path = Path(place)
    for inside in ("tokenizer.json", "tokenizer/tokenizer.json"):
        if path.is_dir() and (path / inside).is_file():
            return NamedTokenizer(name or path.resolve().name, (path / inside).read_bytes())
    if not path.is_file():
        raise SpecError(
            f"{place}: no tokenizer here; give a tokenizer.json, a .tiktoken file (both may be "
            ".gz), or a folder with a tokenizer.json"
        )
    data = path.read_bytes()
    try:
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise SpecError(f"{place}: cannot be decompressed: {error}") from error
    base, _, ending = path.name.removesuffix(".gz").rpartition(".")
    if ending == "json":
        own = path.resolve().parent.name if base == "tokenizer" else base
        return NamedTokenizer(name or own, data)
    if ending == "tiktoken":
        if base not in RANK_PATTERNS:
            raise SpecError(
                f"{place}: a .tiktoken file does not hold its pattern, and the name {base!r} says "
                f"none; known names: {', '.join(RANK_PATTERNS)}"
            )
        return NamedTokenizer(name or base, _from_ranks(_ranks(data, str(place)), base))
    raise SpecError(f"{place}: {ending!r} is no tokenizer format; known: json, tiktoken")


def _ranks(data: bytes, place: str) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise SpecError(f"{place}:{number}: no line of a rank file: {error}") from error
    return ranks


def _from_ranks(ranks: dict[bytes, int], name: str) -> bytes:
    characters = byte_characters()
    spelled = {token: "".join(characters[byte] for byte in token) for token in ranks}
    merges: list[tuple[int, int, int, str, str]] = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks:
                merges.append((rank, ranks[left], ranks[right], spelled[left], spelled[right]))
    merges.sort()
    pattern = regular_expression("gpt4" if RANK_PATTERNS[name] == "gpt4" else "gpt2", "pattern")
    to_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": pattern},
                    "behavior": "Isolated",
                    "invert": False,
                },
                {**to_bytes, "use_regex": False},
            ],
        },
        "post_processor": None,
        "decoder": {**to_bytes, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {spelled[token]: rank for token, rank in ranks.items()},
            "merges": [[left, right] for *_, left, right in merges],
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()
