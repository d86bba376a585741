"""Boilerplate: policy strings, banners and notices, remnants of markup, keyword lists of the user.

What is measured: the share of lines and of paragraphs that hold a *policy* string (C4: Raffel et
al. 2020, arXiv 1910.10683, and NeMo Curator's `BoilerPlateStringFilter`), the share of lines with a
*notice* (cookie banners, rights, log-in and newsletter lines in twelve languages), *markup* that
extraction left (`</div>`, `&nbsp;`, `{{`, `[[File:`), and lines that hold a *keyword* of your list.
The phrases are data: `stages/quality/phrases/boilerplate.toml`.

A line ends as in `str.splitlines` and counts when it has more than white space; a paragraph is a
run of such lines; so blank lines are nobody's denominator and a text without lines measures 0.

Differs from NeMo, whose bound of 0.4 is over paragraphs: most extracted pages have no blank lines,
so one paragraph, and a single mention of a "privacy policy" would remove the page. The default
bound is therefore over lines; `max_policy_paragraphs: 0.4` is NeMo's. NeMo's long strings are
matched by their beginning; "lorem ipsum" is counted by `machine_text`. C4 drops the lines instead
of the page: that is an editor's work (`c4_quality`). The defaults remove 3 of 2,000 documents of
C4, 16 of 7,064 articles of the English Wikipedia (templates that an extraction left), 1 of 2,630
StackExchange posts, no novel.

Cost: two passes, 6 to 10 ns per byte, no memory per document.
"""

from __future__ import annotations

import functools
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.kernels.phrases import PhraseSet
from curate.stages.base import Annotator, Filter, ModelFile, SourceKind, Stage
from curate.stages.lists import read_list
from curate.stages.quality.phrase_groups import grouped, packaged_groups
from curate.stages.rules import Rule

GROUPS = ("policy", "notice", "markup")
LINE_GROUPS = ("policy", "notice", "keyword")


class _Keywords(Stage):
    """What the annotator and the filter share: the list of the user."""

    version: ClassVar[int] = 1

    keywords: str | None = Field(
        None,
        description="list file of your own: phrases that make a line boilerplate, one per line, "
        "UTF-8, plain or gzip",
    )

    def models(self) -> tuple[ModelFile, ...]:
        """The list of the user. Raises SpecError: missing, empty, not UTF-8."""
        if self.keywords is None:
            return ()
        found = read_list(self.keywords)
        _keyword_texts(self.keywords)
        return (found.as_model("boilerplate keywords"),)


class BoilerplatePhrases(_Keywords, Annotator):
    """Boilerplate of a document.

    policy_lines, notice_lines, keyword_lines: lines with such a phrase, of all lines with text.
    policy_paragraphs: paragraphs with a policy string, of all. policy_at_top, policy_at_bottom:
    whether the first, the last paragraph holds one. markup_count: remnants of markup;
    markup_fraction: characters in them, of all characters.
    """

    name: ClassVar[str] = "boilerplate"

    def signals(self) -> tuple[pa.Field, ...]:
        """float64 fractions, bool flags, one int64 count; `keyword_lines` only with a list."""
        keyword = [pa.field("keyword_lines", pa.float64())] if self.keywords is not None else []
        return (
            pa.field("policy_lines", pa.float64()),
            pa.field("policy_paragraphs", pa.float64()),
            pa.field("policy_at_top", pa.bool_()),
            pa.field("policy_at_bottom", pa.bool_()),
            pa.field("notice_lines", pa.float64()),
            pa.field("markup_count", pa.int64()),
            pa.field("markup_fraction", pa.float64()),
            *keyword,
        )

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n documents in, n rows out. O(bytes). Raises ValueError for nulls or invalid UTF-8."""
        digest = "".join(model.sha256 for model in self.models())
        in_lines = _line_phrases(self.keywords, digest).lines(batch.column("text"))
        markup = _markup().counts(batch.column("text"))
        lines = np.maximum(in_lines.lines, 1)
        policy, notice, keyword = (LINE_GROUPS.index(name) for name in LINE_GROUPS)
        columns = [
            in_lines.lines_with[:, policy] / lines,
            in_lines.paragraphs_with[:, policy] / np.maximum(in_lines.paragraphs, 1),
            in_lines.first_paragraph[:, policy],
            in_lines.last_paragraph[:, policy],
            in_lines.lines_with[:, notice] / lines,
            markup.count,
            markup.characters / np.maximum(markup.text_characters, 1),
        ]
        if self.keywords is not None:
            columns.append(in_lines.lines_with[:, keyword] / lines)
        arrays = [pa.array(column) for column in columns]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(self.signals()))


class Boilerplate(_Keywords, Filter):
    """Remove pages that are mostly policies, notices or remnants of markup."""

    name: ClassVar[str] = "boilerplate"
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum")
    requires: ClassVar[tuple[type[Annotator], ...]] = (BoilerplatePhrases,)

    max_policy_lines: float | None = Field(
        0.4,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="lines with a policy string, of all lines (NeMo's 0.4, there of paragraphs)",
    )
    max_policy_paragraphs: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="paragraphs with a policy string, of all (NeMo: 0.4); left out: no bound",
    )
    max_notice_lines: float | None = Field(
        0.4,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="lines with a banner or notice, of all lines (ours, as for policies)",
    )
    max_markup_fraction: float | None = Field(
        0.05,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="characters in remnants of markup, of all characters (ours)",
    )
    max_keyword_lines: float | None = Field(
        0.4,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="lines with an entry of `keywords`, of all lines (ours)",
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """One `BoilerplatePhrases` with this stage's keywords."""
        return (BoilerplatePhrases(keywords=self.keywords),)

    def rules(self) -> tuple[Rule, ...]:
        """A rule for every bound that is set, `keyword_lines` only with a list."""
        bounds = {
            "policy_lines": self.max_policy_lines,
            "policy_paragraphs": self.max_policy_paragraphs,
            "notice_lines": self.max_notice_lines,
            "markup_fraction": self.max_markup_fraction,
            "keyword_lines": self.max_keyword_lines if self.keywords is not None else None,
        }
        return tuple(
            Rule(name, f"boilerplate.{name}", high=bound)
            for name, bound in bounds.items()
            if bound is not None
        )


def _keyword_texts(path: str | None) -> tuple[str, ...]:
    if path is None:
        return ()
    return tuple(read_list(path).texts())


@functools.cache
def _markup() -> PhraseSet:
    return PhraseSet(packaged_groups("boilerplate", GROUPS)["markup"])


@functools.lru_cache(maxsize=16)
def _line_phrases(keywords: str | None, digest: str) -> PhraseSet:
    """Policies, notices and keywords as groups; made once per process and state of the list."""
    del digest
    packaged = packaged_groups("boilerplate", GROUPS)
    own = {"policy": (), "notice": (), "keyword": _keyword_texts(keywords)}
    return grouped(({**packaged, "keyword": ()}, own), LINE_GROUPS).phrases
