"""Texts in the normal form that a tokenizer gives them.

Exactly what the normalizers of `tokenizers` do (its Unicode tables are older than Python's), but
only for lines that may change: `kernels.repair.suspect_lines` knows the others. A line end is never
joined with or moved past what follows it, so lines can be normalised on their own; long ones are
cut before blanks, because the library holds 16 bytes and more per byte.

NFKC is a risk, of which `NFKC_WARNING` tells: it maps look-alikes to each other, so the tokenizer
cannot give back the text that it was given.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.kernels.repair import NormalForm, suspect_lines
from curate.tokenizer.config import Normalization
from curate.tokenizer.encoding.safe_cuts import BLANKS, PIECE_CHARACTERS, safe_pieces
from curate.tokenizer.training.patterns import NORMAL_FORMS

NFKC_WARNING = (
    "tokenizer.normalization: nfkc turns 10³ into 103, ½ into 1⁄2 and full-width letters into "
    "ordinary ones before the tokenizer sees them; decoded text differs from the original, and "
    "code and formulas suffer. Choose nfc or none unless the model needs it"
)


def normalized(text: pa.LargeStringArray, normalization: Normalization) -> pa.LargeStringArray:
    """n texts (no nulls) in normal form; the array itself where all of them are, and for none."""
    if normalization == "none":
        return text
    library = NORMAL_FORMS[normalization]
    form: NormalForm = "NFC" if normalization == "nfc" else "NFKC"
    lines = suspect_lines(text, form=form, ligatures=False)
    if not len(lines.row):
        return text
    _, offsets, buffer = text.buffers()
    starts = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    data = memoryview(buffer)
    parts: list[bytes] = []
    done = int(starts[0])
    growth = np.zeros(len(text), np.int64)
    for row, begin, end in zip(
        lines.row.tolist(), lines.begin.tolist(), lines.end.tolist(), strict=True
    ):
        line = bytes(data[begin:end])
        pieces = safe_pieces(line.decode(), PIECE_CHARACTERS, BLANKS)
        made = "".join(map(library.normalize_str, pieces)).encode()
        if made != line:
            parts += [bytes(data[done:begin]), made]
            done = end
            growth[row] += len(made) - len(line)
    if not parts:
        return text
    parts.append(bytes(data[done : int(starts[-1])]))
    moved = starts - starts[0]
    moved[1:] += np.cumsum(growth)
    return pa.LargeStringArray.from_buffers(
        len(text), pa.py_buffer(moved), pa.py_buffer(b"".join(parts))
    )
