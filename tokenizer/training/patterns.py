r"""Where text is cut before tokens are learned: patterns by name, and the normal form before them.

| name | pieces | made for |
|---|---|---|
| gpt2 | blank + letters, blank + digits, blank + signs; contractions | Radford et al. 2019 |
| gpt4 | any one sign + letters, digits by 3, line ends apart | OpenAI `cl100k_base` |
| llama3 | the same pieces as gpt4, whose pattern it took over | Grattafiori et al. 2024 |
| metaspace | before every blank, written as `▁` | SentencePiece (Kudo 2018) |
| words | white space is dropped, every punctuation sign is a piece | BERT (Devlin et al. 2019) |

`digits: single` and `triples` cut runs of digits (`\p{N}`) into ones or, from the left, threes;
a blank before them is then a piece of its own, as in gpt4. In gpt2, gpt4 and llama3 that is part of
the regular expression, elsewhere a second cut. All is done by the library `tokenizers`, so the
saved file holds everything an encoder needs to know.
"""

from __future__ import annotations

from typing import Literal

from tokenizers import Regex, decoders, normalizers, pre_tokenizers

from curate.tokenizer.config import Normalization, Pattern, TokenizerConfig

NORMAL_FORMS: dict[Normalization, normalizers.Normalizer] = {
    "nfc": normalizers.NFC(),
    "nfkc": normalizers.NFKC(),
}

BLANK = "\u2581"
"""Stands for a blank in `metaspace`."""

_SIGNS = r" ?[^\s\p{L}\p{N}]+"
_GPT2_CONTRACTIONS = r"'s|'t|'re|'ve|'m|'ll|'d"
_GPT4_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_DIGITS = {"single": r"\p{N}", "triples": r"\p{N}{1,3}"}


def regular_expression(
    pattern: Literal["gpt2", "gpt4", "llama3"], digits: Literal["pattern", "single", "triples"]
) -> str:
    """The pattern in the syntax of Oniguruma (also valid in the packages `regex` and tiktoken)."""
    if pattern == "gpt2":
        numbers = _DIGITS.get(digits, r" ?\p{N}+")
        return rf"{_GPT2_CONTRACTIONS}| ?\p{{L}}+|{numbers}|{_SIGNS}|\s+(?!\S)|\s+"
    numbers = _DIGITS.get(digits, _DIGITS["triples"])
    return (
        rf"{_GPT4_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{numbers}|{_SIGNS}[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


def cutter(
    pattern: Pattern, digits: Literal["pattern", "single", "triples"]
) -> pre_tokenizers.PreTokenizer:
    """Cuts a normalised text into pieces."""
    if pattern in ("gpt2", "gpt4", "llama3"):
        return pre_tokenizers.Split(Regex(regular_expression(pattern, digits)), "isolated")
    cut: pre_tokenizers.PreTokenizer
    if pattern == "metaspace":
        cut = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always", split=True)
    else:
        cut = pre_tokenizers.BertPreTokenizer()
    if digits == "pattern":
        return cut
    return pre_tokenizers.Sequence([cut, pre_tokenizers.Split(Regex(_DIGITS[digits]), "isolated")])


def pre_tokenizer(config: TokenizerConfig) -> pre_tokenizers.PreTokenizer:
    """The pre-tokenizer of the saved file: the cut, then bytes as characters where the alphabet is
    bytes.
    """
    cut = cutter(config.chosen_pattern, config.digits)
    if config.chosen_alphabet == "characters":
        return cut
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([cut, to_bytes])


def normalizer(config: TokenizerConfig) -> normalizers.Normalizer | None:
    """The normalizer of the saved file; None where text is taken as it is.

    `metaspace` puts a `▁` before every text, also one that begins with a blank: what
    `pre_tokenizers.Metaspace` puts there only where no blank is could not be taken away again, and
    SentencePiece always puts it.
    """
    form = config.normalization
    steps = [] if form == "none" else [NORMAL_FORMS[form]]
    if config.chosen_pattern == "metaspace":
        steps.append(normalizers.Prepend(BLANK))
    return steps[0] if len(steps) == 1 else normalizers.Sequence(steps) if steps else None


def blank_decoder() -> decoders.Decoder:
    """Back from `▁` and byte tokens to text, without the blank put before it."""
    return decoders.Sequence(
        [
            decoders.Replace(BLANK, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
