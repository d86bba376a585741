"""Counted pieces are those of the library `tokenizers`, whatever the text."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.pretokens import (
    COUNTS_SCHEMA,
    DigitRuns,
    PretokenCounter,
    PretokenPattern,
    merge_counted,
)
from curate.tokenizer.training.patterns import cutter

PATTERNS: tuple[PretokenPattern, ...] = ("gpt2", "gpt4", "llama3", "metaspace", "words")
DIGITS: tuple[DigitRuns, ...] = ("pattern", "single", "triples")
EVERY = [(pattern, digits) for pattern in PATTERNS for digits in DIGITS]
FOUR_PATTERNS = tuple(pattern for pattern in PATTERNS if pattern != "llama3")

UNIFORM = (
    *(range(0x3401, 0x4DBF), range(0x4E01, 0x9FFF), range(0xAC01, 0xD7A3), range(0xE001, 0xF8FF)),
    *(range(0x17001, 0x187F7), range(0x20001, 0x110000)),
)
"""Blocks of characters that are all alike: left to the slow test."""
CHARACTERS = [chr(n) for n in (*range(0xD800), *range(0xE000, 0x110000))]
VARIED = [each for each in CHARACTERS if not any(ord(each) in block for block in UNIFORM)]
BESIDE = ("{}", "a{}", "{}a", "a{}b", "1{}2", " {} ", "\n{}\n", "'{}", "{0}{0}", "é{}한")
LIKELY = st.sampled_from(
    " \t\r\n\x0b\x1c\x85\xa0\u2028\u3000'abzAZsStTdDmMrReEvVlLſ0129٣४½²Ⅷ"
    ".,-_!#▁\u2580\u0301é한中ⓐ🙂\x00_"
)
TEXTS = st.lists(st.one_of(LIKELY, st.characters(exclude_categories=("Cs",))), max_size=60).map(
    "".join
)


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def counted(texts: list[str], pattern: PretokenPattern, digits: DigitRuns) -> dict[bytes, int]:
    counter = PretokenCounter(pattern, digits)
    counter.add(large(texts))
    return rows(counter.table())


def rows(table: pa.Table) -> dict[bytes, int]:
    found = table.column("pretoken").to_pylist()
    assert found == sorted(set(found))
    return dict(zip(found, table.column("count").to_pylist(), strict=True))


def reference(texts: list[str], pattern: PretokenPattern, digits: DigitRuns) -> dict[bytes, int]:
    cut = cutter(pattern, digits)
    pieces: Counter[bytes] = Counter()
    for text in texts:
        whole = f"▁{text}" if pattern == "metaspace" and text else text
        for piece, _ in cut.pre_tokenize_str(whole):
            for start in range(0, len(piece), 64):
                pieces[piece[start : start + 64].encode()] += 1
    return dict(pieces)


@pytest.mark.parametrize(("pattern", "digits"), EVERY)
@given(texts=st.lists(TEXTS, max_size=4))
def test_pieces_of_random_texts(
    pattern: PretokenPattern, digits: DigitRuns, texts: list[str]
) -> None:
    assert counted(texts, pattern, digits) == reference(texts, pattern, digits)


def same_beside(characters: list[str], pattern: PretokenPattern, shape: str) -> None:
    """Joined by a border that every pattern cuts, so that one call to the library does a block."""
    border = " |" if pattern in ("gpt2", "gpt4") else " "
    for start in range(0, len(characters), 32_768):
        text = border.join(shape.format(each) for each in characters[start : start + 32_768])
        assert counted([text], pattern, "pattern") == reference([text], pattern, "pattern")


@pytest.mark.parametrize(("pattern", "shape"), [("gpt4", "a{}"), ("words", "a{}b")])
def test_every_character_of_varied_blocks(pattern: PretokenPattern, shape: str) -> None:
    same_beside(VARIED, pattern, shape)


@pytest.mark.slow
@pytest.mark.parametrize("shape", BESIDE)
@pytest.mark.parametrize("pattern", FOUR_PATTERNS)
def test_every_character_alone_and_beside_others(pattern: PretokenPattern, shape: str) -> None:
    same_beside(CHARACTERS, pattern, shape)


@pytest.mark.parametrize(("pattern", "digits"), EVERY)
def test_hostile_texts(pattern: PretokenPattern, digits: DigitRuns) -> None:
    texts = [
        "",
        " ",
        "▁",
        "▁▁ ▁",
        "a" * 1000,
        "é" * 200,
        "한" * 63 + "글" * 66,
        " " * 1000,
        " " * 200 + "x",
        "\n" * 200 + " " * 100 + "\n x",
        "1" * 1000 + "½" * 70,
        "=" * 300 + "\r\n" * 100,
        "a1" * 100,
        "'s'S'T're'LL'vE'd'ſ'st'x''",
        "x" * 14 + " " + "y" * 15 + " " + "z" * 16,
        "\x00\x00 \x00",
    ]
    for text in texts:
        assert counted([text], pattern, digits) == reference([text], pattern, digits)
    assert counted(texts, pattern, digits) == reference(texts, pattern, digits)


def test_a_slice_of_an_array_is_counted_alone() -> None:
    texts = large(["one", "two three", "four"]).slice(1, 1)
    counter = PretokenCounter("gpt4")
    counter.add(texts)
    assert rows(counter.table()) == {b"two": 1, b" three": 1}


def test_many_distinct_pieces_are_counted_exactly_within_the_stated_memory() -> None:
    numbers = [f"w{number * 7919 % 100_003:x}q" for number in range(100_003)]
    letters = str.maketrans("0123456789", "ghijklmnop")
    words = [number.translate(letters) for number in numbers]
    counter = PretokenCounter("gpt2")
    for _ in range(3):
        counter.add(large([" ".join(words)]))
    assert counter.distinct == len(set(words))
    assert counter.memory_bytes / counter.distinct < 24 + 22 + 3
    found = rows(counter.table())
    assert set(found.values()) == {3}
    assert len(found) == len(set(words))


def test_strings_that_differ_in_zeros_or_length_are_told_apart() -> None:
    texts = ["\x00", "\x00\x00", "_\x00", "_", "_" * 15, "_" * 16, "_" * 15 + "\x00", "\x00" * 20]
    found = counted(texts, "gpt4", "pattern")
    assert found == {text.encode(): 1 for text in texts}


def batch(items: dict[bytes, int]) -> pa.RecordBatch:
    ordered = sorted(items.items())
    return pa.RecordBatch.from_arrays(
        [
            pa.array([piece for piece, _ in ordered], pa.large_binary()),
            pa.array([count for _, count in ordered], pa.uint64()),
        ],
        schema=COUNTS_SCHEMA,
    )


@given(
    st.lists(
        st.dictionaries(st.text("ab\x00é", max_size=4).map(str.encode), st.integers(1, 2**40)),
        max_size=5,
    ),
    st.integers(1, 4),
)
def test_merging_adds_equal_pieces_however_streams_are_cut(
    streams: list[dict[bytes, int]], size: int
) -> None:
    expected: Counter[bytes] = Counter()
    for stream in streams:
        expected.update(stream)
    whole = [batch(stream) for stream in streams]
    cut = [
        iter([each.slice(start, size) for start in range(0, each.num_rows, size)]) for each in whole
    ]
    merged = pa.Table.from_batches(merge_counted(cut), COUNTS_SCHEMA)
    assert rows(merged.combine_chunks()) == dict(expected)


def test_a_sum_beyond_64_bits_is_an_error() -> None:
    streams = [iter([batch({b"a": 2**63})]), iter([batch({b"a": 2**63})])]
    with pytest.raises(OverflowError, match="64 bits"):
        list(merge_counted(streams))


def test_counts_above_32_bits_stay_exact() -> None:
    streams = [iter([batch({b"a": 2**31 - 1, b"b": 1})]), iter([batch({b"a": 2**33})])]
    merged = pa.Table.from_batches(merge_counted(streams), COUNTS_SCHEMA)
    assert rows(merged.combine_chunks()) == {b"a": 2**31 - 1 + 2**33, b"b": 1}


def test_a_stream_out_of_order_is_an_error() -> None:
    wrong = pa.RecordBatch.from_arrays(
        [pa.array([b"b", b"a"], pa.large_binary()), pa.array([1, 1], pa.uint64())],
        schema=COUNTS_SCHEMA,
    )
    with pytest.raises(ValueError, match="out of order"):
        list(merge_counted([iter([wrong])]))
