"""Texts as a given BPE tokenizer sees them: distinct words of its tokens, and their counts.

Where its cut is one of `patterns`, pieces are counted and only distinct ones are encoded; any other
tokenizer encodes all of the text, at 1 to 3 MB/s per core, and says which tokens belong together.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models

from curate.tokenizer.config import Pattern, TokenizerConfig
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.counts import Counts, count_texts
from curate.tokenizer.training.patterns import BLANK, normalizer, pre_tokenizer

BATCH = 10_000
PIECE_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class TokenWords:
    """Word i has the tokens `tokens[offsets[i] : offsets[i + 1]]` (int64, uint32), `counts[i]`
    times (uint64).
    """

    offsets: np.ndarray
    tokens: np.ndarray
    counts: np.ndarray

    def without(self, tokens: np.ndarray) -> TokenWords:
        """The same words cut at tokens, which are left out. tokens: bool by token."""
        word = np.repeat(np.arange(len(self.counts)), np.diff(self.offsets))
        kept = ~tokens[self.tokens]
        begins = np.ones(len(word), np.bool_)
        begins[1:] = (word[1:] != word[:-1]) | ~kept[:-1]
        part = np.cumsum(begins)[kept]
        first = np.flatnonzero(np.diff(part, prepend=0))
        offsets = np.append(first, len(part)).astype(np.int64)
        return TokenWords(offsets, self.tokens[kept], self.counts[word[kept][first]])


def count_words(content: dict[str, Any], texts: Iterable[pa.LargeStringArray]) -> TokenWords:
    """Words of texts for the tokenizer of a parsed `tokenizer.json`."""
    config = known_cut(content)
    if config is None:
        return _words(_encoded(content, texts))
    return words_of_pieces(content, count_texts(texts, config), config)


def words_of_pieces(content: dict[str, Any], counts: Counts, config: TokenizerConfig) -> TokenWords:
    """Counted pieces as tokens of the model."""
    bare = dict(content, normalizer=None, pre_tokenizer=None, post_processor=None, added_tokens=[])
    model = _load(bare)
    table = dict(enumerate(byte_characters()))
    lengths: list[int] = []
    tokens: list[int] = []
    for start in range(0, len(counts.pretokens), BATCH):
        pieces = counts.pretokens.slice(start, BATCH).to_pylist()
        if config.chosen_alphabet == "bytes":
            texts = [piece.decode("latin-1").translate(table) for piece in pieces]
        else:
            texts = [piece.decode() for piece in pieces]
        for encoded in model.encode_batch_fast(texts, add_special_tokens=False):
            lengths.append(len(encoded.ids))
            tokens += encoded.ids
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    return TokenWords(offsets, np.array(tokens, np.uint32), counts.counts)


def known_cut(content: dict[str, Any]) -> TokenizerConfig | None:
    """A configuration that cuts and normalises as the tokenizer does; None where there is none."""
    if any(not token["special"] for token in content["added_tokens"]):
        return None
    wanted = _cut(content)
    if wanted[1] == {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}:
        forms = {"null": "none", '{"type": "NFC"}': "nfc", '{"type": "NFKC"}': "nfkc"}
        found = forms.get(json.dumps(wanted[0]))
        if found is None:
            return None
        return TokenizerConfig.model_validate({"pattern": "gpt2", "normalization": found})
    choices = itertools.product(
        [pattern for pattern in get_args(Pattern) if pattern != "words"],
        ("bytes", "characters"),
        ("pattern", "single", "triples"),
        ("none", "nfc", "nfkc"),
    )
    for pattern, alphabet, digits, form in choices:
        config = TokenizerConfig.model_validate(
            {"pattern": pattern, "alphabet": alphabet, "digits": digits, "normalization": form}
        )
        example = Tokenizer(models.BPE())
        example.pre_tokenizer = pre_tokenizer(config)
        if (normal := normalizer(config)) is not None:
            example.normalizer = normal
        if _cut(json.loads(example.to_str())) == wanted:
            return config
    return None


def _cut(content: dict[str, Any]) -> tuple[Any, Any]:
    """What decides on the pieces; `trim_offsets` does not."""
    return _without_offsets(content["normalizer"]), _without_offsets(content["pre_tokenizer"])


def _without_offsets(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_offsets(each) for name, each in value.items()}
        kept.pop("trim_offsets", None)
        return kept
    return [_without_offsets(each) for each in value] if isinstance(value, list) else value


def _encoded(
    content: dict[str, Any], texts: Iterable[pa.LargeStringArray]
) -> Iterator[tuple[int, ...]]:
    """Every word of texts, encoded by the whole tokenizer."""
    tokenizer = _load(content)
    blanks = content["pre_tokenizer"] is None
    names = {number: name for name, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    begins = {number for number, name in names.items() if name.startswith(BLANK)}
    only_blanks = {number for number, name in names.items() if name and not name.strip(BLANK)}
    for batch in texts:
        for text in batch.to_pylist():
            for start in range(0, len(text), PIECE_CHARACTERS):
                part = text[start : start + PIECE_CHARACTERS]
                encoded = tokenizer.encode(part, add_special_tokens=False)
                if blanks:
                    yield from _cut_at_blanks(encoded.ids, begins, only_blanks)
                else:
                    yield from _cut_at_words(encoded.ids, encoded.word_ids)


def _cut_at_words(ids: Sequence[int], words: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    for _, group in itertools.groupby(zip(words, ids, strict=True), key=lambda pair: pair[0]):
        yield tuple(number for _, number in group)


def _cut_at_blanks(
    ids: Sequence[int], begins: set[int], only_blanks: set[int]
) -> Iterator[tuple[int, ...]]:
    """A model that is given whole texts (Llama 2): a word begins with its blanks."""
    start = 0
    for at in range(1, len(ids)):
        if ids[at] in begins and ids[at - 1] not in only_blanks:
            yield tuple(ids[start:at])
            start = at
    if ids:
        yield tuple(ids[start:])


def _words(words: Iterable[tuple[int, ...]]) -> TokenWords:
    found = sorted(Counter(words).items())
    offsets = np.cumsum([0, *(len(word) for word, _ in found)], dtype=np.int64)
    flat = [token for word, _ in found for token in word]
    return TokenWords(
        offsets, np.array(flat, np.uint32), np.array([count for _, count in found], np.uint64)
    )


def _load(content: dict[str, Any]) -> Tokenizer:
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
