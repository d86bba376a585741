"""One side of the comparison: `python side.py NAME FOLDER PARTS VOCABULARY OUTPUT`.

Every side trains BPE on the same texts with two threads and says how many seconds it took inside.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

THREADS = 2
END = "<|endoftext|>"


def batches(folder: Path, parts: int, turn: int = 0, turns: int = 1) -> Iterator[pa.Array]:
    """Texts of the first parts; of every `turns`-th row group from number `turn` on."""
    number = 0
    for path in sorted(folder.glob("part-*.parquet"))[:parts]:
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            if number % turns == turn:
                table = file.read_row_group(group, columns=["text"], use_threads=False)
                yield table.column("text").combine_chunks().cast(pa.large_string())
            number += 1


def curate(folder: Path, parts: int, vocabulary: int, output: Path) -> dict[str, object]:
    """Counts on two threads, then the trainer on one."""
    from curate.kernels.pretokens import PretokenCounter, merge_counted
    from curate.tokenizer.config import TokenizerConfig
    from curate.tokenizer.training.counts import Counts
    from curate.tokenizer.training.train import train

    config = TokenizerConfig(vocab_size=vocabulary)
    start = time.monotonic()

    def count(turn: int) -> PretokenCounter:
        counter = PretokenCounter(config.chosen_pattern, config.digits)
        for text in batches(folder, parts, turn, THREADS):
            counter.add(text)
        return counter

    with ThreadPoolExecutor(THREADS) as threads:
        counters = list(threads.map(count, range(THREADS)))
    counted = time.monotonic()
    merged = pa.Table.from_batches(merge_counted([each.batches() for each in counters]))
    del counters
    pieces = merged.column("pretoken").combine_chunks()
    counts = merged.column("count").to_numpy()
    del merged
    trained = train(Counts(pieces, counts, 0, 0), config)
    output.write_bytes(trained.tokenizer_json)
    return {
        "counting": counted - start,
        "merging and training": time.monotonic() - counted,
        "distinct": len(pieces),
    }


def tokenizers(folder: Path, parts: int, vocabulary: int, output: Path) -> dict[str, object]:
    """The trainer of `tokenizers` with the same cut."""
    os.environ["RAYON_NUM_THREADS"] = str(THREADS)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from curate.tokenizer.training.patterns import cutter

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            cutter("gpt4", "pattern"),
            pre_tokenizers.FixedLength(length=64),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=65,
        show_progress=False,
    )
    texts = (text.to_pylist() for text in batches(folder, parts))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(output))
    return {}


def sentencepiece(folder: Path, parts: int, vocabulary: int, output: Path) -> dict[str, object]:
    """Its trainer on the lines, none left out for its length."""
    import sentencepiece as library

    library.SentencePieceTrainer.train(
        input=[str(path) for path in sorted(folder.glob("part-*.txt"))[:parts]],
        model_prefix=str(output.with_suffix("")),
        model_type="bpe",
        vocab_size=vocabulary,
        character_coverage=0.9995,
        byte_fallback=True,
        normalization_rule_name="identity",
        max_sentence_length=10**8,
        num_threads=THREADS,
        train_extremely_large_corpus=True,
        minloglevel=2,
    )
    return {}


def main() -> None:
    """Train once and print facts as JSON."""
    name, folder, parts, vocabulary, output = sys.argv[1:6]
    side = {"curate": curate, "tokenizers": tokenizers, "sentencepiece": sentencepiece}[name]
    start = time.monotonic()
    facts = side(Path(folder), int(parts), int(vocabulary), Path(output))
    print(json.dumps({"seconds": time.monotonic() - start, **facts}))


if __name__ == "__main__":
    main()
