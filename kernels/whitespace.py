"""White space in one form.

Cost: one pass, one buffer for all documents, the GIL is released.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.edited import count_fields, edited_batch
from curate.kernels.text_buffers import text_buffers

WHITESPACE_EDITS = count_fields(
    "line_ends_changed", "newlines_removed", "spaces_changed", "spaces_removed"
)
"""line_ends_changed: other line ends that became LF. newlines_removed: line ends above the bound.
spaces_changed: other spaces that became U+0020. spaces_removed: spaces and tabs in runs, at line
ends and, where it is not kept, before the first character of a line."""

NO_BOUND = 2**62


def normalized_whitespace(
    text: pa.LargeStringArray, *, keep_indentation: bool, max_newlines: int | None
) -> pa.RecordBatch:
    """`text` with LF, U+0020 and TAB as its only white space, and the counts of the edits.

    Line ends are those of Python's `str.splitlines`, spaces the rest of `str.isspace`. A run of
    spaces and tabs inside a line becomes one TAB if it holds one, else one U+0020; before a line
    end and before the end of the text it goes away. At most `max_newlines` line ends in a row stay.
    Applying it twice gives what applying it once gives. Raises ValueError for nulls, TypeError for
    other types; bytes that are no white space are copied as they are.
    """
    bound = NO_BOUND if max_newlines is None else max_newlines
    edited = _native.normalize_whitespace(*text_buffers(text), keep_indentation, bound)
    return edited_batch(text, edited, WHITESPACE_EDITS)
