"""Counting texts as the trainer must see them, in whatever batches they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.pretokens import COUNTS_SCHEMA
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.training.counts import ALL, Counts, Share, count_texts, gather
from curate.tokenizer.training.patterns import cutter, normalizer
from curate.tokenizer.training.train import train


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize("pattern", ["gpt4", "metaspace"])
@pytest.mark.parametrize("form", ["none", "nfc", "nfkc"])
def test_counts_are_those_of_the_saved_tokenizer_for_any_batches(
    real_texts: list[str],
    form: Literal["none", "nfc", "nfkc"],
    pattern: Literal["gpt4", "metaspace"],
) -> None:
    texts = [*real_texts[::10], "e\u0301\u0323 ½\nﬁne", " a", "▁", ""]
    config = TokenizerConfig(normalization=form, pattern=pattern)
    saved, cut = normalizer(config), cutter(config.chosen_pattern, config.digits)
    expected: Counter[bytes] = Counter()
    for text in texts:
        whole = text if saved is None else saved.normalize_str(text)
        for piece, _ in cut.pre_tokenize_str(whole):
            for start in range(0, len(piece), 64):
                expected[piece[start : start + 64].encode()] += 1
    for size in (1, 7, len(texts)):
        counts = count_texts(
            (large(texts[start : start + size]) for start in range(0, len(texts), size)), config
        )
        pieces = counts.pretokens.to_pylist()
        assert pieces == sorted(pieces)
        assert counts.counts.dtype == np.uint64
        assert dict(zip(pieces, counts.counts.tolist(), strict=True)) == expected
        assert counts.documents == len(texts)
        assert counts.text_bytes == sum(len(text.encode()) for text in texts)


def test_no_text_gives_no_counts() -> None:
    counts = count_texts([large([]), large(["", ""])], TokenizerConfig())
    assert (len(counts.pretokens), counts.documents, counts.text_bytes) == (0, 2, 0)


def table(items: dict[str, int]) -> pa.Table:
    ordered = sorted((piece.encode(), count) for piece, count in items.items())
    return pa.table([[p for p, _ in ordered], [c for _, c in ordered]], schema=COUNTS_SCHEMA)


def gathered(
    sources: Sequence[dict[str, int]],
    shares: Sequence[Share],
    config: TokenizerConfig,
    size: int = 2,
) -> Counts:
    def streams() -> list[Iterator[pa.RecordBatch]]:
        return [iter(table(source).to_batches(max_chunksize=size)) for source in sources]

    return gather(streams, shares, 1, 1, config)


def as_dict(counts: Counts) -> dict[str, int]:
    pieces = [piece.decode() for piece in counts.pretokens.to_pylist()]
    return dict(zip(pieces, counts.counts.tolist(), strict=True))


def test_sources_are_added_up_in_their_shares() -> None:
    first, second = {"a": 10, "b": 2**40, "c": 1}, {"a": 3, "c": 1, "d": 7}
    found = gathered([first, second], [Share(3, 2), Share(1, 3)], TokenizerConfig())
    # Halves are rounded up; what is rounded to nothing is left out.
    assert as_dict(found) == {"a": 16, "b": 3 * 2**39, "c": 2, "d": 2}
    assert as_dict(gathered([first, second], [ALL, Share(0, 1)], TokenizerConfig())) == first


@given(st.integers(0, 2**32), st.integers(0, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_shares_are_exact(count: int, numerator: int, denominator: int) -> None:
    share = Share(numerator, denominator)
    if count // denominator * numerator >= 2**63:
        with pytest.raises(OverflowError):
            share.of(np.array([count], np.uint64))
        return
    expected = (2 * count * numerator + denominator) // (2 * denominator)
    if numerator == denominator:
        expected = count
    found = int(share.of(np.array([count], np.uint64))[0])
    assert abs(found - expected) <= 1
    if denominator % 2 == 0 or denominator == 1:
        assert found == expected


def test_above_the_memory_the_rarest_are_left_out_and_what_is_lost_is_told() -> None:
    config = TokenizerConfig(count_memory_bytes=2**20)
    common = {f"common{number}": 5 for number in range(9_000)}
    rare = {f"rare{number:06}": 2 for number in range(20_000)}
    rarest = {f"x{number:06}": 1 for number in range(20_000)}
    found = gathered([common, rare, rarest], [ALL] * 3, config, 999)
    kept = as_dict(found)
    sizes = sum(len(piece) + 64 for piece in kept)
    assert 2**20 - 128 < sizes <= 2**20
    assert common.items() <= kept.items()
    assert not rarest.keys() & kept.keys()
    stayed = sorted(rare.keys() & kept.keys())
    assert stayed == sorted(rare)[: len(stayed)]
    lost = len(rare) - len(stayed) + len(rarest)
    assert f"without the {lost:,} rarest of 49,000 distinct pieces" in found.notes[0]
    assert "% of the text; each occurs 2 times or less" in found.notes[0]
    assert gathered([common, rare], [ALL] * 2, TokenizerConfig(), 999).notes == ()


def test_nfkc_says_what_it_does_to_text() -> None:
    counts = count_texts([large(["10³ und ½"] * 9)], TokenizerConfig(normalization="nfkc"))
    assert "10³ into 103" in counts.notes[0]
    assert "10³ into 103" in train(counts, TokenizerConfig(normalization="nfkc")).notes[0]
    assert b"\xe2\x81\x84" in counts.pretokens.to_pylist()
