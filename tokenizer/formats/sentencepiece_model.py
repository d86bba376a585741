"""Unigram, or BPE on characters, as a SentencePiece `.model`: a protocol buffer, written here from
SentencePiece's `sentencepiece_model.proto` (no dependency for four messages).

Ids stay. Special and reserved tokens become control pieces, which no text can spell; bytes become
byte pieces. SentencePiece needs an unknown piece: `<unk>` where there is one, otherwise one more id
at the end, which no text gives. Text is taken as it is (`identity`, no blanks removed), a blank is
put before it.

SentencePiece adds up scores in single precision over the whole text. The Unigram models of this
package have scores in steps of 1/64, whose sums are exact up to 2^18 (about 100 kB of text in one
call); beyond, and for models from elsewhere, near ties may fall the other way. Its BPE merges
whatever two neighbours spell a piece, so each merge of the file must be the only way to its piece
that occurs; `tokenizer/training/bpe.py` learns no second way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from curate.tokenizer.formats.export import Exported, cannot, merge_pairs, special_ids, steps
from curate.tokenizer.training.patterns import BLANK
from curate.tokenizer.training.vocabulary import BYTE_TOKENS, UNKNOWN

NORMAL, UNKNOWN_PIECE, CONTROL, BYTE = 1, 2, 3, 6
UNIGRAM, BPE = 1, 2

_Piece = tuple[str, float, int]


def sentencepiece_model(content: dict[str, Any], kind: str) -> Exported:
    """The model file. SpecError where SentencePiece would give other ids."""
    model = content["model"]
    if kind not in ("Unigram", "BPE") or not model.get("byte_fallback"):
        raise cannot(
            "sentencepiece",
            f"it holds Unigram and BPE on characters with byte fallback, and this is {kind} "
            "without byte fallback",
        )
    if model.get("ignore_merges"):
        raise cannot("sentencepiece", "it takes a piece that is a token as it is, without merges")
    _check_cut(content)
    names = _names_by_id(content, kind)
    missing = [name for name in BYTE_TOKENS if name not in names]
    if missing:
        raise cannot("sentencepiece", f"there is no token {missing[0]}")
    special = special_ids(content)
    scores = _scores(content, kind)
    pieces = [(name, scores.get(name, 0.0), _type(name, special)) for name in names]
    notes: tuple[str, ...] = ()
    if UNKNOWN not in special:
        if UNKNOWN in names:
            raise cannot("sentencepiece", f"{UNKNOWN} is a token of ordinary text")
        pieces.append((UNKNOWN, 0.0, UNKNOWN_PIECE))
        notes = (
            f"the file has one more id, {len(names)} ({UNKNOWN}): SentencePiece needs it, no text "
            "gives it",
        )
    bad = next((name for name, _, kind in pieces if kind == NORMAL and "\0" in name), None)
    if bad is not None:
        raise cannot("sentencepiece", f"token {bad!r} holds NUL")
    return Exported(_model(pieces, UNIGRAM if kind == "Unigram" else BPE, special), None, notes)


def _check_cut(content: dict[str, Any]) -> None:
    normalizers = steps(content.get("normalizer"), "normalizers")
    if normalizers != [{"type": "Prepend", "prepend": BLANK}]:
        raise cannot(
            "sentencepiece", "its normal form is not to put a blank before the text and no other"
        )
    cuts = steps(content.get("pre_tokenizer"), "pretokenizers")
    first = cuts[0] if cuts else {}
    if first.get("type") != "Metaspace" or first["replacement"] != BLANK or not first["split"]:
        raise cannot("sentencepiece", "its text is not cut before blanks (`pattern: metaspace`)")
    for cut in cuts[1:]:
        if cut["type"] != "Split" or cut["pattern"] != {"Regex": r"\p{N}"}:
            raise cannot("sentencepiece", "it cuts at blanks and single digits, not otherwise")


def _names_by_id(content: dict[str, Any], kind: str) -> list[str]:
    vocabulary = content["model"]["vocab"]
    numbered = (
        {name: number for number, (name, _) in enumerate(vocabulary)}
        if kind == "Unigram"
        else dict(vocabulary)
    )
    numbered |= special_ids(content)
    names = sorted(numbered, key=numbered.__getitem__)
    if [numbered[name] for name in names] != list(range(len(names))):
        raise cannot("sentencepiece", "its vocabulary has holes: ids without a token")
    return names


def _scores(content: dict[str, Any], kind: str) -> Mapping[str, float]:
    """Scores of ordinary pieces; of BPE the place of the merge, earlier ones higher."""
    if kind == "Unigram":
        return {name: float(score) for name, score in content["model"]["vocab"]}
    found: dict[str, float] = {}
    for rank, (left, right) in enumerate(merge_pairs(content)):
        found.setdefault(left + right, -float(rank))
    return found


def _type(name: str, special: Mapping[str, int]) -> int:
    if name == UNKNOWN and name in special:
        return UNKNOWN_PIECE
    if name in special:
        return CONTROL
    return BYTE if name in _BYTES else NORMAL


_BYTES = frozenset(BYTE_TOKENS)


def _model(pieces: Iterable[_Piece], model_type: int, special: Mapping[str, int]) -> bytes:
    pieces = list(pieces)
    unknown = next(number for number, piece in enumerate(pieces) if piece[2] == UNKNOWN_PIECE)
    end = min(
        (name for name in special if name != UNKNOWN), key=special.__getitem__, default="</s>"
    )
    trainer = b"".join(
        (
            _whole(3, model_type),
            _whole(4, len(pieces)),
            _whole(35, 1),  # byte_fallback
            _whole(40, unknown),
            _whole(41, -1),  # bos_id
            _whole(42, special.get(end, -1)),
            _whole(43, -1),  # pad_id
            _bytes(45, UNKNOWN.encode()),
            _bytes(47, end.encode()),
        )
    )
    normalizer = b"".join(
        (_bytes(1, b"identity"), _whole(3, 1), _whole(4, 0), _whole(5, 1))
    )  # a blank before the text, none removed, blanks as BLANK
    body = [
        _bytes(1, _bytes(1, name.encode()) + _float(2, score) + _whole(3, kind))
        for name, score, kind in pieces
    ]
    return b"".join([*body, _bytes(2, trainer), _bytes(3, normalizer)])


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & (2**64 - 1))


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
