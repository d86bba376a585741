"""Train a WordPiece tokenizer (Schuster and Nakajima 2012; BERT, Devlin et al. 2019) on counts.

Words are cut at white space and at punctuation; pieces inside a word carry `##`. The text of a
word is written with the longest pieces from the left; a word with a character outside the alphabet
is `[UNK]`, and white space is not kept, so a text does not come back as it was.

Pieces are chosen by merging the most frequent pair, as the trainer of `tokenizers` and the
published BERT-like vocabularies do; the likelihood score of the paper is in no public trainer. The
alphabet is chosen by count, then code point, and everything has one order, so the file depends on
the counts alone (theirs differs between runs, in the choice of the alphabet and the order of ids).

Ids: special and reserved tokens, `[UNK]` (if it is no special token), characters at the beginning
of words, characters inside words, merges in order, padding. `max_token_bytes` counts one byte for
the beginning of a word.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer, decoders, models

from curate.kernels.bpe import MergeLimits, merges_of_tokens
from curate.kernels.pretokens import count_characters
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.patterns import normalizer, pre_tokenizer
from curate.tokenizer.training.trained import TrainedTokenizer
from curate.tokenizer.training.vocabulary import (
    add_special,
    check_special_tokens,
    choose_alphabet,
    leading_tokens,
    padding_tokens,
    room_for_pieces,
    size_notes,
)

UNKNOWN = "[UNK]"
INSIDE = "##"
_BEGINNING = b"\xff"
"""Before the bytes of a piece that begins a word, for the trainer: no text holds this byte."""


def train_wordpiece(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """Train on counts of a `words` cut. SpecError where the alphabet does not fit."""
    check_special_tokens(config)
    leading = leading_tokens(config, UNKNOWN)
    alphabet = choose_alphabet(
        *count_characters(counts.pretokens, counts.counts), config.character_coverage
    )
    offsets, places, inside, numbers = _symbols(counts, alphabet)
    form = 2 * places + inside
    found = np.unique(form)
    found = np.concatenate([found[found % 2 == 0], found[found % 2 == 1]])
    room = room_for_pieces(config, len(leading), len(found))
    number_of = np.zeros(2 * len(alphabet), dtype=np.uint32)
    number_of[found] = np.arange(len(leading), len(leading) + len(found), dtype=np.uint32)
    names, spelled = list(leading), [token.encode() for token in leading]
    for symbol in found.tolist():
        character = chr(alphabet[symbol // 2])
        names.append((INSIDE if symbol % 2 else "") + character)
        spelled.append((b"" if symbol % 2 else _BEGINNING) + character.encode())
    limits = MergeLimits(room - len(found), config.min_frequency, config.max_token_bytes)
    merges = merges_of_tokens(offsets, number_of[form], numbers, spelled, limits)
    for left, right in merges.pairs.tolist():
        names.append(names[left] + names[right].removeprefix(INSIDE))
    padding = padding_tokens(config, len(names))
    names += padding
    tokenizer = Tokenizer(
        models.WordPiece(
            {name: number for number, name in enumerate(names)},
            unk_token=UNKNOWN,
            continuing_subword_prefix=INSIDE,
        )
    )
    text_form = normalizer(config)
    if text_form is not None:
        tokenizer.normalizer = text_form
    tokenizer.pre_tokenizer = pre_tokenizer(config)
    tokenizer.decoder = decoders.WordPiece(prefix=INSIDE, cleanup=False)
    add_special(tokenizer, [*leading, *padding])
    why = f"{counts.text_bytes:,} bytes of text have no more pairs that occur "
    return TrainedTokenizer(
        tokenizer.to_str(pretty=False).encode(),
        len(names),
        counts.documents,
        counts.text_bytes,
        counts.notes + size_notes(config, len(names), f"{why}{config.min_frequency} times"),
    )


def _symbols(
    counts: Counts, alphabet: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Words as characters: offsets (int64), ranks in the alphabet (int64), whether each stands
    inside its word (bool), counts. Words with a character outside the alphabet are left out.
    """
    words = counts.pretokens.cast(pa.large_string())
    text = b"".join(counts.pretokens.to_pylist()).decode()
    code_points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    lengths = pc.utf8_length(words).to_numpy(zero_copy_only=False).astype(np.int64)
    rank = np.full(0x110000, -1, dtype=np.int64)
    rank[alphabet] = np.arange(len(alphabet))
    ranks = rank[code_points]
    word = np.repeat(np.arange(len(lengths)), lengths)
    whole = np.ones(len(lengths), dtype=np.bool_)
    whole[word[ranks < 0]] = False
    inside = np.ones(len(ranks), dtype=np.bool_)
    starts = (np.cumsum(lengths) - lengths)[lengths > 0]
    inside[starts] = False
    kept = whole[word]
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths[whole])])
    return offsets, ranks[kept], inside[kept], counts.counts[whole]
