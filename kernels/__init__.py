"""Native text kernels over Arrow buffers, each behind a thin typed wrapper, and `draw`, the only
source of chance."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from curate.kernels import _native


@cache
def build_digest() -> str:
    """Hexadecimal SHA-256 of the compiled kernels: part of the environment that a run records and
    its workers check."""
    return hashlib.sha256(Path(_native.__file__).read_bytes()).hexdigest()
