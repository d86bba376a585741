r"""Tokenizers from which text cannot get a control token.

A page may spell `<|endoftext|>` or `</s>`; its ids must be those of ordinary text. `tokenizers` has
`encode_special_tokens` for that, but the option only stops the search for special tokens before the
model: a Unigram model with the piece `</s>` still finds it in the text (T5's does), and `gigatoken`
has no such option at all (its issue 57). So the control tokens of a tokenizer file are renamed to
what no text holds, in the vocabulary and in the list of added tokens; all ids stay. What a text
then may have as an id is known, and every id is looked at when documents are encoded.

Control tokens are the added tokens marked special, except the model's unknown token, which text
does get.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson

from curate.errors import SpecError


@dataclass(frozen=True)
class Vocabulary:
    """What a tokenizer file says of its tokens. `tokens` holds added tokens too."""

    content: dict[str, Any]
    tokens: dict[str, int]
    control: dict[str, int]
    """Tokens that no text may yield, by their string."""
    unknown: int | None = None
    """The id of what the vocabulary cannot write, where there is such a token."""

    @property
    def size(self) -> int:
        """One more than the largest id."""
        return max(self.tokens.values(), default=-1) + 1

    @cached_property
    def allowed(self) -> np.ndarray:
        """bool[size]: ids that text may have."""
        allowed = np.zeros(self.size, dtype=np.bool_)
        allowed[list(self.tokens.values())] = True
        allowed[list(self.control.values())] = False
        return allowed

    @cached_property
    def holes(self) -> list[int]:
        """Ids below `size` that no token has, ascending."""
        used = np.zeros(self.size, dtype=np.bool_)
        used[list(self.tokens.values())] = True
        return [int(number) for number in np.flatnonzero(~used)]

    def text_only(self) -> bytes:
        """The tokenizer file with every control token renamed to what text does not hold."""
        salt = hashlib.sha256(json.dumps(sorted(self.control)).encode()).hexdigest()[:16]
        # The blank keeps the name out of reach where blanks separate or become another character.
        new = {name: f" \x00 {salt} {number} " for name, number in self.control.items()}
        content = {**self.content, "post_processor": None, "truncation": None, "padding": None}
        content["added_tokens"] = [
            {**token, "content": new.get(token["content"], token["content"])}
            for token in content.get("added_tokens") or ()
        ]
        model = dict(content["model"])
        if isinstance(model.get("vocab"), dict):
            model["vocab"] = {new.get(name, name): id_ for name, id_ in model["vocab"].items()}
        elif isinstance(model.get("vocab"), list):
            unknown = model.get("unk_id")
            model["vocab"] = [
                [name if place == unknown else new.get(name, name), score]
                for place, (name, score) in enumerate(model["vocab"])
            ]
        return json.dumps({**content, "model": model}, ensure_ascii=False).encode()


def read_vocabulary(tokenizer_json: bytes) -> Vocabulary:
    """The tokens of a `tokenizer.json`.

    Raises SpecError where it is none, or where two tokens have one id or one string.
    """
    try:
        content = orjson.loads(tokenizer_json)
        model = content["model"]
        vocab = model["vocab"]
        if isinstance(vocab, list):
            pairs = [(str(piece[0]), place) for place, piece in enumerate(vocab)]
        else:
            pairs = [(str(name), int(number)) for name, number in vocab.items()]
        added = content.get("added_tokens") or []
        special = [
            (str(token["content"]), int(token["id"]), bool(token["special"])) for token in added
        ]
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise SpecError(
            f"the tokenizer file cannot be read: no tokenizer.json ({error!r})"
        ) from error
    tokens = dict(pairs)
    _refuse_twice("string", [name for name, _ in pairs])
    _refuse_twice("string", [name for name, _, _ in special])
    for name, number, _ in special:
        if tokens.setdefault(name, number) != number:
            raise SpecError(
                f"the tokenizer's added token {name!r} has id {number}, the vocabulary says "
                f"{tokens[name]}; one of them is wrong"
            )
    _refuse_twice("id", list(tokens.values()), {number: name for name, number in tokens.items()})
    if not tokens or min(tokens.values()) < 0:
        raise SpecError("the tokenizer has no tokens, or negative ids")
    unknown = model.get("unk_token")
    if isinstance(vocab, list) and isinstance(model.get("unk_id"), int):
        if not 0 <= model["unk_id"] < len(pairs):
            raise SpecError(
                f"the tokenizer's unk_id is {model['unk_id']}, it has {len(pairs):,} tokens"
            )
        unknown = pairs[model["unk_id"]][0]
    control = {name: number for name, number, yes in special if yes and name != unknown}
    return Vocabulary(content, tokens, control, None if unknown is None else tokens.get(unknown))


def _refuse_twice(what: str, values: list[Any], names: dict[Any, str] | None = None) -> None:
    if len(set(values)) == len(values):
        return
    twice = [value for value, number in Counter(values).items() if number > 1]
    example = f"{twice[0]!r}" + (f" (for example {names[twice[0]]!r})" if names else "")
    raise SpecError(
        f"the tokenizer has several tokens with the {what} {example}; special tokens must not "
        "collide with each other or with other tokens"
    )


def check_encodable(vocabulary: Vocabulary, end_of_document: str) -> None:
    """What a tokenizer needs so that token files can be written with it.

    Raises SpecError: no such end token, one that text can have, ids without a token, too many ids.
    """
    if end_of_document not in vocabulary.tokens:
        raise SpecError(f"the tokenizer has no token {end_of_document!r} to end documents with")
    if end_of_document not in vocabulary.control:
        raise SpecError(
            f"the tokenizer's {end_of_document!r} is an ordinary token: a text could hold it and "
            "would seem to end there; mark it special in added_tokens, or choose another"
        )
    if vocabulary.holes:
        number = len(vocabulary.holes)
        first = ", ".join(map(str, vocabulary.holes[:5])) + (", …" if number > 5 else "")
        raise SpecError(
            f"the tokenizer's vocabulary has holes: {number:,} ids below {vocabulary.size:,} have "
            f"no token ({first}); add reserved tokens for them to added_tokens"
        )
    if vocabulary.size > 2**31:
        raise SpecError(f"the tokenizer has {vocabulary.size:,} ids; token files hold 31-bit ids")
