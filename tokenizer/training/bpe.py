"""Byte-pair encoding from counted pieces: on bytes, or on characters with bytes to fall back on.

Sources: Sennrich et al. 2016 (BPE), Radford et al. 2019 (on bytes), Touvron et al. 2023 (Llama 2:
characters with byte fallback). The merges are those of `kernels.bpe`: equal to the trainer of
`tokenizers` on the same pieces, and right where its 32-bit counts wrap.

Ids: special tokens, reserved tokens, the alphabet, what was learned, reserved tokens that pad the
vocabulary. On bytes the alphabet is all 256 bytes, in the order of the characters that stand for
them in the file (as GPT-2). On characters it is `<unk>` (SentencePiece's format needs it; no text
gives it), 256 bytes `<0x00>` to `<0xFF>`, then the most frequent characters up to
`character_coverage`, chosen by count, then code point, numbered by code point; any other character
is written as its bytes, and nothing is merged across it.

No learned token spells a special or reserved one, so ordinary text never gets their ids.
Cost: see `kernels.bpe`; 0.2 s for 10 MB of English, 32,000 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from tokenizers import Tokenizer, decoders, models

from curate.errors import DataError
from curate.kernels.bpe import MergeLimits, Merges, merges_of_bytes, merges_of_characters
from curate.kernels.pretokens import count_characters
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.patterns import BLANK, blank_decoder, normalizer, pre_tokenizer
from curate.tokenizer.training.trained import TrainedTokenizer
from curate.tokenizer.training.vocabulary import (
    BYTE_TOKENS,
    UNKNOWN,
    add_special,
    check_special_tokens,
    choose_alphabet,
    leading_tokens,
    padding_tokens,
    room_for_pieces,
    size_notes,
)

MAX_WEIGHTED_BYTES = 2**62


def train_bpe(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """Train on counts. The bytes of the file depend on the counts and the configuration only.

    Raises SpecError where the alphabet does not fit into the vocabulary, or a special token could
    be mistaken for text; DataError for more than 2^62 bytes of counted text.
    """
    check_special_tokens(config)
    lengths = pc.binary_length(counts.pretokens).to_numpy(zero_copy_only=False)
    if float(lengths.astype(np.float64) @ counts.counts.astype(np.float64)) > MAX_WEIGHTED_BYTES:
        raise DataError(
            "tokenizer: the counts stand for more than 2^62 bytes of text, which 64-bit counts of "
            "pairs cannot hold; scale them down"
        )
    learn = _learn_on_bytes if config.chosen_alphabet == "bytes" else _learn_on_characters
    vocabulary = learn(counts, config)
    why = (
        f"{counts.text_bytes:,} bytes of text have no more pairs that occur "
        f"{config.min_frequency} times"
    )
    notes = counts.notes + size_notes(config, len(vocabulary.names), why)
    padding = padding_tokens(config, len(vocabulary.names))
    vocabulary.names += padding
    vocabulary.special += padding
    saved = _tokenizer(vocabulary, config).to_str(pretty=False).encode()
    size = len(vocabulary.names)
    return TrainedTokenizer(saved, size, counts.documents, counts.text_bytes, notes)


@dataclass(slots=True)
class _Vocabulary:
    """names: by id, as the file spells them. special: names that text never yields."""

    names: list[str]
    merges: list[tuple[str, str]]
    special: list[str]


def _learn_on_bytes(counts: Counts, config: TokenizerConfig) -> _Vocabulary:
    special = leading_tokens(config)
    characters = byte_characters()
    alphabet = sorted(range(256), key=lambda byte: characters[byte])
    token_of_byte = np.empty(256, np.uint32)
    token_of_byte[alphabet] = np.arange(len(special), len(special) + 256)
    tokens = [name.encode() for name in special] + [bytes([byte]) for byte in alphabet]
    limits = _limits(config, config.vocab_size - len(tokens))
    learned = merges_of_bytes(counts.pretokens, counts.counts, tokens, token_of_byte, limits)
    return _named(special, [characters[byte] for byte in alphabet], learned)


def _learn_on_characters(counts: Counts, config: TokenizerConfig) -> _Vocabulary:
    special = leading_tokens(config, UNKNOWN)
    chosen = choose_alphabet(
        *count_characters(counts.pretokens, counts.counts),
        config.character_coverage,
        frozenset({BLANK} if config.chosen_pattern == "metaspace" else ()),
    )
    before = len(special) + len(BYTE_TOKENS)
    room = room_for_pieces(config, before, len(chosen))
    alphabet = [*BYTE_TOKENS, *map(chr, chosen.tolist())]
    learned = merges_of_characters(
        counts.pretokens,
        counts.counts,
        [name.encode() for name in (*special, *alphabet)],
        chosen,
        np.arange(before, before + len(chosen), dtype=np.uint32),
        _limits(config, room - len(chosen)),
    )
    return _named(special, alphabet, learned)


def _limits(config: TokenizerConfig, merges: int) -> MergeLimits:
    return MergeLimits(merges, config.min_frequency, config.max_token_bytes)


def _named(special: list[str], alphabet: list[str], learned: Merges) -> _Vocabulary:
    names = [*special, *alphabet]
    merges = []
    for left, right in learned.pairs.tolist():
        merges.append((names[left], names[right]))
        names.append(names[left] + names[right])
    return _Vocabulary(names, merges, special)


def _tokenizer(vocabulary: _Vocabulary, config: TokenizerConfig) -> Tokenizer:
    on_characters = config.chosen_alphabet == "characters"
    model = models.BPE(
        vocab={name: number for number, name in enumerate(vocabulary.names)},
        merges=vocabulary.merges,
        unk_token=UNKNOWN if on_characters else None,
        fuse_unk=on_characters,
        byte_fallback=on_characters,
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer(config)
    if (form := normalizer(config)) is not None:
        tokenizer.normalizer = form
    tokenizer.decoder = _decoder(config)
    add_special(tokenizer, vocabulary.special)
    return tokenizer


def _decoder(config: TokenizerConfig) -> decoders.Decoder:
    """Text from tokens; the blank that `metaspace` puts before a text is taken off."""
    blanks = config.chosen_pattern == "metaspace"
    if config.chosen_alphabet == "characters":
        if blanks:
            return blank_decoder()
        return decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    if not blanks:
        return decoders.ByteLevel()
    return decoders.Sequence(
        [decoders.ByteLevel(), decoders.Replace(BLANK, " "), decoders.Strip(" ", 1, 0)]
    )
