r"""Places where a long text can be cut so that its parts, tokenized alone, give the same tokens.

`tokenizers` holds about 150 bytes per byte of text, so a document of 100 MB goes through it in
parts. A place is safe when every text has a boundary of pre-tokens there and neither side looks
across it. Which places are safe follows from the pre-tokenizer, so this module knows a few and
leaves all others whole:

* Every pre-tokenizer known here: before a blank that follows anything but white space (and `▁`).
  No alternative of a pattern goes on from there to a blank; the look-ahead `\s+(?!\S)` needs white
  space before it; Metaspace begins a piece at each blank and puts no `▁` before a part that begins
  with one; BERT's pre-tokenizer drops the blank.
* gpt4, llama3: a line end before anything but white space; an ASCII letter before an ASCII
  non-letter; a digit before a non-digit; an ideograph, kana or Hangul before `、。，` or a line
  end.
* gpt2: the same, but a line end only when white space does not stand before it too: `\s+(?!\S)`
  takes a run of two line ends whole at the end of a text, and only the first before a word.
* A tokenizer that puts a blank before every text (`metaspace` here, as SentencePiece): the same
  blanks, and the blank of the cut is left out, for the part gets one of its own; not the last
  character, because nothing is put before an empty text.
* No pre-tokens at all (a byte tokenizer): everywhere.

A normalizer may be none, NFC (no character composes with a following blank, sign or line end) or
NFKC (only before blanks: no character that is not white space becomes something that ends in it).
Python's `\s` holds all white space of Unicode and U+001C to U+001F, so its `\S` is never white
space for the patterns. Tests cut random and hostile texts at every place and compare the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from curate.tokenizer.training.patterns import regular_expression

_BLANK = r"(?<=[^\s▁])(?= )"
_LETTER_END = r"(?<=[A-Za-z])(?=[\x00-@\[-`{-\x7f])"
_DIGIT_END = r"(?<=[0-9])(?=[\x00-/:-\x7f])"
_LINE_END = r"(?<=\n)(?=\S)"
_SINGLE_LINE_END = r"(?<=\S\n)(?=\S)"
_IDEOGRAPH_END = (
    r"(?<=[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3])(?=[\n\u3001\u3002\uff0c])"
)
BLANKS = re.compile(_BLANK)
PUT_BLANKS = re.compile(r"(?<=[^\s▁]) (?=.)", re.DOTALL)
GPT4 = re.compile("|".join((_BLANK, _LINE_END, _LETTER_END, _DIGIT_END, _IDEOGRAPH_END)))
GPT2 = re.compile("|".join((_BLANK, _SINGLE_LINE_END, _LETTER_END, _DIGIT_END, _IDEOGRAPH_END)))
ANYWHERE = re.compile("")

PIECE_CHARACTERS = 256 * 1024
"""Of a long text that `tokenizers` gets at once: 40 MB and more of its memory."""

_DIGITS: tuple[Literal["pattern", "single", "triples"], ...] = ("pattern", "single", "triples")
_RULES = {
    **{regular_expression("gpt2", digits): GPT2 for digits in _DIGITS},
    **{regular_expression("gpt4", digits): GPT4 for digits in _DIGITS},
    r"\p{N}": ANYWHERE,
    r"\p{N}{1,3}": BLANKS,
}


def cut_rule(content: dict[str, Any]) -> re.Pattern[str] | None:
    """Where a tokenizer (a parsed `tokenizer.json`) can be given a text in parts, or None."""
    forms = [step.get("type") for step in _steps(content.get("normalizer"), "normalizers")]
    puts_blank = "Prepend" in forms[-1:]
    if puts_blank:
        forms.pop()
    if not set(forms) <= {"NFC", "NFKC"}:
        return None
    steps = _steps(content.get("pre_tokenizer"), "pretokenizers")
    rules = [_rule_of(step) for step in steps]
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules) or (not rules and not _is_bytes(content)):
        return None
    own = [rule for rule in known if rule is not ANYWHERE]
    if puts_blank:
        metaspace = [step.get("type") for step in steps][:1] == ["Metaspace"]
        rule = PUT_BLANKS if metaspace else None
    elif not own:
        rule = ANYWHERE if _is_bytes(content) and not forms else None
    else:
        rule = own[0] if len(own) == 1 and "NFKC" not in forms else BLANKS
    return rule if rule is not None and _keeps_added_tokens(rule, content) else None


def _steps(step: dict[str, Any] | None, inside: str) -> list[dict[str, Any]]:
    """The steps of a normalizer or pre-tokenizer, in order."""
    if step is None:
        return []
    if step.get("type") == "Sequence":
        return [each for inner in step[inside] for each in _steps(inner, inside)]
    return [step]


def _rule_of(step: dict[str, Any]) -> re.Pattern[str] | None:
    match step.get("type"):
        case "ByteLevel" if not step.get("add_prefix_space"):
            return GPT2 if step.get("use_regex", True) else ANYWHERE
        case "Metaspace" if step.get("split", True) and step.get("replacement") == "▁":
            return BLANKS
        case "BertPreTokenizer":
            return BLANKS
        case "Digits":
            return ANYWHERE if step.get("individual_digits") else None
        case "Split" if not step.get("invert") and step.get("behavior") == "Isolated":
            return _RULES.get((step.get("pattern") or {}).get("Regex", ""))
    return None


def _is_bytes(content: dict[str, Any]) -> bool:
    return content["model"].get("type") == "BPE" and not content["model"].get("merges")


def _keeps_added_tokens(rule: re.Pattern[str], content: dict[str, Any]) -> bool:
    """Whether no added token that is looked for in text can span a cut."""
    for token in content.get("added_tokens") or ():
        if token.get("special"):
            continue
        if token.get("lstrip") or token.get("rstrip") or token.get("single_word"):
            return False
        found = (place.start() for place in rule.finditer(token["content"]))
        if any(0 < place < len(token["content"]) for place in found):
            return False
    return True


def safe_pieces(
    text: str, piece_characters: int, rule: re.Pattern[str] | None = GPT4
) -> Iterator[str]:
    """Parts of `text` of about `piece_characters` (at least 1), cut where `rule` allows.

    A text without any such place (a genome in one line), or without a rule, is one part. What the
    rule matches at a cut (nothing, or a blank) is left out.
    """
    start = 0
    while rule is not None and len(text) - start > piece_characters:
        cut = rule.search(text, start + piece_characters)
        if cut is None or cut.end() == len(text):
            break
        yield text[start : cut.start()]
        start = cut.end()
    yield text[start:]
