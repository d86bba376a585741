"""Text to token ids: by `gigatoken` where it supports the tokenizer, else by `tokenizers`.

The library is chosen once, when the encoder is made, and kept: nothing falls back during a run.
Every call encodes some documents, chosen by a draw on their text, with `tokenizers` as well and
stops on the first difference. No text can yield a special token: `gigatoken` always parses them
(its issue 57), so a document that holds one of the strings goes through `tokenizers` with
`encode_special_tokens`. Long texts go there in parts (see `pretokenize`), because it holds about
150 bytes per byte of text. Every document ends with the end-of-document token.

Measured on one busy core, 26 MB of C4 and Wikipedia, 32,000 tokens: 20 MB/s in the first call and
165 MB/s once gigatoken's cache is warm (all checks included), 1 MB/s by tokenizers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Literal

import awkward
import gigatoken
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from curate.errors import DataError, SpecError, StageError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.tokenizer.pretokenize import SPLIT_PATTERN, safe_pieces

Backend = Literal["gigatoken", "tokenizers"]

PIECE_CHARACTERS = 256 * 1024
VERIFIED_RATE = 1 / 1024
VERIFIED_CHARACTERS = 16 * 1024
_PROBE = "Hello  world,\r\n\n don't 12345 été 한국어 \U0001f642\u3000<|probe|>\t!\x00"


def choose_backend(
    tokenizer_json: bytes, wanted: Literal["auto", "gigatoken", "tokenizers"] = "auto"
) -> Backend:
    """The library to encode with; `auto` is gigatoken when it encodes a probe text equally.

    Raises SpecError when gigatoken is wanted and cannot.
    """
    if wanted == "tokenizers":
        return "tokenizers"
    problem = _gigatoken_problem(tokenizer_json)
    if problem is None:
        return "gigatoken"
    if wanted == "gigatoken":
        raise SpecError(
            f"pack.encoder: gigatoken does not support this tokenizer ({problem}); use auto or "
            "tokenizers"
        )
    return "tokenizers"


def _gigatoken_problem(tokenizer_json: bytes) -> str | None:
    try:
        fast = gigatoken.Tokenizer.from_json(tokenizer_json)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        return str(error)
    expected = _load(tokenizer_json).encode(_PROBE, add_special_tokens=False).ids
    return None if fast.encode(_PROBE).tolist() == expected else "its ids differ on a probe text"


class EncodingDifference(StageError):
    """The libraries disagree. `index` is the document's place in the batch."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class Encoder:
    """Encodes batches of documents. One per worker process; not thread-safe.

    tokenizer_json: the bytes of the file. end_of_document: the special token appended to each
    document. backend: what `choose_backend` returned. Raises SpecError when the file is no
    tokenizer or lacks the token.
    """

    def __init__(
        self, tokenizer_json: bytes, end_of_document: str, backend: Backend | None = None
    ) -> None:
        self._exact = _load(tokenizer_json)
        end = self._exact.token_to_id(end_of_document)
        if end is None:
            raise SpecError(f"the tokenizer has no token {end_of_document!r} to end documents with")
        self.end_of_document_id = int(end)
        self.end_of_document = end_of_document
        self.vocabulary_size = max(self._exact.get_vocab(with_added_tokens=True).values()) + 1
        self.backend: Backend = backend or choose_backend(tokenizer_json)
        self._fast = (
            gigatoken.Tokenizer.from_json(tokenizer_json) if self.backend == "gigatoken" else None
        )
        self._special = tuple(
            token.content for token in self._exact.get_added_tokens_decoder().values()
        )
        self._can_cut = _has_our_pattern(tokenizer_json)

    @property
    def backend_version(self) -> str:
        """`<distribution> <version>` of the library that encodes."""
        return f"{self.backend} {version(self.backend)}"

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """offsets int64[n + 1] and ids uint32[offsets[n]] of n texts (no nulls), each with its
        end-of-document token.

        Raises EncodingDifference where the libraries differ (document and position).
        """
        if text.null_count:
            raise DataError(
                f"encode: {text.null_count} of {len(text)} texts are null; a document always "
                "has a text"
            )
        if self._fast is None:
            offsets, ids = _join([self._encode_exactly(value) for value in text.to_pylist()])
        else:
            offsets, ids = self._encode_fast(self._fast, text)
            self._verify(text, offsets, ids)
        ends = offsets[1:]
        with_ends = np.insert(ids, ends, np.uint32(self.end_of_document_id))
        return offsets + np.arange(len(offsets)), with_ends

    def _encode_fast(
        self, fast: gigatoken.Tokenizer, text: pa.LargeStringArray
    ) -> tuple[np.ndarray, np.ndarray]:
        hostile = self._holds_special_token(text)
        if not hostile.any():
            return _gigatoken_ids(fast, text)
        plain = pc.if_else(pa.array(hostile), pa.scalar("", pa.large_string()), text)
        offsets, ids = _gigatoken_ids(fast, plain)
        parts: list[np.ndarray] = []
        lengths = np.diff(offsets)
        done = 0
        for index in np.flatnonzero(hostile).tolist():
            exact = self._encode_exactly(text[index].as_py())
            parts += [ids[done : offsets[index]], exact]
            done = int(offsets[index])
            lengths[index] = len(exact)
        parts.append(ids[done:])
        return _offsets(lengths), np.concatenate(parts)

    def _holds_special_token(self, text: pa.LargeStringArray) -> np.ndarray:
        hostile = np.zeros(len(text), dtype=np.bool_)
        for token in self._special:
            hostile |= pc.match_substring(text, token).to_numpy(zero_copy_only=False)
        return hostile

    def _encode_exactly(self, text: str) -> np.ndarray:
        """uint32 ids of one text by `tokenizers`, special-token strings as ordinary text."""
        parts = [np.array(ids, dtype=np.uint32) for ids in self._exact_pieces(text)]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _exact_pieces(self, text: str) -> Iterator[list[int]]:
        for piece in safe_pieces(text, PIECE_CHARACTERS) if self._can_cut else (text,):
            yield self._exact.encode_batch_fast([piece], add_special_tokens=False)[0].ids

    def _verify(self, text: pa.LargeStringArray, offsets: np.ndarray, ids: np.ndarray) -> None:
        """Compare the first document and the drawn ones with `tokenizers`.

        Of a long text the first part is compared, about 16 Ki characters; a text of over 256 Ki
        characters without any place to cut is left out, because `tokenizers` would need gigabytes
        for it.
        """
        chosen = selected(draw_many(0, Purpose.SAMPLE, text), VERIFIED_RATE)
        chosen[:1] = True
        for index in np.flatnonzero(chosen).tolist():
            value = text[index].as_py()
            prefix = next(safe_pieces(value, VERIFIED_CHARACTERS)) if self._can_cut else value
            if len(prefix) > PIECE_CHARACTERS:
                continue
            expected = self._encode_exactly(prefix)
            found = ids[offsets[index] : offsets[index + 1]]
            if len(prefix) < len(value):
                found = found[: len(expected)]
            if not np.array_equal(found, expected):
                raise EncodingDifference(index, _difference(found, expected))


def _load(tokenizer_json: bytes) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    except Exception as error:
        raise SpecError(f"the tokenizer file cannot be read by `tokenizers`: {error}") from error
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _has_our_pattern(tokenizer_json: bytes) -> bool:
    """Whether texts can be cut at the safe places of `pretokenize`: our pattern first, no
    normalizer before it.
    """
    content = json.loads(tokenizer_json)
    steps: list[dict[str, Any]] = (content.get("pre_tokenizer") or {}).get("pretokenizers") or [{}]
    return content.get("normalizer") is None and steps[0].get("pattern") == {"Regex": SPLIT_PATTERN}


def _gigatoken_ids(
    fast: gigatoken.Tokenizer, text: pa.LargeStringArray
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and ids by gigatoken on the calling thread, reading the Arrow buffers in place."""
    _, offsets, data = text.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    characters = np.frombuffer(data or b"", dtype=np.uint8)
    content = awkward.contents.NumpyArray(characters, parameters={"__array__": "char"})
    strings = awkward.contents.ListOffsetArray(
        awkward.index.Index64(starts), content, parameters={"__array__": "string"}
    )
    result = fast.encode_batch(awkward.Array(strings), parallel=False).layout
    found = np.asarray(result.offsets.data, dtype=np.int64)
    return found - found[0], np.asarray(result.content.data, dtype=np.uint32)[found[0] : found[-1]]


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def _join(documents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.concatenate(documents) if documents else np.zeros(0, dtype=np.uint32)
    return _offsets(np.array([len(document) for document in documents], dtype=np.int64)), ids


def _difference(found: np.ndarray, expected: np.ndarray) -> str:
    shared = min(len(found), len(expected))
    differing = np.flatnonzero(found[:shared] != expected[:shared])
    position = int(differing[0]) if len(differing) else shared
    return (
        f"token {position} is {_at(found, position)} by gigatoken, {_at(expected, position)} by "
        "tokenizers; set `pack: {encoder: tokenizers}` and please report the text"
    )


def _at(ids: np.ndarray, position: int) -> str:
    return str(int(ids[position])) if position < len(ids) else "absent"
