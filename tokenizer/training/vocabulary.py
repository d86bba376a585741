"""Which ids stand for what, for every model: special tokens, reserved tokens, what every text needs
(bytes, unknown token, alphabet), what was learned, and reserved tokens up to a multiple.

Special and reserved tokens are written to `tokenizer.json` as special added tokens; an encoder that
is told `encode_special_tokens` never finds them in text.
"""

from __future__ import annotations

import re

import numpy as np
from tokenizers import AddedToken, Tokenizer

from curate.errors import SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.patterns import cutter

BYTE_TOKENS = tuple(f"<0x{value:02X}>" for value in range(256))
"""The names that SentencePiece and `tokenizers` give to bytes outside the alphabet."""

PRINTABLE_ASCII = frozenset(map(chr, range(0x21, 0x7F)))


UNKNOWN = "<unk>"
"""The token of what the alphabet does not have; with bytes in the vocabulary no text needs it."""
RESERVED = re.compile(r"<\|reserved_[0-9]+\|>\Z")
"""Names that nothing learned may have."""


def reserved_token(number: int) -> str:
    """The name of an id without a meaning, kept for later."""
    return f"<|reserved_{number}|>"


def leading_tokens(config: TokenizerConfig, unknown: str | None = None) -> list[str]:
    """Special and reserved tokens: ids 0, 1, …, then `unknown` where it is none of them."""
    leading = [*config.special_tokens, *map(reserved_token, range(config.reserved_tokens))]
    return leading if unknown is None or unknown in leading else [*leading, unknown]


def padding_tokens(config: TokenizerConfig, size: int) -> list[str]:
    """Reserved tokens that fill a vocabulary of `size` tokens up to the multiple."""
    first = config.reserved_tokens
    return [reserved_token(first + number) for number in range(-size % config.pad_vocabulary_to)]


def add_special(tokenizer: Tokenizer, tokens: list[str]) -> None:
    """Mark tokens of the vocabulary as special; those that are not in it get the next ids."""
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in tokens]
    )


def check_special_tokens(config: TokenizerConfig) -> None:
    """Raise SpecError for special tokens that would share a name, or an id, with something else."""
    cut = cutter(config.chosen_pattern, config.digits)
    for token in config.special_tokens:
        if token in BYTE_TOKENS or RESERVED.match(token):
            raise SpecError(
                f"tokenizer.special_tokens: {token!r} is the name of a byte or a reserved token; "
                "choose another name"
            )
        if config.chosen_pattern == "metaspace":
            risky = len(token) < 2
        else:
            risky = not token.isascii() or len(cut.pre_tokenize_str(token)) < 2
        if risky:
            raise SpecError(
                f"tokenizer.special_tokens: {token!r} could be learned from ordinary text and "
                "would then have the id of that "
                "text; use ASCII letters between signs, as in '<|endoftext|>'"
            )


def choose_alphabet(
    code_points: np.ndarray,
    counts: np.ndarray,
    coverage: float,
    always: frozenset[str] = frozenset(),
) -> np.ndarray:
    """The most frequent characters that make up `coverage` of all, and those of `always`.

    code_points: uint32, ascending; counts: uint64. Equal counts: the lower code point first. NUL is
    never chosen (SentencePiece cannot hold it). Returns uint32 code points, ascending.
    """
    order = np.argsort(-counts.astype(np.int64), kind="stable")
    total = int(counts.sum())
    before = np.cumsum(counts[order], dtype=np.uint64) - counts[order]
    chosen = code_points[order][before.astype(np.float64) < coverage * total]
    wanted = np.array(sorted(map(ord, always)), dtype=np.uint32)
    found: np.ndarray = np.union1d(chosen, wanted).astype(np.uint32)
    kept: np.ndarray = found[found != 0]
    return kept


def room_for_pieces(config: TokenizerConfig, taken: int, alphabet: int) -> int:
    """Ids left after `taken` ones; SpecError when the alphabet does not fit."""
    room = config.vocab_size - taken
    if room < alphabet:
        raise SpecError(
            f"tokenizer.vocab_size: {config.vocab_size:,} is too small: {taken:,} ids are taken "
            f"by special, reserved and byte tokens, and the text has an alphabet of {alphabet:,} "
            f"characters; set at least {taken + alphabet:,}, or a lower "
            f"tokenizer.character_coverage (now {config.character_coverage})"
        )
    return room


def size_notes(config: TokenizerConfig, size: int, why: str) -> tuple[str, ...]:
    """A note where the vocabulary is smaller than asked for."""
    if size >= config.vocab_size:
        return ()
    return (f"the vocabulary has {size:,} tokens, not {config.vocab_size:,}: {why}",)
