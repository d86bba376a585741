"""What a word is: the choices of the field `words`, and the words of datatrove's own tokenizers.

`datatrove` gives the tokens of datatrove 0.10.1 (`utils/word_tokenizers.py`), so that thresholds
published with them can be used: spaCy's blank pipeline of the document's `language` (English where
it is null), without the tokens that are white space. Needs the extra `datatrove-words`. Punctuation
is a token there.

A language that datatrove splits with another program (Korean, Japanese, Chinese, Vietnamese, Thai,
Hindi and others) has no words here: word-based signals are null, and their rules keep the document.
Languages that it splits with a related language's rules are split with the same ones.

Cost: about 0.3 MB/s, 1,000 times that of UAX #29; one Python object per token.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator

from curate.kernels.measure import WordSpans

if TYPE_CHECKING:
    from spacy.language import Language

WordSourceName = Literal["uax29", "uax29_alone", "whitespace", "datatrove"]

OWN = (
    "af am bg ca cs da de el en es et eu fa fi fo fr ga he hr hu hy id is it ky la lb lg lt lv mk "
    "ms nb nl pl pt ro ru sk sl sq sr sv ti tn tr uk yo"
)
RELATED = {
    "az": "ay",
    "en": "fy",
    "es": "an co oc sc",
    "fr": "rm wa",
    "lg": "rn rw",
    "ms": "ch fj jv mg mh mi sm su to ty",
    "nb": "nn no",
    "nl": "li",
    "sq": "sa",
    "sr": "bs",
    "tn": "ee hz ig kg ki kj ln lu nd ng nr ny sn ss st sw ts ve xh zu",
    "tr": "tk",
    "tt": "ba",
    "xx": "ab ak ar av az bm ce cr cv dv eo ff gn ha ho ht ia ie ik io iu ka kl kn kr kv nv oj om "
    "os qu sg sh so tg tt tw ug uz vo yi za",
}
PIPELINES = {code: code for code in OWN.split()} | {
    code: pipeline for pipeline, codes in RELATED.items() for code in codes.split()
}
"""spaCy's pipeline by language, as datatrove's `tokenizer_assignment.csv` has it."""


def _installed(words: WordSourceName) -> WordSourceName:
    if words == "datatrove" and find_spec("spacy") is None:
        raise ValueError(
            "datatrove's words need spaCy: install it with `pip install 'curate[datatrove-words]'`"
        )
    return words


WordSource = Annotated[WordSourceName, AfterValidator(_installed)]


def datatrove_words(text: pa.Array, language: pa.Array) -> WordSpans:
    """The tokens of n documents; unknown where datatrove asks another program than spaCy."""
    first, begins, ends = [0], [], []
    known = np.zeros(len(text), np.uint8)
    for row, (document, code) in enumerate(zip(text, language, strict=True)):
        pipeline = PIPELINES.get(code.as_py() or "en")
        if pipeline is not None:
            known[row] = 1
            begin, end = _byte_spans(document.as_py(), pipeline)
            begins.append(begin)
            ends.append(end)
        first.append(first[-1] + (len(begins[-1]) if pipeline is not None else 0))
    empty = [np.empty(0, np.int64)]
    return WordSpans(
        np.array(first, np.int64),
        np.concatenate(begins or empty),
        np.concatenate(ends or empty),
        known,
    )


def _byte_spans(text: str, pipeline: str) -> tuple[np.ndarray, np.ndarray]:
    spans = np.array(list(_character_spans(text, pipeline)), np.int64).reshape(-1, 2)
    data = np.frombuffer(text.encode(), np.uint8)
    if len(data) > len(text):
        starts = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
        spans = starts[spans]
    return spans[:, 0], spans[:, 1]


def _character_spans(text: str, pipeline: str) -> Iterator[tuple[int, int]]:
    """Tokens without white space around them; those that are nothing else are left out."""
    language = _blank(pipeline)
    with language.memory_zone():
        for token in language.tokenizer(text):
            stripped = token.text.strip()
            if stripped:
                begin = token.idx + token.text.index(stripped)
                yield begin, begin + len(stripped)


@cache
def _blank(pipeline: str) -> Language:
    import spacy

    return spacy.blank(pipeline)
