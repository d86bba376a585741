"""Counting texts as the trainer must see them, in whatever batches they come."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.counts import count_texts
from curate.tokenizer.normal_forms import normalized
from curate.tokenizer.patterns import cutter, normalizer

Form = Literal["nfc", "nfkc"]
FORMS: tuple[Form, ...] = ("nfc", "nfkc")


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def as_saved(texts: list[str], form: Form) -> list[str]:
    saved = normalizer(TokenizerConfig(normalization=form))
    assert saved is not None
    return [saved.normalize_str(text) for text in texts]


@pytest.mark.parametrize("form", FORMS)
def test_every_character_gets_the_normal_form_of_the_saved_normalizer(form: Form) -> None:
    config = TokenizerConfig(normalization=form)
    for start in range(0, 0x30000, 0x4000):
        block = [chr(n) for n in range(start, start + 0x4000) if not 0xD800 <= n < 0xE000]
        for shape in ("{}", "e\u0323{}\u0301", "\u1100{}\u11a8"):
            texts = ["\n".join(shape.format(each) for each in block)] if block else []
            assert normalized(large(texts), config).to_pylist() == as_saved(texts, form)


LIKELY = st.sampled_from(
    "a \ne\u0301\u0323\u0345\u1100\u1161\u11a8한½³ﬁＡ\u2126\u1e9b\u0f71\u0f72\r"
)


TEXTS = st.lists(st.one_of(LIKELY, st.characters(exclude_categories=("Cs",))), max_size=12).map(
    "".join
)


@pytest.mark.parametrize("form", FORMS)
@given(texts=st.lists(TEXTS, max_size=5))
def test_random_texts_get_the_normal_form_of_the_saved_normalizer(
    form: Form, texts: list[str]
) -> None:
    array = large(["x", *texts, "y"]).slice(1, len(texts))
    found = normalized(array, TokenizerConfig(normalization=form))
    found.validate(full=True)
    assert found.to_pylist() == as_saved(texts, form)


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
