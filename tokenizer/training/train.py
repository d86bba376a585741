"""Train a tokenizer on counted pieces.

The bytes of `tokenizer.json` depend on the counts and the configuration only: trainers use one
thread, ties have a rule, and nothing is sampled.
"""

from __future__ import annotations

from curate.errors import DataError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.bpe import train_bpe
from curate.tokenizer.training.byte_tokenizer import byte_tokenizer
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.trained import TrainedTokenizer
from curate.tokenizer.training.unigram import train_unigram_tokenizer
from curate.tokenizer.training.wordpiece import train_wordpiece


def train(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """Train the model that the configuration names.

    Raises DataError when there is no text; SpecError when a special token could be learned from
    ordinary text, or the vocabulary is too small.
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
    if config.model == "wordpiece":
        return train_wordpiece(counts, config)
    return train_bpe(counts, config)
