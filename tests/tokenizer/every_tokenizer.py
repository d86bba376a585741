"""A tokenizer of every kind, trained by the library `tokenizers` on the texts given."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from curate.tokenizer.training.patterns import regular_expression

END = "<|endoftext|>"
CONTROL = [END, "</s>", "<pad>", "[CLS]"]
SIZE = 1200


def byte_level(texts: Sequence[str], pattern: str, form: str | None = None) -> bytes:
    """BPE on bytes; pattern gpt2, gpt4, byte_level (the pre-tokenizer of the GPT-2 file), or single
    (gpt4 with digits apart).
    """
    tokenizer = Tokenizer(models.BPE())
    if pattern == "byte_level":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        expression = Regex(
            regular_expression("gpt2", "pattern")
            if pattern == "gpt2"
            else regular_expression("gpt4", "single" if pattern == "single" else "pattern")
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(expression, "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    if form == "nfc":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=CONTROL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str().encode()


def characters(texts: Sequence[str]) -> bytes:
    """BPE on characters with byte fallback, as Llama 2."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    fallback = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=["<unk>", *CONTROL, *fallback], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [
        token for token in content["added_tokens"] if token["content"] not in fallback
    ]
    content["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    content["decoder"] = json.loads(decoder_of_characters())
    return json.dumps(content).encode()


def decoder_of_characters() -> str:
    """The decoder that Llama 2 has."""
    return json.dumps(
        {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        }
    )


def unigram(texts: Sequence[str]) -> bytes:
    """Unigram over blanks, as T5, with its control tokens among the pieces."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=SIZE,
        special_tokens=[*CONTROL, "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str().encode()


def wordpiece(texts: Sequence[str]) -> bytes:
    """WordPiece over words, as BERT."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=SIZE, special_tokens=[*CONTROL, "[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str().encode()


def bytes_only() -> bytes:
    """One token per byte, after the control tokens."""
    names = [*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(
        models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(CONTROL)
    return tokenizer.to_str().encode()


def every_tokenizer(texts: Sequence[str]) -> dict[str, bytes]:
    """Name to `tokenizer.json`."""
    return {
        "gpt4": byte_level(texts, "gpt4"),
        "gpt2": byte_level(texts, "gpt2"),
        "single": byte_level(texts, "single"),
        "gpt4 nfc": byte_level(texts, "gpt4", "nfc"),
        "byte level": byte_level(texts, "byte_level"),
        "characters": characters(texts),
        "unigram": unigram(texts),
        "wordpiece": wordpiece(texts),
        "bytes": bytes_only(),
    }
