"""Real texts and a small tokenizer trained on them, shared by the tests of this room."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.tokenizer.every_tokenizer import every_tokenizer

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train
from curate.tokenizer.training.trained import TrainedTokenizer, tokenizer_config

PLUGINS = str(Path(__file__).resolve().parent.parent / "plugins")
sys.path[:0] = [PLUGINS] if PLUGINS not in sys.path else []

HOSTILE = [
    "",
    " ",
    "\x00\x00",
    "<|endoftext|>",
    "before<|endoftext|>after <|endoftext|>\n<|endoftext|><|endoftext|>",
    "<|endoftext|",
    "\ufeffmark\u2028line\u2029paragraph\x85next",
    "don't DON'T o'clock 'ſ 12345678 ¹²³४५६",
    "\r\n\r\n \t \n  x   \n",
    "e\u0301\u200d\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "\uffff\U0010ffff\ue000",
    "a" * 5000,
    " " * 5000,
    "=" * 5000,
]


def read_texts(path: Path, limit: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(limit), strict=False)]


@pytest.fixture(scope="session")
def hostile_texts() -> list[str]:
    """Texts that break careless tokenizers: empty, NUL, special tokens, long runs, odd Unicode."""
    return HOSTILE


@pytest.fixture(scope="session")
def real_texts(test_data: Path) -> list[str]:
    """600 documents: web pages, English and Korean articles; one holds the end token's string."""
    texts = read_texts(test_data / "c4" / "c4-a.jsonl.gz", 200)
    texts += read_texts(test_data / "wikipedia" / "en-0.jsonl.gz", 200)
    texts += read_texts(test_data / "wikipedia" / "ko-0.jsonl.gz", 200)
    texts[7] += " A page about <|endoftext|> tokens."
    return texts


@pytest.fixture(scope="session")
def small_config() -> TokenizerConfig:
    return TokenizerConfig(vocab_size=2000, special_tokens=("<|endoftext|>", "<|pad|>"))


@pytest.fixture(scope="session")
def trained(real_texts: list[str], small_config: TokenizerConfig) -> TrainedTokenizer:
    return train(count_texts([pa.array(real_texts, pa.large_string())], small_config), small_config)


@pytest.fixture(scope="session")
def every_kind(real_texts: list[str]) -> dict[str, bytes]:
    """A `tokenizer.json` of every kind, by name."""
    return every_tokenizer(real_texts[:25] + real_texts[400:415])


@pytest.fixture
def load_in_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bytes, TokenizerConfig], Any]:
    """`transformers.AutoTokenizer` of a folder with the two files of a tokenizer."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers", reason="needs the development extras")

    def loaded(tokenizer_json: bytes, config: TokenizerConfig) -> Any:
        (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
        (tmp_path / "tokenizer_config.json").write_bytes(tokenizer_config(config))
        return transformers.AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)

    return loaded
