"""Markup that is left in texts: HTML and wiki text.

Cost: one pass per kind, one buffer for all documents, linear in the text, the GIL is released.
"""

from __future__ import annotations

import pyarrow as pa

from curate.kernels import _native
from curate.kernels.edited import count_fields, edited_batch
from curate.kernels.text_buffers import text_buffers

MARKUP_EDITS = count_fields(
    "tags_removed",
    "comments_removed",
    "elements_removed",
    "entities_replaced",
    "links_replaced",
    "templates_removed",
    "tables_removed",
    "headings_replaced",
    "emphasis_replaced",
)
"""comments_removed: also document types and processing instructions. elements_removed: script,
style and ref with their content. The last five count wiki markup."""


def without_markup(text: pa.LargeStringArray, *, html: bool, wiki: bool) -> pa.RecordBatch:
    """`text` without markup of these kinds, wiki text first, and the counts of the edits.

    The rules are those of `curate.stages.clean.remove_markup`. Raises ValueError for nulls,
    TypeError for other types; bytes that are no markup are copied as they are.
    """
    edited = _native.remove_markup(*text_buffers(text), html, wiki)
    return edited_batch(text, edited, MARKUP_EDITS)
