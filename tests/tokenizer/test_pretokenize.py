from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from curate.tokenizer.pretokenize import SPLIT_PATTERN, safe_pieces

SPLIT = Split(Regex(SPLIT_PATTERN), "isolated")
TRICKY = list(
    "abZſK's're'S019²५ "
    "\t\n\r\x0b\x1c\x1f\x85\xa0\u1680\u2003\u2028\u3000.,!<|_-\u3001\u3002一ぁァ한é\u0301🙂"
)


def pieces(text: str) -> list[str]:
    return [piece for piece, _ in SPLIT.pre_tokenize_str(text)]


@given(
    st.lists(st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8")), max_size=60),
    st.integers(1, 5),
)
def test_text_cut_at_safe_places_has_the_same_pieces(characters: list[str], size: int) -> None:
    text = "".join(characters)
    parts = list(safe_pieces(text, size))
    assert "".join(parts) == text
    assert [piece for part in parts for piece in pieces(part)] == pieces(text)


def test_prose_is_cut_near_the_wanted_size_and_a_genome_is_not_cut() -> None:
    assert max(map(len, safe_pieces("some words and a 7. " * 500, 100))) < 110
    assert max(map(len, safe_pieces("漢字の文、" * 500, 100))) < 110
    assert list(safe_pieces("ACGT" * 500, 100)) == ["ACGT" * 500]
