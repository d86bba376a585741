"""A saved tokenizer in the file format of another library, with the same ids.

| saved model | format | read by |
|---|---|---|
| byte-level BPE | tiktoken | tiktoken and what reads its files |
| Unigram, BPE on characters, both with byte fallback | sentencepiece | SentencePiece |

Any other pair is a SpecError that says what the format cannot hold. Every check is on the file
itself, so a tokenizer from elsewhere is exported too if it has the form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import Tokenizer

from curate.errors import SpecError

ExportFormat = Literal["tiktoken", "sentencepiece"]


@dataclass(frozen=True, slots=True)
class Exported:
    """data: the file. sidecar: a JSON object that belongs beside it; None where all is inside.
    notes: sentences for the user.
    """

    data: bytes
    sidecar: dict[str, Any] | None
    notes: tuple[str, ...]


def export_tokenizer(tokenizer_json: bytes, wanted: ExportFormat) -> Exported:
    """The tokenizer in the wanted format. Raises SpecError where the format cannot hold it."""
    from curate.tokenizer.formats.sentencepiece_model import sentencepiece_model
    from curate.tokenizer.formats.tiktoken_ranks import tiktoken_file

    try:
        Tokenizer.from_str(tokenizer_json.decode())
        content = json.loads(tokenizer_json)
        kind = content["model"]["type"]
    except Exception as error:
        raise SpecError(f"tokenizer export: this is no tokenizer.json ({error})") from error
    typed = [token["content"] for token in content["added_tokens"] if not token["special"]]
    if typed:
        raise cannot(wanted, f"it finds the added token {typed[0]!r} in text, whatever its model")
    extras = ("continuing_subword_prefix", "end_of_word_suffix")
    if any(content["model"].get(key) for key in extras) and kind == "BPE":
        raise cannot(wanted, "its tokens carry marks for the inside or the end of words")
    if wanted == "tiktoken":
        return tiktoken_file(content, kind)
    return sentencepiece_model(content, kind)


def cannot(wanted: ExportFormat, reason: str) -> SpecError:
    """The error for a tokenizer that a format cannot hold."""
    return SpecError(f"tokenizer export: {wanted} cannot hold this tokenizer: {reason}")


def steps(step: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """Normalizers or pre-tokenizers as a flat list; key: where a sequence keeps them."""
    if step is None:
        return []
    if step.get("type") != "Sequence":
        return [step]
    return [inner for each in step[key] for inner in steps(each, key)]


def special_ids(content: dict[str, Any]) -> dict[str, int]:
    """Names and ids of the special tokens."""
    return {token["content"]: token["id"] for token in content["added_tokens"]}


def merge_pairs(content: dict[str, Any]) -> list[tuple[str, str]]:
    """The merges in order, also where an older file writes them as one string."""
    found = []
    for pair in content["model"]["merges"]:
        left, right = pair.split(" ", 1) if isinstance(pair, str) else pair
        found.append((left, right))
    return found
