"""An editor that judges: every digit becomes `0`, and too many of them remove the document."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from curate.stages.base import Editor
from curate.stages.rules import Rule


class HideDigits(Editor):
    """Replace digits; count them."""

    name: ClassVar[str] = "hide_digits"

    mark: str = "0"
    max_digits: int | None = None

    def signals(self) -> tuple[pa.Field, ...]:
        return (pa.field("digits", pa.int64()),)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        digits = pc.count_substring_regex(text, "[0-9]").cast(pa.int64())
        hidden = pc.replace_substring_regex(text, "[0-9]", self.mark)
        return pa.RecordBatch.from_arrays([hidden, digits], names=["text", "digits"])

    def rules(self) -> tuple[Rule, ...]:
        if self.max_digits is None:
            return ()
        return (Rule("digits", signal="hide_digits.digits", high=self.max_digits),)
