"""New tokens for an existing BPE tokenizer, whose ids stay what they are.

A model that is trained further on a new language or domain needs tokens for it, and its embeddings
tie it to the ids it has (Cui et al. 2023 did so for Chinese on LLaMA, by joining two SentencePiece
models). Here the texts are encoded by the base, and byte-pair encoding goes on from its tokens.
Merges of new tokens come after all old ones, so the base's part of every encoding is the same as
before, and new tokens only join what it leaves apart: the compression of no text gets worse.

Where the base works on characters, characters of the texts that it spells in bytes become tokens
first, most frequent first, up to `character_coverage`, if they occur `min_frequency` times. Byte
tokens are never joined.

New ids follow the highest of the base. Every added token of the base is put into the file's
vocabulary with its id, because `tokenizers` numbers those outside anew when the vocabulary grows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from curate.errors import DataError, SpecError, StageError
from curate.kernels.bpe import MergeLimits, merges_of_tokens
from curate.kernels.pretokens import count_characters
from curate.tokenizer.training.base_words import TokenWords, count_words
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.vocabulary import BYTE_TOKENS, choose_alphabet

_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>\Z")
CHECKED_TEXTS = 200
MAY_BE_ABSENT: dict[str, Any] = {"normalizer": None, "pre_tokenizer": None, "added_tokens": []}


@dataclass(frozen=True, slots=True)
class ExtendSettings:
    """tokens: how many to add at most; the rest as in `TokenizerConfig`.

    min_frequency: of a pair that is merged, and of a character that gets a token.
    """

    tokens: int
    min_frequency: int = 2
    max_token_bytes: int = 64
    character_coverage: float = 0.9995


@dataclass(frozen=True, slots=True)
class ExtendedTokenizer:
    """The new file. Added tokens have the ids from `first_id` on, `characters` of them first."""

    tokenizer_json: bytes
    first_id: int
    added: tuple[str, ...]
    characters: int


@dataclass(frozen=True, slots=True)
class Compression:
    """What texts take before and after."""

    documents: int
    text_bytes: int
    tokens_before: int
    tokens_after: int

    @property
    def before(self) -> float | None:
        """Bytes per token with the base."""
        return self.text_bytes / self.tokens_before if self.tokens_before else None

    @property
    def after(self) -> float | None:
        """Bytes per token with the extended tokenizer."""
        return self.text_bytes / self.tokens_after if self.tokens_after else None


def read_base(data: bytes) -> dict[str, Any]:
    """The content of a BPE `tokenizer.json`; SpecError where it cannot be extended."""
    try:
        Tokenizer.from_str(data.decode())
        content: dict[str, Any] = MAY_BE_ABSENT | json.loads(data)
    except Exception as error:
        raise SpecError(f"the base tokenizer cannot be read by `tokenizers`: {error}") from error
    model = content["model"]
    if model.get("type") != "BPE":
        raise SpecError(
            f"the base tokenizer is {model.get('type')}; only BPE can be extended, because its "
            "new merges cannot change how the old tokens are found"
        )
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise SpecError("a base tokenizer with a prefix or suffix in its tokens is not supported")
    ids = set(_ids(content).values())
    if missing := sorted(set(range(max(ids, default=-1) + 1)) - ids):
        raise SpecError(
            f"the base tokenizer's vocabulary has holes: {len(missing):,} ids below {max(ids):,} "
            f"name no token (first {missing[0]}); new ids could not be told from lost ones"
        )
    return content


def extend_tokenizer(
    base: bytes, texts: Sequence[pa.LargeStringArray], settings: ExtendSettings
) -> ExtendedTokenizer:
    """Add tokens learned from texts (no nulls), which are read twice where the base works on
    characters.

    Raises SpecError for a base that cannot be extended, DataError when there is no text.
    """
    content = read_base(base)
    if not any(pc.sum(pc.binary_length(batch)).as_py() for batch in texts):
        raise DataError("there is no text to learn new tokens from")
    first_id = len(_ids(content))
    extended = _with_added_tokens(content)
    characters = _new_characters(content, texts, settings)
    names = [*_by_id(content), *characters]
    extended["model"]["vocab"] |= {name: first_id + n for n, name in enumerate(characters)}
    words = count_words({**content, "model": extended["model"]} if characters else content, texts)
    learned = _learn(content, names, words, settings, settings.tokens - len(characters))
    for left, right in learned:
        extended["model"]["vocab"][names[left] + names[right]] = len(names)
        extended["model"]["merges"].append([names[left], names[right]])
        names.append(names[left] + names[right])
    saved = Tokenizer.from_str(json.dumps(extended)).to_str(pretty=False).encode()
    _check(base, saved, texts)
    return ExtendedTokenizer(saved, first_id, tuple(names[first_id:]), len(characters))


def compression(base: bytes, extended: bytes, texts: Iterable[pa.LargeStringArray]) -> Compression:
    """What texts take with both tokenizers; special tokens in them are text."""
    before, after = _load(base), _load(extended)
    sums = np.zeros(4, np.int64)
    for batch in texts:
        values = batch.to_pylist()
        found = [
            sum(
                len(encoded)
                for encoded in tokenizer.encode_batch_fast(values, add_special_tokens=False)
            )
            for tokenizer in (before, after)
        ]
        sums += np.array([len(values), pc.sum(pc.binary_length(batch)).as_py() or 0, *found])
    return Compression(*sums.tolist())


def _learn(
    content: dict[str, Any],
    names: list[str],
    words: TokenWords,
    settings: ExtendSettings,
    merges: int,
) -> list[tuple[int, int]]:
    added = {token["id"] for token in content["added_tokens"]}
    unknown = content["model"].get("unk_token")
    apart = np.array(
        [
            number in added or name == unknown or bool(_falls_back(content, name))
            for number, name in enumerate(names)
        ]
    )
    words = words.without(apart)
    limits = MergeLimits(merges, settings.min_frequency, settings.max_token_bytes)
    spelled = _spelling(content, names)
    found = merges_of_tokens(words.offsets, words.tokens, words.counts, spelled, limits)
    return [(left, right) for left, right in found.pairs.tolist()]


def _falls_back(content: dict[str, Any], name: str) -> bool:
    return bool(content["model"].get("byte_fallback")) and _BYTE_TOKEN.match(name) is not None


def _spelling(content: dict[str, Any], names: list[str]) -> list[bytes]:
    """Tokens as bytes of text, as far as the bound on their length goes."""
    if not _on_bytes(content):
        return [name.encode() for name in names]
    bytes_of = {character: byte for byte, character in enumerate(byte_characters())}
    return [
        bytes(map(bytes_of.__getitem__, name))
        if all(character in bytes_of for character in name)
        else name.encode()
        for name in names
    ]


def _on_bytes(content: dict[str, Any]) -> bool:
    return '"ByteLevel"' in json.dumps(content["pre_tokenizer"])


def _new_characters(
    content: dict[str, Any], texts: Sequence[pa.LargeStringArray], settings: ExtendSettings
) -> list[str]:
    """Characters that get a token: those that the base spells in bytes, most frequent first."""
    vocabulary = content["model"]["vocab"]
    if _on_bytes(content) or not set(BYTE_TOKENS) <= vocabulary.keys():
        return []
    normalizer = _load(json.dumps(content).encode()).normalizer
    counts = np.zeros(0x110000, np.uint64)
    for batch in texts:
        normal = batch
        if normalizer is not None:
            values = [normalizer.normalize_str(text) for text in batch.to_pylist()]
            normal = pa.array(values, pa.large_string())
        points, found = count_characters(
            normal.cast(pa.large_binary()), np.ones(len(normal), np.uint64)
        )
        counts[points] += found
    seen = np.flatnonzero(counts).astype(np.uint32)
    chosen = choose_alphabet(seen, counts[seen], settings.character_coverage)
    frequent = chosen[counts[chosen] >= settings.min_frequency].tolist()
    new = [point for point in frequent if chr(point) not in vocabulary and point != 0x20]
    new.sort(key=lambda point: (-int(counts[point]), point))
    return [chr(point) for point in new[: settings.tokens]]


def _with_added_tokens(content: dict[str, Any]) -> dict[str, Any]:
    model = dict(content["model"])
    added = {token["content"]: token["id"] for token in content["added_tokens"]}
    model["vocab"] = {**model["vocab"], **added}
    model["merges"] = [
        merge.split(" ") if isinstance(merge, str) else list(merge) for merge in model["merges"]
    ]
    return {**content, "model": model}


def _ids(content: dict[str, Any]) -> dict[str, int]:
    added = {token["content"]: token["id"] for token in content["added_tokens"]}
    return {**content["model"]["vocab"], **added}


def _by_id(content: dict[str, Any]) -> list[str]:
    return [name for name, _ in sorted(_ids(content).items(), key=lambda pair: pair[1])]


def _check(base: bytes, extended: bytes, texts: Sequence[pa.LargeStringArray]) -> None:
    """Proof on the result: old ids are the same, and texts come back as with the base."""
    before, after = _load(base), _load(extended)
    new = after.get_vocab(with_added_tokens=True)
    for name, number in before.get_vocab(with_added_tokens=True).items():
        if new.get(name) != number:
            raise StageError(f"token {name!r} would have id {new.get(name)} instead of {number}")
    for text in next(iter(texts)).slice(0, CHECKED_TEXTS).to_pylist():
        part = text[:2000]
        ids = [each.encode(part, add_special_tokens=False).ids for each in (before, after)]
        decoded = [_decoded(each, found) for each, found in zip((before, after), ids, strict=True)]
        if decoded[0] != decoded[1] or len(ids[1]) > len(ids[0]):
            raise StageError(f"a text comes back otherwise, or takes more tokens: {part[:80]!r}")


def _decoded(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of ids; without a decoder the library would put a blank between tokens."""
    if tokenizer.decoder is None:
        return "".join(tokenizer.id_to_token(number) or "" for number in ids)
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def _load(data: bytes) -> Tokenizer:
    tokenizer = Tokenizer.from_str(data.decode())
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
