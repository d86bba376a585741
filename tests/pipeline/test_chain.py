"""Chains: measures of one text version are taken in one pass; columns and results stay as they
were.
"""

from __future__ import annotations

from curate.pipeline.chain import AnnotateOperation, SegmentPlan, compile_chain
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import Stage
from curate.stages.clean.normalize_whitespace import NormalizeWhitespace
from curate.stages.dedup.exact import ExactDedup
from curate.stages.language import Language
from curate.stages.quality.fineweb import FineWebQuality
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import GopherRepetition


def entry(stage: Stage, name: str = "", checkpoint: bool = False) -> StageEntry:
    return StageEntry(name or stage.name, stage, (), None, checkpoint=checkpoint)


def chain(*entries: StageEntry) -> tuple[SegmentPlan, ...]:
    return compile_chain("web", entries)


def passes(*entries: StageEntry) -> list[list[str]]:
    """Prefixes of the columns of every pass over the text."""
    return [
        [column.rpartition(".")[0] + column.partition("@")[1] for column in operation.parts]
        for segment in chain(*entries)
        for operation in segment.operations
        if isinstance(operation, AnnotateOperation)
    ]


def test_one_pass_measures_for_all_later_filters() -> None:
    entries = [entry(GopherRepetition()), entry(GopherQuality()), entry(FineWebQuality())]
    assert passes(*entries) == [["repetition", "words", "lines", "fineweb"]]
    assert passes(*entries[::-1]) == [["fineweb", "words", "lines", "repetition"]]


def test_other_annotators_stay_where_they_are_and_columns_keep_their_order() -> None:
    entries = [entry(GopherRepetition()), entry(Language()), entry(GopherQuality())]
    (segment,) = chain(*entries)
    names = list(dict.fromkeys(c.name.partition(".")[0] for c in segment.signals))
    assert [name for name in names if name != "language"] == ["repetition", "words", "lines"]
    assert passes(*entries)[0] == ["repetition", "words", "lines"]


def test_a_new_text_other_words_and_a_new_segment_need_a_pass_of_their_own() -> None:
    repetition, quality = entry(GopherRepetition()), entry(GopherQuality())
    assert passes(repetition, entry(NormalizeWhitespace()), quality) == [
        ["repetition"],
        ["words@", "lines@"],
    ]
    assert passes(repetition, entry(ExactDedup()), quality) == [["repetition"], ["words", "lines"]]
    checked = entry(GopherRepetition(), checkpoint=True)
    assert passes(checked, quality) == [["repetition"], ["words", "lines"]]
    other = entry(GopherQuality(words="whitespace"))
    assert passes(repetition, other) == [["repetition", "lines"], ["words_whitespace"]]


def test_configured_measures_carry_the_name_of_their_stage() -> None:
    first = entry(GopherRepetition(window_words=100), "books")
    second = entry(GopherRepetition(window_words=100, max_duplicate_lines=None), "again")
    (segment,) = chain(entry(GopherRepetition()), first, second)
    prefixes = dict.fromkeys(column.name.partition(".")[0] for column in segment.signals)
    assert list(prefixes) == ["repetition", "books"]
    assert segment.operations[-1].columns["repetition.duplicate_line_characters"] == (  # type: ignore[union-attr]
        "books.duplicate_line_characters"
    )
