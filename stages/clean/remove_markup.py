"""Markup that extraction left in a text, or that a dump is written in.

html: tags with known names, comments, document types, `script` and `style` with their content, and
entities (`&amp;`, `&#8217;`; with their semicolon). Tags of blocks become a line end unless one is
there, `td` and `th` a TAB, others nothing.
wiki (MediaWiki): `[[page|words]]` and `[http://... words]` become their words, `[[File:...]]` and
`[[Category:...]]` go, as do templates `{{...}}` and tables `{| ... |}` with all they nest, `<ref>`
with its content, comments and `__TOC__`; `== heading ==`, `''italic''` and `'''bold'''` lose their
signs. On request only: it is meant for wiki dumps, where braces and brackets mean that.

Text about programs must survive, so:
* Markdown code (fences, backticks) is copied; in wiki text also the content of `nowiki`, `pre`,
  `code`, `source`, `syntaxhighlight` and `math`.
* `a < b` and `List<String>` are no tags: a tag has a known name and well-formed attributes, at
  least one with a value. `Set<b>` (an identifier before a bare tag) and names that are also words
  of programs (`<input>`, `<source>`, `<code>`, ...) need a closing tag within 10,000 bytes.
* Templates do not open with `{{ `, `{{%` or behind `\\ ^ _ { } $ ' " = ` and backticks (Jinja,
  LaTeX, format strings); links hold no brackets or line ends, do not begin or end with a space
  (`[[ -f x ]]`) and do not follow an identifier (`x[[1]]`).
* What is not closed stays.

An entity may stand for `<` or `&`, so a second edit may find what the first has uncovered; texts
without entities and nested angle brackets are the same after a second edit. Tables of wiki text are
lost, as in WikiExtractor.

Cost: about 2 ns per byte and kind; linear on hostile text.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from curate.kernels.markup import MARKUP_EDITS, without_markup
from curate.stages.base import Editor, SourceKind


class RemoveMarkup(Editor):
    """Remove HTML remnants and, on request, wiki markup.

    tags_removed, comments_removed, elements_removed, entities_replaced, links_replaced,
    templates_removed, tables_removed, headings_replaced, emphasis_replaced: what was done.
    characters_before: length before the edit, in characters.
    """

    name: ClassVar[str] = "remove_markup"
    version: ClassVar[int] = 1
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum", "encyclopedia", "book", "paper")

    kinds: tuple[Literal["html", "wiki"], ...] = Field(
        default=("html",), min_length=1, description="markup to remove; wiki: for wiki dumps"
    )

    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of edits, int64, never null."""
        return tuple(MARKUP_EDITS)

    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit the column `text`."""
        return without_markup(
            batch.column("text"), html="html" in self.kinds, wiki="wiki" in self.kinds
        )
