"""Normal forms are those of the normalizer that a tokenizer file names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.normal_forms import Normalization, normalized
from curate.tokenizer.training.patterns import normalizer

FORMS: tuple[Normalization, ...] = ("nfc", "nfkc")
LIKELY = st.sampled_from(
    "a \ne\u0301\u0323\u0345\u1100\u1161\u11a8한½³ﬁＡ\u2126\u1e9b\u0f71\u0f72\r"
)
TEXTS = st.lists(st.one_of(LIKELY, st.characters(exclude_categories=("Cs",))), max_size=12).map(
    "".join
)


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def as_saved(texts: list[str], form: Normalization) -> list[str]:
    saved = normalizer(TokenizerConfig(normalization=form))
    assert saved is not None
    return [saved.normalize_str(text) for text in texts]


@pytest.mark.parametrize("form", FORMS)
def test_every_character_gets_the_normal_form_of_the_saved_normalizer(form: Normalization) -> None:
    for start in range(0, 0x30000, 0x4000):
        block = [chr(n) for n in range(start, start + 0x4000) if not 0xD800 <= n < 0xE000]
        for shape in ("{}", "e\u0323{}\u0301", "\u1100{}\u11a8"):
            texts = ["\n".join(shape.format(each) for each in block)] if block else []
            assert normalized(large(texts), form).to_pylist() == as_saved(texts, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("piece_characters", [1, 3, 1000])
@given(texts=st.lists(TEXTS, max_size=5))
def test_random_texts_get_the_normal_form_of_the_saved_normalizer(
    form: Normalization, piece_characters: int, texts: list[str]
) -> None:
    array = large(["x", *texts, "y"]).slice(1, len(texts))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("curate.tokenizer.normal_forms.PIECE_CHARACTERS", piece_characters)
        found = normalized(array, form)
    found.validate(full=True)
    assert found.to_pylist() == as_saved(texts, form)


def test_what_is_normal_goes_on_without_a_copy() -> None:
    array = large(["plain", "naïve 한국어 漢字", ""])
    assert normalized(array, "nfc") is array
    odd = large(["e\u0301"])
    assert normalized(odd, "none") is odd
