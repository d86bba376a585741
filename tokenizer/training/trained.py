"""What every trainer returns, and the `tokenizer_config.json` beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from curate.tokenizer.config import TokenizerConfig


@dataclass(frozen=True, slots=True)
class TrainedTokenizer:
    """A tokenizer and what it was trained on; `notes` are sentences for the user."""

    tokenizer_json: bytes
    vocabulary_size: int
    documents: int
    text_bytes: int
    notes: tuple[str, ...]


def tokenizer_config(config: TokenizerConfig) -> bytes:
    """The bytes of `tokenizer_config.json`, with which `transformers.AutoTokenizer` loads the
    folder.
    """
    end = config.end_of_document
    content = {
        "added_tokens_decoder": {
            str(number): {
                "content": token,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for number, token in enumerate(config.special_tokens)
        },
        "additional_special_tokens": list(config.special_tokens[1:]),
        "clean_up_tokenization_spaces": False,
        "eos_token": end,
        "model_max_length": 10**30,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
