"""The libraries that turn text into ids, behind one call, and the choice between them.

* `gigatoken`: byte-level BPE, of texts in the normal form it needs. It reads the Arrow buffers
  in place; its cache of pre-tokens makes it fast after the first few hundred MB. It passes over
  what it does not know in a tokenizer file (a `Digits` step, say), so it only gets files of a form
  that was tested.
* `bytes`: a byte tokenizer, where an id is a look-up.
* `tokenizers`: everything else, and what the others are compared with. It holds about 150 bytes per
  byte of text, so texts go through in parts (`safe_cuts`), and little at once.

None can give a text a control token (`control_tokens`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Any, Literal, Protocol, get_args

import awkward
import gigatoken
import numpy as np
import orjson
import pyarrow as pa
from tokenizers import Tokenizer

from curate.errors import SpecError
from curate.kernels.token_rows import encode_bytes
from curate.tokenizer.config import Normalization
from curate.tokenizer.encoding.control_tokens import Vocabulary, read_vocabulary
from curate.tokenizer.encoding.safe_cuts import PIECE_CHARACTERS, cut_rule, safe_pieces
from curate.tokenizer.normal_forms import normalized
from curate.tokenizer.training.byte_tokenizer import byte_characters
from curate.tokenizer.training.patterns import regular_expression

Backend = Literal["gigatoken", "tokenizers", "bytes"]

BATCH_CHARACTERS = 1024 * 1024
"""Of all texts that `tokenizers` gets in one call: about 200 MB of its memory."""

GIGATOKEN_PATTERNS = (
    regular_expression("gpt2", "pattern"),
    regular_expression("gpt4", "pattern"),
    regular_expression("gpt4", "single"),
)
GIGATOKEN_NORMALIZERS: dict[str | None, Normalization] = {
    None: "none",
    "NFC": "nfc",
    "NFKC": "nfkc",
}
"""By the type in the file. gigatoken gets none: its NFC is that of another Unicode version."""
_PLAIN = {"add_prefix_space": False}

_PROBES = (
    "Hello  world,\r\n\n don't 12345 été 한국어 \U0001f642\u3000<|probe|>\t!\x00",
    " 1 22 333 4444 55555 3.14159 1,000,000 x1y22z333 ٣٤٥٦ ¹²³ ⅷ",
    "I'LL we'Ve 's 'S 'ſ '\n\n  \n\ttab\x0b\x0c\x85\xa0\u2028  \n x\u00ad\u200d e\u0301 \ufeff",
    " ".join(chr(code) for code in range(0x21, 0x2FFFF, 97) if not 0xD800 <= code < 0xE000),
    "".join(chr(code) for code in range(0x20, 0x2FFFF, 89) if not 0xD800 <= code < 0xE000),
)


class TextBackend(Protocol):
    """Ids of texts, without an end token."""

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """offsets int64[n + 1] and ids uint32 of n texts (no nulls)."""


def choose_backend(
    tokenizer_json: bytes, wanted: Literal["auto", "gigatoken", "tokenizers", "bytes"] = "auto"
) -> Backend:
    """The library to encode with; `auto` is `bytes` for a byte tokenizer, else gigatoken where it
    knows the form of the file and encodes the probe texts equally, else tokenizers.

    Raises SpecError when another one is wanted and cannot.
    """
    vocabulary = read_vocabulary(tokenizer_json)
    problem: str | None = None
    for name in ("bytes", "gigatoken") if wanted == "auto" else (wanted,):
        if name == "tokenizers":
            break
        problem = _problem(name, vocabulary)
        if problem is None:
            return name
    if wanted in ("bytes", "gigatoken"):
        raise SpecError(
            f"pack.encoder: {wanted} does not support this tokenizer ({problem}); use auto or "
            "tokenizers"
        )
    return "tokenizers"


def _problem(name: str, vocabulary: Vocabulary) -> str | None:
    """Why a backend cannot encode with this tokenizer."""
    try:
        backend = make_backend(name, vocabulary)
    except SpecError as error:
        return str(error)
    exact = LibraryBackend(vocabulary)
    probes = pa.array(_PROBES, pa.large_string())
    for found, expected in zip(backend.encode(probes), exact.encode(probes), strict=True):
        if not np.array_equal(found, expected):
            return "its ids differ on a probe text"
    return None


def make_backend(name: str, vocabulary: Vocabulary) -> TextBackend:
    """A backend by name. Raises SpecError where it does not support the tokenizer."""
    assert name in get_args(Backend), name
    if name == "gigatoken":
        return GigatokenBackend(vocabulary)
    return BytesBackend(vocabulary) if name == "bytes" else LibraryBackend(vocabulary)


class LibraryBackend:
    """The library `tokenizers`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        try:
            self.tokenizer = Tokenizer.from_str(vocabulary.text_only().decode())
        except Exception as error:
            raise SpecError(
                f"the tokenizer file cannot be read by `tokenizers`: {error}"
            ) from error
        self.tokenizer.encode_special_tokens = True
        self.cut: re.Pattern[str] | None = cut_rule(vocabulary.content)

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """See `TextBackend`. Parts of long texts and many short texts go in calls of bounded size.

        A text that nothing allows to cut goes in one piece.
        """
        lengths = np.zeros(len(text), dtype=np.int64)
        found: list[np.ndarray] = []
        for rows, pieces in self._calls(text):
            for row, encoding in zip(
                rows,
                self.tokenizer.encode_batch_fast(pieces, add_special_tokens=False),
                strict=True,
            ):
                ids = np.frombuffer(array("I", encoding.ids), dtype=np.uint32)
                lengths[row] += len(ids)
                found.append(ids)
        return offsets_of(lengths), np.concatenate(found) if found else np.zeros(0, np.uint32)

    def _calls(self, text: pa.LargeStringArray) -> Iterator[tuple[list[int], list[str]]]:
        rows: list[int] = []
        pieces: list[str] = []
        waiting = 0
        for row in range(len(text)):
            for piece in safe_pieces(text[row].as_py(), PIECE_CHARACTERS, self.cut):
                if waiting + len(piece) > BATCH_CHARACTERS and pieces:
                    yield rows, pieces
                    rows, pieces, waiting = [], [], 0
                rows.append(row)
                pieces.append(piece)
                waiting += len(piece)
        if pieces:
            yield rows, pieces


class GigatokenBackend:
    """The library `gigatoken`, on the calling thread."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        unknown = _unknown_to_gigatoken(vocabulary.content)
        if unknown is not None:
            raise SpecError(unknown)
        content = {**vocabulary.content, "post_processor": None, "normalizer": None}
        normalizer = vocabulary.content.get("normalizer") or {}
        self.normalization = GIGATOKEN_NORMALIZERS[normalizer.get("type")]
        if _split_pattern(content) == regular_expression("gpt2", "pattern"):
            content["pre_tokenizer"] = {"type": "ByteLevel", **_PLAIN, "use_regex": True}
        # Without its special tokens it finds none in the text; no merge makes one of their strings.
        content["added_tokens"] = []
        try:
            self.tokenizer = gigatoken.Tokenizer.from_json(orjson.dumps(content))
        # What it raises for a file whose form it does not support depends on the part.
        except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
            raise SpecError(str(error)) from error

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """See `TextBackend`. Reads the Arrow buffers in place."""
        text = normalized(text, self.normalization)
        _, offsets, data = text.buffers()
        starts = np.frombuffer(offsets or b"", dtype=np.int64)
        starts = (
            starts[text.offset : text.offset + len(text) + 1] if len(text) else np.zeros(1, int)
        )
        characters = np.frombuffer(data or b"", dtype=np.uint8)
        content = awkward.contents.NumpyArray(characters, parameters={"__array__": "char"})
        strings = awkward.contents.ListOffsetArray(
            awkward.index.Index64(starts), content, parameters={"__array__": "string"}
        )
        result = self.tokenizer.encode_batch(awkward.Array(strings), parallel=False).layout
        found = np.asarray(result.offsets.data, dtype=np.int64)
        ids = np.asarray(result.content.data, dtype=np.uint32)
        return found - found[0], ids[found[0] : found[-1]]


def _unknown_to_gigatoken(content: dict[str, Any]) -> str | None:
    """What of a tokenizer file was not tested with gigatoken, which passes over the unknown."""
    model = content["model"]
    if model.get("type", "BPE") != "BPE" or model.get("byte_fallback"):
        return "it is no byte-level BPE"
    if not model.get("merges"):
        return "it merges nothing"
    for name in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(name):
            return f"model.{name} is set"
    if model.get("ignore_merges"):
        return "model.ignore_merges is set"
    if (content.get("normalizer") or {}).get("type") not in GIGATOKEN_NORMALIZERS:
        return "its normalizer is neither NFC nor NFKC"
    if any(not token.get("special") for token in content.get("added_tokens") or ()):
        return "it has added tokens that are ordinary text"
    step = content.get("pre_tokenizer") or {}
    if step.get("type") == "ByteLevel" and step.get("use_regex", True):
        known = not step.get("add_prefix_space")
    else:
        known = _split_pattern(content) in GIGATOKEN_PATTERNS
    return None if known else "its pre-tokenizer is not one that was tested with it"


def _split_pattern(content: dict[str, Any]) -> str | None:
    """The regular expression of a pre-tokenizer that cuts by it and does nothing else."""
    steps = list((content.get("pre_tokenizer") or {}).get("pretokenizers") or ())
    if [step.get("type") for step in steps] != ["Split", "ByteLevel"]:
        return None
    cut, to_bytes = steps
    if cut.get("behavior") != "Isolated" or cut.get("invert"):
        return None
    if to_bytes.get("add_prefix_space") or to_bytes.get("use_regex", True):
        return None
    found = (cut.get("pattern") or {}).get("Regex")
    return None if found is None else str(found)


class BytesBackend:
    """A byte tokenizer: one look-up per byte."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.table = byte_table(vocabulary)

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """See `TextBackend`."""
        _, offsets, data = text.buffers()
        starts = np.frombuffer(offsets or b"", dtype=np.int64)
        starts = (
            starts[text.offset : text.offset + len(text) + 1] if len(text) else np.zeros(1, int)
        )
        found = np.frombuffer(data or b"", dtype=np.uint8)[starts[0] : starts[-1]]
        return starts - starts[0], self.table[found]

    def encode_closed(self, text: pa.LargeStringArray, end: int, dtype: np.dtype) -> np.ndarray:
        """The ids in file type with `end` after each text, in one pass."""
        return encode_bytes(text, self.table, end, dtype)


def byte_table(vocabulary: Vocabulary) -> np.ndarray:
    """uint32[256]: the id of every byte value. Raises SpecError where this is no byte tokenizer."""
    content, model = vocabulary.content, vocabulary.content["model"]
    steps = content.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    last = steps[-1] if steps else {}
    if (
        model.get("type") != "BPE"
        or model.get("merges")
        or content.get("normalizer") is not None
        or any(step.get("type") not in ("ByteLevel", "Split") for step in steps)
        or any(step.get("behavior", "Isolated") != "Isolated" for step in steps)
        or last.get("type") != "ByteLevel"
        or any(step.get("add_prefix_space") for step in steps)
        or any(not token.get("special") for token in content.get("added_tokens") or ())
    ):
        raise SpecError("it is no byte tokenizer")
    characters = byte_characters()
    missing = [value for value, name in enumerate(characters) if name not in model["vocab"]]
    if missing:
        raise SpecError(f"it is no byte tokenizer: byte 0x{missing[0]:02x} has no token")
    table = np.array([model["vocab"][name] for name in characters], dtype=np.uint32)
    if not vocabulary.allowed[table].all():
        raise SpecError("it is no byte tokenizer: the token of a byte is a control token")
    return table


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """int64[n + 1] from n lengths."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
