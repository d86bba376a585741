"""Which lines may need repair of their characters: the rest is known to need none.

ftfy and `unicodedata.normalize` handle a few MB/s; most lines need neither. This finds the lines
that may, by necessary conditions: two neighbours that ftfy's heuristic of mojibake could object to,
control characters, ligatures, and characters that a normal form may change or reorder (tables of
Unicode 16.0, a superset for Python's older ones).

Cost: one pass; ASCII without controls in steps of 16 bytes, other text one table look-up per
character. The GIL is released.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers

NormalForm = Literal["none", "NFC", "NFKC"]
FORMS: tuple[NormalForm, ...] = ("none", "NFC", "NFKC")

BADNESS_SHA256 = "9dcc0f2ac90d9ae3c85eb7b9b2c0b8a8e8126153847c2b30c91a0bb263f3b8c4"
"""Of the pattern `ftfy.badness.BADNESS_RE` that the tables were made for."""

MAY_BE_DAMAGED, MAY_BE_NOT_NORMAL = 1, 2


class SuspectLines(NamedTuple):
    """Lines (they end after LF) as bytes `begin` to `end` of the array's data.

    kind: MAY_BE_DAMAGED, or MAY_BE_NOT_NORMAL where nothing but the normal form is in doubt.
    """

    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    kind: np.ndarray


def suspect_lines(
    text: pa.LargeStringArray, *, form: NormalForm, ligatures: bool, know_mojibake: bool = True
) -> SuspectLines:
    """Lines that ftfy or the normal form may change, in order.

    ligatures: Latin ligatures are to be split. know_mojibake: False names every line that is not
    ASCII, for a version of ftfy that the tables do not know.
    Raises ValueError for nulls and for invalid UTF-8 where it looks, TypeError for other types.
    """
    return SuspectLines(
        *_native.suspect_lines(*text_buffers(text), FORMS.index(form), ligatures, know_mojibake)
    )
