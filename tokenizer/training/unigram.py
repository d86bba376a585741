"""Train a Unigram tokenizer (Kudo 2018) with byte fallback on counted pieces.

Text is cut before blanks, written as `▁`. Characters outside the alphabet (`character_coverage` of
all occurrences, printable ASCII always) are spelled in byte tokens, so every text can be encoded.
Ids: special and reserved tokens, `<unk>` if it is none of them (the format needs one; no text
gives it), 256 bytes, then
pieces, most probable first.

Scores are natural logarithms rounded to 1/64: sums of them are exact in single precision up to
2^18, so every library finds the same best pieces, SentencePiece's floats included. The rounding
costs less than 0.01 % of bits per byte.

A text may spell the name of a token (`<0x41>`, `<unk>`, `<|endoftext|>`). Such names have a score
below that of their characters one by one, so the text stays text.

Cost: `kernels/unigram_train.py`.
"""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer, models

from curate.kernels.pretokens import count_characters
from curate.kernels.unigram_train import UnigramSettings, train_unigram
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.patterns import BLANK, blank_decoder, normalizer, pre_tokenizer
from curate.tokenizer.training.trained import TrainedTokenizer
from curate.tokenizer.training.vocabulary import (
    BYTE_TOKENS,
    PRINTABLE_ASCII,
    RESERVED,
    UNKNOWN,
    add_special,
    check_special_tokens,
    choose_alphabet,
    leading_tokens,
    padding_tokens,
    room_for_pieces,
    size_notes,
)

SCORE_STEPS = 64

Vocabulary = list[tuple[str, float]]
"""Tokens and scores by id."""


def train_unigram_tokenizer(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """Train on counts of a `metaspace` cut. SpecError where the alphabet does not fit."""
    check_special_tokens(config)
    leading = leading_tokens(config, UNKNOWN)
    taken = len(leading) + len(BYTE_TOKENS)
    named = [*leading, *BYTE_TOKENS]
    pieces = learn_pieces(counts, config, taken)
    padding = padding_tokens(config, taken + len(pieces))
    lowest = min(score for piece, score in pieces if len(piece) == 1)
    unreachable = float(np.floor(lowest) * (1 + max(map(len, named + padding))))
    vocabulary = [(token, unreachable) for token in named]
    vocabulary += [*pieces, *((token, unreachable) for token in padding)]
    tokenizer = unigram_tokenizer(vocabulary, leading.index(UNKNOWN), config)
    add_special(tokenizer, [*leading, *padding])
    size = len(vocabulary)
    why = f"{counts.text_bytes:,} bytes of text have no more useful pieces"
    return TrainedTokenizer(
        tokenizer.to_str(pretty=False).encode(),
        size,
        counts.documents,
        counts.text_bytes,
        counts.notes + size_notes(config, size, why),
    )


def learn_pieces(counts: Counts, config: TokenizerConfig, taken: int) -> Vocabulary:
    """Pieces and scores, best first, for a vocabulary in which `taken` ids are used otherwise."""
    always = PRINTABLE_ASCII | {BLANK} | set("".join(config.special_tokens))
    alphabet = choose_alphabet(
        *count_characters(counts.pretokens, counts.counts),
        config.character_coverage,
        frozenset(always - {" "}),
    )
    room = room_for_pieces(config, taken, len(alphabet))
    settings = UnigramSettings(
        min_frequency=config.min_frequency, piece_bytes=config.max_token_bytes
    )
    model = train_unigram(counts.pretokens, counts.counts, alphabet, room, settings)
    named = {*leading_tokens(config, UNKNOWN), *BYTE_TOKENS}
    scores = np.rint(model.log_probabilities * SCORE_STEPS) / SCORE_STEPS
    pairs = zip(model.pieces, scores.tolist(), strict=True)
    learned = [
        (piece, score) for piece, score in pairs if piece not in named and not RESERVED.match(piece)
    ]
    return sorted(learned, key=lambda pair: (-pair[1], pair[0]))


def unigram_tokenizer(vocabulary: Vocabulary, unknown: int, config: TokenizerConfig) -> Tokenizer:
    """The model with the cut and the decoder that go with it. unknown: id of the unknown token."""
    tokenizer = Tokenizer(models.Unigram(vocabulary, unknown, byte_fallback=True))
    form = normalizer(config)
    if form is not None:
        tokenizer.normalizer = form
    tokenizer.pre_tokenizer = pre_tokenizer(config)
    tokenizer.decoder = blank_decoder()
    return tokenizer
