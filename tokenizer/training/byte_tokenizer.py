"""The byte tokenizer: every byte of UTF-8 is a token, id = offset + byte (ByT5, Xue et al. 2022).

Nothing is learned. The offset is the number of special and reserved tokens, which come first; with
`special_tokens: [<pad>, </s>, <unk>]` the ids are those of ByT5. `vocab_size` does not apply.

Saved as byte-level BPE without merges, which `tokenizers` and `transformers` load; their encoders
give one token per byte, in linear time.
"""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import Counts
from curate.tokenizer.training.trained import TrainedTokenizer
from curate.tokenizer.training.vocabulary import (
    add_special,
    check_special_tokens,
    leading_tokens,
    padding_tokens,
)


def byte_tokenizer(counts: Counts, config: TokenizerConfig) -> TrainedTokenizer:
    """The tokenizer; of `counts` only the sizes are noted."""
    check_special_tokens(config)
    leading = leading_tokens(config)
    padding = padding_tokens(config, len(leading) + 256)
    names = byte_characters()
    vocabulary = {token: number for number, token in enumerate([*leading, *names, *padding])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    add_special(tokenizer, [*leading, *padding])
    saved = tokenizer.to_str(pretty=False).encode()
    return TrainedTokenizer(
        saved, len(vocabulary), counts.documents, counts.text_bytes, counts.notes
    )


def byte_characters() -> list[str]:
    """The character that byte-level tokenizers write for each byte (Radford et al. 2019): itself
    where it is printable Latin-1, otherwise the next code point from U+0100 on.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    following = iter(range(0x100, 0x200))
    return [chr(value if value in printable else next(following)) for value in range(256)]
