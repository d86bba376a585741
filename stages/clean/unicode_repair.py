"""Characters that went wrong on the way: mojibake, control characters, other spellings of one text.

ftfy (Speer 2019, zenodo 2591652) undoes text that was decoded with the wrong table (`Ã©` for `é`),
removes control characters without an effect on text (NUL to U+001F except TAB, LF, FF and CR; DEL;
U+FEFF, U+FFFC and the like), ANSI escapes, and normalises. The result is
`ftfy.fix_text` of every document with these switches:

on: `fix_encoding` with all its parts, `fix_surrogates`, `remove_terminal_escapes`,
`remove_control_chars`, `fix_latin_ligatures` (`ligatures`; the ﬁ of a PDF splits words).
off: `unescape_html` (entities are markup: `remove_markup`), `uncurl_quotes` (curly quotes are
right), `fix_character_width` (would make ASCII of the full-width punctuation of Chinese and
Japanese), `fix_line_breaks` (`normalize_whitespace` does).

NFKC is on request only: it makes 10³ into 103, ½ into 1⁄2 and ℌ into H, and hides from a tokenizer
what the world writes. VT and U+001C to U+001E are removed like other controls and so join lines:
put `normalize_whitespace` first where they stand for line ends.

Cost: a native pre-check names the few lines that ftfy could change (`curate.kernels.repair`), about
1 ns per byte of clean English; ftfy itself repairs about 1 MB/s. A line is repaired on its own, as
in ftfy. Editing twice gives the same as editing once, except where ftfy itself does not.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
from ftfy import TextFixerConfig, fix_and_explain
from ftfy.badness import BADNESS_RE
from pydantic import Field

from curate.kernels.edited import Splice, as_batch, characters_of, count_fields, spliced
from curate.kernels.repair import (
    BADNESS_SHA256,
    MAY_BE_NOT_NORMAL,
    NormalForm,
    suspect_lines,
)
from curate.kernels.text_buffers import text_buffers
from curate.stages.base import Editor

EDITS = count_fields("lines_changed", "lines_mojibake", "lines_control", "lines_normalized")

SEGMENT_CHARACTERS = 1_000_000
"""ftfy cuts longer lines, so that its cost stays linear."""


class UnicodeRepair(Editor):
    """Repair mojibake, remove control characters, normalise.

    lines_changed: lines with any change. lines_mojibake, lines_control, lines_normalized: lines in
    which a wrong decoding, control characters or escapes, and the spelling of characters (normal
    form, ligatures) changed. characters_before: length before the edit, in characters.
    """

    name: ClassVar[str] = "unicode_repair"
    version: ClassVar[int] = 1
    distributions: ClassVar[tuple[str, ...]] = ("ftfy",)

    normalization: NormalForm = Field(
        default="NFC",
        description="normal form of Unicode; NFKC also replaces look-alikes and can hurt",
    )
    ligatures: bool = Field(
        default=True, description="split Latin ligatures and digraphs (ﬁ, ĳ), as ftfy does"
    )

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of lines, int64, never null."""
        return tuple(EDITS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit the column `text`."""
        text = batch.column("text")
        counts = np.zeros((4, len(text)), np.int64)
        splices = []
        for row, begin, end, before in self._suspects(text):
            after, kinds = repaired(before, self.normalization, self.ligatures)
            if after != before:
                counts[:, row] += (1, *kinds)
                splices.append(Splice(row, begin, end, after.encode()))
        return as_batch(spliced(text, splices), [*counts, characters_of(text)], EDITS)

    def _suspects(self, text: pa.LargeStringArray) -> Iterator[tuple[int, int, int, str]]:
        """Row, bytes and text of the lines that are worth a repair."""
        lines = suspect_lines(
            text,
            form=self.normalization,
            ligatures=self.ligatures,
            know_mojibake=_is_known_heuristic(),
        )
        data = memoryview(text_buffers(text).data)
        for row, begin, end, kind in zip(*map(np.ndarray.tolist, lines), strict=True):
            line = str(data[begin:end], "utf-8")
            if kind == MAY_BE_NOT_NORMAL and _is_normal(line, self.normalization):
                continue
            yield row, begin, end, line


@lru_cache(maxsize=4096)
def repaired(line: str, form: NormalForm, ligatures: bool) -> tuple[str, tuple[bool, bool, bool]]:
    """`ftfy.fix_text` of one line, and whether mojibake, controls and spelling changed."""
    settings = TextFixerConfig(
        unescape_html=False,
        fix_latin_ligatures=ligatures,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        normalization=None if form == "none" else form,
    )
    fixed, changes = [], set()
    for start in range(0, len(line), SEGMENT_CHARACTERS):
        segment = fix_and_explain(line[start : start + SEGMENT_CHARACTERS], settings)
        fixed.append(segment.text)
        changes |= {_change(step.action, step.parameter) for step in segment.explanation or ()}
    return "".join(fixed), (
        "mojibake" in changes,
        "control" in changes,
        "spelling" in changes,
    )


def _change(action: str, parameter: str) -> str:
    """What a step of ftfy's explanation is to our counts."""
    if parameter in ("remove_control_chars", "remove_terminal_escapes", "fix_surrogates"):
        return "control"
    if action == "normalize" or parameter == "fix_latin_ligatures":
        return "spelling"
    return "mojibake"


def _is_normal(line: str, form: NormalForm) -> bool:
    return form == "none" or unicodedata.is_normalized(form, line)


@cache
def _is_known_heuristic() -> bool:
    """False for a future ftfy whose idea of mojibake is another: then every line goes to it."""
    return hashlib.sha256(BADNESS_RE.pattern.encode()).hexdigest() == BADNESS_SHA256
