r"""Where text is cut before byte pairs are merged, and where a long text can be cut safely.

The pattern is the one of GPT-4 and Llama 3: contractions, letters with at most one leading sign, up
to three digits, runs of signs, line ends, white space. No token crosses its pieces.

Safe cuts: no alternative of the pattern matches a letter followed by a non-letter, a digit followed
by a non-digit, anything but white space followed by a space, or a line end followed by anything but
white space. Text cut there gives the same pieces on both sides, so a long text can be encoded part
by part. Python's `\s` holds all white space of Unicode (and U+001C to U+001F), so its `\S` is never
white space for the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.tokenizer.patterns import regular_expression

SPLIT_PATTERN = regular_expression("gpt4", "pattern")

_LETTER_END = r"(?<=[A-Za-z])(?=[\x00-@\[-`{-\x7f])"
_DIGIT_END = r"(?<=[0-9])(?=[\x00-/:-\x7f])"
_WORD_END = r"(?<=\S)(?= )"
_LINE_END = r"(?<=\n)(?=\S)"
_IDEOGRAPH_END = (
    r"(?<=[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3])(?=[\n\u3001\u3002\uff0c])"
)
_SAFE_CUT = re.compile("|".join((_WORD_END, _LINE_END, _LETTER_END, _DIGIT_END, _IDEOGRAPH_END)))


def safe_pieces(text: str, piece_characters: int) -> Iterator[str]:
    """Parts of `text` of about `piece_characters` (at least 1), cut where `SPLIT_PATTERN` cuts
    whatever stands around.

    A text without any such place (a genome in one line) is one part. Joined, the parts are the
    text.
    """
    start = 0
    while len(text) - start > piece_characters:
        cut = _SAFE_CUT.search(text, start + piece_characters)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]
