"""Held-out bits per byte of Unigram models: curate, SentencePiece and `tokenizers`.

    PYTHONPATH=. python benchmarks/unigram/compare.py ../shared/data [--languages en,ko]
        [--sizes 8000,32000] [--every 3] [--own-cuts]

All three learn from the same lines of Wikipedia and are measured on the lines of other articles:
the best segmentation of each piece of text under probabilities scaled to sum to 1. Equal for all:
vocabulary size (one unknown token included), no normalisation, cuts before blanks only, at most 16
characters a piece, and the alphabet: characters outside 99.95 % of the training text are taken out
of all texts first. `curate` is measured with its scores as they are saved, rounded to 1/64.
`--own-cuts` adds SentencePiece with its defaults for cuts (by script and at digits).

CPU seconds are of the whole process, all threads. Needs the packages sentencepiece and tokenizers.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import sentencepiece
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curate.kernels.pretokens import count_characters
from curate.kernels.unigram_train import UnigramSettings, train_unigram
from curate.tokenizer.training.unigram import SCORE_STEPS
from curate.tokenizer.training.vocabulary import choose_alphabet

Scores = dict[str, float]
BLANK = "\u2581"
CUT = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always", split=True)
COVERAGE = 0.9995


def lines_of(path: Path) -> list[str]:
    """Lines with text of the articles of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    return [line for text in texts for line in text.splitlines() if line.strip()]


def counted(lines: list[str]) -> Counter[str]:
    """Words, cut before blanks."""
    found: Counter[str] = Counter()
    for line in lines:
        found.update(piece for piece, _ in CUT.pre_tokenize_str(line))
    return found


def as_arrays(words: Counter[str]) -> tuple[pa.Array, np.ndarray]:
    """What the kernel takes."""
    ordered = sorted(words)
    numbers = np.array([words[word] for word in ordered], dtype=np.uint64)
    return pa.array([word.encode() for word in ordered], pa.large_binary()), numbers


def by_curate(lines: list[str], size: int) -> Scores:
    """Our trainer, scores as saved."""
    words, numbers = as_arrays(counted(lines))
    alphabet, _ = count_characters(words, numbers)
    model = train_unigram(words, numbers, alphabet, size - 1, UnigramSettings())
    scores = np.rint(model.log_probabilities * SCORE_STEPS) / SCORE_STEPS
    return dict(zip(model.pieces, scores.tolist(), strict=True))


def by_sentencepiece(lines: list[str], size: int, own_cuts: bool = False) -> Scores:
    """SentencePiece's trainer on the same cuts (or its own)."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_by_unicode_script=own_cuts,
        split_by_number=own_cuts,
        max_sentence_length=10_000_000,
        bos_id=-1,
        eos_id=-1,
        num_threads=2,
        minloglevel=2,
    )
    loaded = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(loaded.get_piece_size())
    return {
        loaded.id_to_piece(number): loaded.get_score(number)
        for number in ids
        if not loaded.is_unknown(number)
    }


def by_tokenizers(lines: list[str], size: int) -> Scores:
    """The trainer of `tokenizers`."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = CUT
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(iter(lines), trainer)
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return {piece: score for piece, score in vocabulary if piece != "<unk>"}


def bits_per_byte(scores: Scores, held_out: Counter[str], text_bytes: int) -> tuple[float, float]:
    """Of the best segmentation, and its tokens per thousand bytes."""
    highest = max(scores.values())
    total = highest + math.log(math.fsum(math.exp(score - highest) for score in scores.values()))
    vocabulary = [(piece, score - total) for piece, score in scores.items()]
    tokenizer = Tokenizer(models.Unigram([*vocabulary, ("<unk>", -1000.0)], len(vocabulary)))
    values = np.array([score for _, score in vocabulary])
    nats = tokens = 0.0
    words = list(held_out)
    for word, found in zip(words, tokenizer.encode_batch_fast(words), strict=True):
        nats -= held_out[word] * values[found.ids].sum()
        tokens += held_out[word] * len(found.ids)
    return nats / math.log(2) / text_bytes, 1000 * tokens / text_bytes


TRAINERS: dict[str, Callable[[list[str], int], Scores]] = {
    "curate": by_curate,
    "SentencePiece": by_sentencepiece,
    "tokenizers": by_tokenizers,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--languages", default="en,ko")
    parser.add_argument("--sizes", default="8000,32000")
    parser.add_argument("--every", type=int, default=3, help="train on one line of so many")
    parser.add_argument("--own-cuts", action="store_true")
    options = parser.parse_args()
    if options.own_cuts:
        TRAINERS["SentencePiece, its own cuts"] = lambda lines, size: by_sentencepiece(
            lines, size, own_cuts=True
        )
    print(f"sentencepiece {sentencepiece.__version__}, tokenizers {tokenizers.__version__}\n")
    print("| language | vocabulary | trainer | bits per byte | to curate | tokens per kB | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for language in options.languages.split(","):
        train = lines_of(options.data / "wikipedia" / f"{language}-0.jsonl.gz")[:: options.every]
        seen = set(train)
        test = lines_of(options.data / "wikipedia" / f"{language}-1.jsonl.gz")
        code_points, numbers = count_characters(*as_arrays(counted(train)))
        alphabet = choose_alphabet(code_points, numbers, COVERAGE, frozenset(BLANK))
        outside = dict.fromkeys(range(1114112))
        for code in [*alphabet.tolist(), 0x20]:
            del outside[code]
        train = [line.translate(outside) for line in train]
        held_out_lines = [line.translate(outside) for line in test[::4] if line not in seen]
        held_out = counted(held_out_lines)
        text_bytes = sum(len(line.encode()) for line in held_out_lines)
        for size in map(int, options.sizes.split(",")):
            reference = None
            for name, trainer in TRAINERS.items():
                started = time.process_time()
                scores = trainer(train, size)
                seconds = time.process_time() - started
                bits, tokens = bits_per_byte(scores, held_out, text_bytes)
                reference = reference or bits
                print(
                    f"| {language} | {len(scores) + 1} | {name} | {bits:.4f} | "
                    f"{100 * (bits / reference - 1):+.2f} % | {tokens:.1f} | {seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
