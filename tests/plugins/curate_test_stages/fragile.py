"""An annotator that fails in every way native code can, on documents that ask for it."""

from __future__ import annotations

import ctypes
import os
import re
import time
from typing import ClassVar

import pyarrow as pa

from curate.stages.base import Annotator

RAISE = "please raise"
EXIT = "please exit"
SEGFAULT = "please segfault"
HANG = "please hang"
SLEEP = "please sleep"
ENDLESS = re.compile(r"(a|aa)+$")
"""Takes exponential time on a run of `a` that ends otherwise; `re` holds the GIL meanwhile."""


class Fragile(Annotator):
    """Measures `length`; fails on demand."""

    name: ClassVar[str] = "fragile"

    careless: bool = True

    def signals(self) -> tuple[pa.Field, ...]:
        return (pa.field("length", pa.int64()),)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = [text.as_py() for text in batch.column("text")]
        for text in texts:
            self._fail(text)
        return pa.RecordBatch.from_arrays(
            [pa.array([len(text) for text in texts], pa.int64())], names=["length"]
        )

    def _fail(self, text: str) -> None:
        if RAISE in text:
            raise ValueError("as asked, with a \ud800 surrogate and <script>")
        if EXIT in text:
            os._exit(3)
        if SEGFAULT in text:
            ctypes.string_at(0)
        if HANG in text:
            ENDLESS.match("a" * 100 + "!")
        if SLEEP in text:
            time.sleep(3600)
