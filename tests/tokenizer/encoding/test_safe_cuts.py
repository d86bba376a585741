from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from curate.tokenizer.encoding.safe_cuts import (
    ANYWHERE,
    BLANKS,
    GPT2,
    GPT4,
    PUT_BLANKS,
    cut_rule,
    safe_pieces,
)
from curate.tokenizer.training.patterns import regular_expression

TRICKY = list(
    "abZſK's're'S019²५ "
    "\t\n\r\x0b\x1c\x1f\x85\xa0\u1680\u2003\u2028\u3000.,!<|_-\u3001\u3002\uff0c一ぁァ한é\u0301🙂▁¨\ufdfa"
)
TEXTS = st.lists(st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8")), max_size=60)
FORMS = {
    "none": None,
    "nfc": normalizers.NFC(),
    "nfkc": normalizers.NFKC(),
    "blank": normalizers.Prepend("▁"),
    "nfkc, blank": normalizers.Sequence([normalizers.NFKC(), normalizers.Prepend("▁")]),
}


def pre_tokenizer(name: str, digits: str) -> pre_tokenizers.PreTokenizer:
    numbers = {"single": r"\p{N}", "triples": r"\p{N}{1,3}"}
    if name in ("gpt2", "gpt4"):
        pattern = Regex(regular_expression(name, digits))
        cut = pre_tokenizers.Split(pattern, "isolated")
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([cut, to_bytes])
    if name == "byte level":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut = pre_tokenizers.Metaspace() if name == "metaspace" else pre_tokenizers.BertPreTokenizer()
    if digits == "pattern":
        return cut
    return pre_tokenizers.Sequence([cut, pre_tokenizers.Split(Regex(numbers[digits]), "isolated")])


def rule_of(cutter: pre_tokenizers.PreTokenizer, form: str) -> re.Pattern[str] | None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cutter
    if FORMS[form] is not None:
        tokenizer.normalizer = FORMS[form]
    content = json.loads(tokenizer.to_str())
    content["model"]["merges"] = [["a", "b"]]
    return cut_rule(content)


def pieces(cutter: pre_tokenizers.PreTokenizer, form: str, text: str) -> list[str]:
    normalizer = FORMS[form]
    normal = text if normalizer is None else normalizer.normalize_str(text)
    return [piece for piece, _ in cutter.pre_tokenize_str(normal)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("digits", ["pattern", "single", "triples"])
@pytest.mark.parametrize("name", ["gpt2", "gpt4", "byte level", "metaspace", "words"])
@given(TEXTS)
def test_text_cut_at_every_safe_place_has_the_same_pieces(
    name: str, digits: str, form: str, characters: list[str]
) -> None:
    text = "".join(characters)
    cutter = pre_tokenizer(name, digits)
    rule = rule_of(cutter, form)
    if "blank" in form and name != "metaspace":
        assert rule is None
        return
    assert rule is not None
    parts = list(safe_pieces(text, 1, rule))
    assert "".join(parts) == text or rule is PUT_BLANKS
    found = [piece for part in parts for piece in pieces(cutter, form, part)]
    assert found == pieces(cutter, form, text)


def test_no_character_but_white_space_becomes_something_that_ends_in_it() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        character = chr(code)
        if re.match(r"\S", character):
            form = normalizers.NFKC().normalize_str(character)
            assert form == character or not form[-1:].isspace(), hex(code)


def test_prose_is_cut_near_the_wanted_size_and_a_genome_is_not_cut() -> None:
    assert max(map(len, safe_pieces("some words and a 7. " * 500, 100))) < 110
    assert max(map(len, safe_pieces("漢字の文、" * 500, 100))) < 110
    assert list(safe_pieces("ACGT" * 500, 100)) == ["ACGT" * 500]
    assert list(safe_pieces("ACGT" * 500, 1000, ANYWHERE)) == ["ACGT" * 250] * 2
    assert list(safe_pieces("some words", 1, None)) == ["some words"]


def test_what_is_not_known_is_not_cut() -> None:
    metaspace = json.loads(Tokenizer(models.Unigram()).to_str())
    metaspace["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    assert cut_rule(metaspace) is BLANKS
    for change in (
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
        {"normalizer": {"type": "Precompiled"}},
        {"normalizer": {"type": "Prepend", "prepend": "▁"}, "pre_tokenizer": None},
        {"added_tokens": [{"content": "a b", "special": False}]},
        {"added_tokens": [{"content": "x", "special": False, "rstrip": True}]},
    ):
        assert cut_rule({**metaspace, **change}) is None
    assert GPT2.pattern != GPT4.pattern
