"""A set of texts in Arrow memory: exact look-ups without a Python object per text.

For lists of millions of domains or addresses: one copy of the bytes and 8 to 16 bytes of table per
entry (a Python set of strings takes about 100). Hash collisions are compared. The GIL is released.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.kernels import _native
from curate.kernels.text_buffers import text_buffers


class TextSet:
    """Texts to look up. Thread-safe; cannot be pickled. Of equal entries the first counts."""

    def __init__(self, entries: pa.LargeStringArray) -> None:
        """Raises ValueError for nulls."""
        self.size = len(entries)
        self._set = _native.TextSet(*text_buffers(entries))

    def find(self, text: pa.LargeStringArray) -> np.ndarray:
        """int64[n]: the entry equal to each text, -1 for none. Raises ValueError for nulls."""
        return self._set.find(*text_buffers(text))

    def find_parents(self, text: pa.LargeStringArray) -> np.ndarray:
        """int64[n]: the longest entry that is the text or what follows one of its dots, -1 for
        none: of a host, itself or its nearest parent domain.
        """
        return self._set.find_parents(*text_buffers(text))

    def count_tokens(self, text: pa.LargeStringArray) -> np.ndarray:
        """int64[n]: how many different entries are tokens of each text, its longest runs of ASCII
        letters and digits. Case is not ignored.
        """
        return self._set.count_tokens(*text_buffers(text))
