"""Train a byte-level BPE tokenizer with the library `tokenizers`.

Sources: Sennrich et al. 2016 (BPE), Radford et al. 2019 (on bytes).

The bytes of `tokenizer.json` depend on the texts and the configuration only: not on threads, not on
how texts were batched. All 256 byte values have a token, so every text can be encoded; special
tokens come first and are never learned from text.

Two guards against silent damage. Pair counts in `tokenizers` are signed 32-bit and wrap without an
error (its issue 1170): a pair occurs at most once per byte, so training reads at most 2^31 - 1
bytes; a larger corpus is sampled by draw, and the notes say so. A word of half a million letters (a
genome) keeps each merge busy with the whole word: 0.5 MB took over 200 s, so training sees words in
stretches of 64 characters, then 0.7 s; the saved pre-tokenizer does not cut them.

Cost: 1 to 4 MB/s per core; memory grows with the number of distinct words, not with the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.errors import DataError, SpecError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.pretokenize import SPLIT_PATTERN

TRAINING_WORD_CHARACTERS = 64
MAX_TRAINING_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TrainedTokenizer:
    """A tokenizer and what it was trained on; `notes` are sentences for the user."""

    tokenizer_json: bytes
    vocabulary_size: int
    documents: int
    text_bytes: int
    notes: tuple[str, ...]


class TrainingSample:
    """Chooses the documents to train on: all, or a draw when they exceed `training_bytes`.

    total_bytes: text of the whole train split, known before the first batch. A drawn document that
    would push the sum over the hard limit of 2^31 - 1 bytes is passed over. Depends on the
    documents and their order, not on batches.
    """

    def __init__(self, config: TokenizerConfig, seed: int, total_bytes: int) -> None:
        self._seed = seed
        self._rate = min(1.0, config.training_bytes / max(1, total_bytes))
        self.total_bytes = total_bytes
        self.used_bytes = 0
        self.documents = 0

    def select(self, ids: pa.Array, text: pa.Array) -> pa.Array:
        """The chosen texts of a batch, in order (ids: string, text: large_string; no nulls)."""
        chosen = text
        if self._rate < 1.0:
            chosen = text.filter(
                pa.array(selected(draw_many(self._seed, Purpose.SAMPLE, ids), self._rate))
            )
        sizes = pc.binary_length(chosen).to_numpy(zero_copy_only=False).astype(np.int64)
        if self.used_bytes + int(sizes.sum()) > MAX_TRAINING_BYTES:
            fits = self._fitting(sizes)
            chosen, sizes = chosen.filter(pa.array(fits)), sizes[fits]
        self.used_bytes += int(sizes.sum())
        self.documents += len(chosen)
        return chosen

    def _fitting(self, sizes: np.ndarray) -> np.ndarray:
        fits = np.zeros(len(sizes), dtype=np.bool_)
        room = MAX_TRAINING_BYTES - self.used_bytes
        for index, size in enumerate(sizes.tolist()):
            if size <= room:
                fits[index] = True
                room -= size
        return fits

    def notes(self) -> tuple[str, ...]:
        """What the user should know about the sample; empty when every document was used."""
        if self.used_bytes == self.total_bytes:
            return ()
        return (
            f"the tokenizer was trained on {self.documents:,} drawn documents "
            f"({self.used_bytes:,} of {self.total_bytes:,} bytes of text); "
            "tokenizer.training_bytes sets the size of the draw",
        )


class _CountedTexts:
    """Passes texts to the trainer; DataError above the limit of the 32-bit pair counts."""

    def __init__(self, texts: Iterable[pa.Array]) -> None:
        self._texts = texts
        self.documents = 0
        self.text_bytes = 0

    def __iter__(self) -> Iterator[list[str]]:
        for batch in self._texts:
            self.documents += len(batch)
            self.text_bytes += pc.sum(pc.binary_length(batch)).as_py() or 0
            if self.text_bytes > MAX_TRAINING_BYTES:
                raise DataError(
                    f"tokenizer training got more than {MAX_TRAINING_BYTES:,} bytes of text, "
                    "where 32-bit pair counts can wrap; choose documents with TrainingSample"
                )
            yield batch.to_pylist()


def train_bpe(texts: Iterable[pa.Array], config: TokenizerConfig) -> TrainedTokenizer:
    """Train on batches of texts (large_string arrays, no nulls), each read once, in order.

    Raises DataError when there is no text or more than 2^31 - 1 bytes; SpecError when a special
    token could be learned from ordinary text.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    _check_special_tokens(config)
    tokenizer.pre_tokenizer = _pre_tokenizer(TRAINING_WORD_CHARACTERS)
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=list(config.special_tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    counted = _CountedTexts(texts)
    tokenizer.train_from_iterator(iter(counted), trainer)
    if counted.text_bytes == 0:
        raise DataError(
            "tokenizer: there is no text to train on (no document of the train split was kept, "
            "or all are empty); "
            "`curate status` shows which stage removed them"
        )
    tokenizer.pre_tokenizer = _pre_tokenizer(None)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    notes: tuple[str, ...] = ()
    if size < config.vocab_size:
        notes = (
            f"the vocabulary has {size:,} tokens, not {config.vocab_size:,}: "
            f"{counted.text_bytes:,} bytes of text have no more "
            f"pairs that occur {config.min_frequency} times",
        )
    saved = tokenizer.to_str(pretty=False).encode()
    _check_merges(saved, config)
    return TrainedTokenizer(saved, size, counted.documents, counted.text_bytes, notes)


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


def _pre_tokenizer(word_characters: int | None) -> pre_tokenizers.PreTokenizer:
    steps: list[pre_tokenizers.PreTokenizer] = [
        pre_tokenizers.Split(Regex(SPLIT_PATTERN), "isolated")
    ]
    if word_characters is not None:
        steps.append(pre_tokenizers.FixedLength(length=word_characters))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return pre_tokenizers.Sequence(steps)


def _check_special_tokens(config: TokenizerConfig) -> None:
    """A special token that is one piece of ordinary text would share its id with that text."""
    split = pre_tokenizers.Split(Regex(SPLIT_PATTERN), "isolated")
    for token in config.special_tokens:
        if not token.isascii() or len(split.pre_tokenize_str(token)) < 2:
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
