"""Byte-level BPE as a tiktoken file: a line `<base64 of the bytes> <rank>` per token.

The file holds neither the pattern nor the special tokens; they go into a JSON sidecar with the
names of `tiktoken.Encoding`'s arguments:

    ranks = tiktoken.load.load_tiktoken_bpe("tok.tiktoken")
    rest = json.load(open("tok.tiktoken.json"))
    encoding = tiktoken.Encoding(mergeable_ranks=ranks, **rest)

tiktoken merges whatever two neighbours spell a token, the lowest rank first, and takes a piece that
is a token as it is. So ranks must be ids in the order of the merges, and every token must come out
of its own bytes: both are checked.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from tokenizers import Tokenizer

from curate.tokenizer.formats.export import Exported, cannot, merge_pairs, special_ids, steps
from curate.tokenizer.training.byte_tokenizer import byte_characters


def tiktoken_file(content: dict[str, Any], kind: str) -> Exported:
    """The file and its sidecar. SpecError where tiktoken would give other ids."""
    model = content["model"]
    if kind != "BPE" or model.get("byte_fallback"):
        raise cannot("tiktoken", f"it holds byte-level BPE only, and this is {_name(kind, model)}")
    if steps(content.get("normalizer"), "normalizers"):
        raise cannot("tiktoken", "it has no normal forms (`normalization: none`)")
    pattern = _pattern(content)
    special = special_ids(content)
    value = {character: byte for byte, character in enumerate(byte_characters())}
    ranks: dict[bytes, int] = {}
    for token, number in model["vocab"].items():
        if token in special:
            continue
        if not all(character in value for character in token):
            raise cannot("tiktoken", f"token {token!r} is not written in byte-level characters")
        ranks[bytes(value[character] for character in token)] = number
    _check(content, model, special, ranks)
    lines = [
        base64.b64encode(token) + f" {rank}\n".encode()
        for token, rank in sorted(ranks.items(), key=lambda pair: pair[1])
    ]
    sidecar = {"name": "curate", "pat_str": pattern, "special_tokens": special}
    return Exported(b"".join(lines), sidecar, (f"pattern: {pattern}",))


def _name(kind: str, model: dict[str, Any]) -> str:
    return "BPE on characters with byte fallback" if model.get("byte_fallback") else kind


def _pattern(content: dict[str, Any]) -> str:
    cuts = steps(content.get("pre_tokenizer"), "pretokenizers")
    if [cut["type"] for cut in cuts] != ["Split", "ByteLevel"]:
        raise cannot("tiktoken", "its text is not cut by one regular expression")
    split, level = cuts
    expression = split["pattern"].get("Regex")
    if expression is None or split["behavior"] != "Isolated" or split.get("invert"):
        raise cannot("tiktoken", "its regular expression does not stand for the pieces themselves")
    if level["add_prefix_space"] or level["use_regex"]:
        raise cannot("tiktoken", "its pre-tokenizer ByteLevel changes or cuts the text once more")
    return str(expression)


def _check(
    content: dict[str, Any], model: dict[str, Any], special: dict[str, int], ranks: dict[bytes, int]
) -> None:
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise cannot("tiktoken", f"byte 0x{missing[0]:02X} has no token")
    made = [model["vocab"].get(left + right) for left, right in merge_pairs(content)]
    if None in made or any(first >= second for first, second in itertools.pairwise(made)):
        raise cannot("tiktoken", "its ids are not in the order of its merges")
    learned = [token for token in model["vocab"] if token not in special]
    tokenizer = Tokenizer.from_str(json.dumps({**content, "pre_tokenizer": None}))
    for token in learned:
        found = tokenizer.model.tokenize(token)
        if len(found) != 1:
            raise cannot(
                "tiktoken", f"token {token!r} does not come out of its own bytes by the merges"
            )
