"""Train a tokenizer on counted pieces.

Sources: Sennrich et al. 2016 (BPE), Radford et al. 2019 (on bytes).

The bytes of `tokenizer.json` depend on the counts and the configuration only. All 256 byte values
have a token, so every text can be encoded; special tokens come first and are never learned from
text. Pair counts of the library `tokenizers` are signed 32-bit and wrap without an error (its issue
1170): a pair occurs at most once per byte, so more than 2^31 - 1 bytes are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.errors import DataError, SpecError
from curate.tokenizer.byte_tokenizer import byte_tokenizer
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.counts import Counts
from curate.tokenizer.patterns import cutter, normalizer, pre_tokenizer
from curate.tokenizer.trained import TrainedTokenizer
from curate.tokenizer.unigram import train_unigram_tokenizer

MAX_TRAINING_BYTES = 2**31 - 1
REPEATS = 4096


def train(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """Train the model that the configuration names.

    Raises DataError when there is no text; SpecError when a special token could be learned from
    ordinary text.
    """
    if not len(counts.pretokens):
        raise DataError(
            "tokenizer: there is no text to train on (no document of the train split was kept, "
            "or all are empty); "
            "`curate status` shows which stage removed them"
        )
    if config.model == "unigram":
        return train_unigram_tokenizer(counts, config)
    if config.model == "bytes":
        return byte_tokenizer(counts, config)
    _check_special_tokens(config)
    return _train_bytes(counts, config)


def _train_bytes(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    lengths = pc.binary_length(counts.pretokens).to_numpy().astype(np.uint64)
    if int((lengths * counts.counts).sum()) > MAX_TRAINING_BYTES:
        raise DataError(
            f"tokenizer training got more than {MAX_TRAINING_BYTES:,} bytes of text, "
            "where 32-bit pair counts can wrap"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=list(config.special_tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=config.max_token_bytes,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeated(counts), trainer)
    tokenizer.pre_tokenizer = pre_tokenizer(config)
    if (form := normalizer(config)) is not None:
        tokenizer.normalizer = form
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    notes = counts.notes
    if size < config.vocab_size:
        notes += (
            f"the vocabulary has {size:,} tokens, not {config.vocab_size:,}: "
            f"{counts.text_bytes:,} bytes of text have no more "
            f"pairs that occur {config.min_frequency} times",
        )
    saved = tokenizer.to_str(pretty=False).encode()
    _check_merges(saved, config)
    return TrainedTokenizer(saved, size, counts.documents, counts.text_bytes, notes)


def _repeated(counts: Counts) -> Iterator[list[str]]:
    for piece, number in zip(counts.pretokens.to_pylist(), counts.counts.tolist(), strict=True):
        text = piece.decode()
        for start in range(0, number, REPEATS):
            yield [text] * min(REPEATS, number - start)


def _check_special_tokens(config: TokenizerConfig) -> None:
    """A special token that is one piece of ordinary text would share its id with that text."""
    cut = cutter(config.chosen_pattern, config.digits)
    for token in config.special_tokens:
        if not token.isascii() or len(cut.pre_tokenize_str(token)) < 2:
            raise SpecError(
                f"tokenizer.special_tokens: {token!r} could be learned from ordinary text and "
                "would then have the id of that "
                "text; use ASCII letters between signs, as in '<|endoftext|>'"
            )


def _check_merges(saved: bytes, config: TokenizerConfig) -> None:
    """Proof on the result: no merge makes a special token, so no ordinary text can get its id."""
    special = set(config.special_tokens)
    for left, right in json.loads(saved)["model"]["merges"]:
        if left + right in special:
            raise SpecError(
                f"tokenizer.special_tokens: {left + right!r} was learned from text; choose "
                "another name"
            )
