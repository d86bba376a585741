"""Measures: prefixes, kinds of words, one pass for many."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.kernels.measure import FAMILIES, Request, WordSpans, measure
from curate.kernels.words import word_spans, words
from curate.stages.lines import LineStatistics
from curate.stages.measures import Measure, MeasureGroup
from curate.stages.quality.fineweb import FineWebLines
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import Repetition
from curate.stages.words import WordStatistics

TEXTS = ["It's one, two... three!\n- four #5", "", "\r\n\r\n", "한국어 3.14 漢字", "-- …"]


def batch(*texts: str, language: str | None = None) -> pa.RecordBatch:
    columns = [pa.array(texts, pa.large_string()), pa.array([language] * len(texts), pa.string())]
    return pa.RecordBatch.from_arrays(columns, ["text", "language"])


def test_prefixes_name_the_words_and_the_options() -> None:
    assert WordStatistics().prefix("mine") == "words"
    assert WordStatistics(words="whitespace").prefix("mine") == "words_whitespace"
    assert LineStatistics().prefix("mine") == "lines"
    assert Repetition(window_words=10_000).prefix("mine") == "mine"
    assert FineWebLines().prefix("mine") == "fineweb"
    assert FineWebLines(stop_characters=".!").prefix("mine") == "mine"


@pytest.mark.parametrize("kind", ["uax29", "whitespace", "datatrove"])
def test_a_group_gives_the_columns_of_its_measures(kind: str) -> None:
    measures: list[Measure] = [
        cls.model_validate({"words": kind}) for cls in (WordStatistics, Repetition, FineWebLines)
    ]
    measures.insert(1, LineStatistics())
    texts = batch(*TEXTS * 3, language="en")
    together = MeasureGroup(measures=tuple(measures)).annotate(texts)
    alone = [column for each in measures for column in each.annotate(texts).columns]
    assert together.columns == alone
    signals = MeasureGroup(measures=tuple(measures)).signals()
    assert [column.type for column in alone] == [signal.type for signal in signals]
    parts = [MeasureGroup(measures=tuple(measures)).annotate(texts.slice(n, 5)) for n in (0, 5, 10)]
    for index in range(together.num_columns):
        assert pa.chunked_array([part.column(index) for part in parts]).combine_chunks() == (
            together.column(index).slice(0, 15)
        )


def test_two_kinds_of_words_need_two_passes() -> None:
    group = MeasureGroup(measures=(WordStatistics(), Repetition(words="whitespace")))
    with pytest.raises(ValueError, match="several kinds"):
        group.annotate(batch("a"))


def test_white_space_words_are_those_of_split() -> None:
    texts = [*TEXTS, " \x1c a\x85b\u2003c\u200bd -", "\ufeff é"]
    assert words(pa.array(texts, pa.large_string()), "whitespace").to_pylist() == [
        text.split() for text in texts
    ]


def test_symbols_are_no_words_but_count_below_the_line() -> None:
    row = WordStatistics(words="whitespace").annotate(batch("the # - é1 ... 12")).to_pylist()[0]
    assert row == {
        "count": 3,
        "mean_length": 7 / 3,
        "alphabetic_fraction": 2 / 6,
        "hash_per_word": 1 / 6,
        "ellipsis_per_word": 1 / 6,
        "stop_words": 1,
    }


def test_datatrove_words_are_spacy_tokens_and_other_languages_have_none() -> None:
    texts = batch("Don't  stop,\n\n café!", language="en")
    statistics = WordStatistics(words="datatrove")
    row = statistics.annotate(texts).to_pylist()[0]
    assert row["count"] == 4  # Do n't stop café
    assert row["alphabetic_fraction"] == 4 / 6  # and the comma, and the exclamation mark
    assert statistics.annotate(batch("Don't stop", language=None)).to_pylist()[0]["count"] == 3
    unknown = statistics.annotate(batch("한국어 문장", language="ko"))
    assert all(value is None for value in unknown.to_pylist()[0].values())
    assert statistics.annotate(batch()).num_rows == 0


def test_columns_that_need_words_are_null_without_them_and_others_are_not() -> None:
    text = pa.array(["a\na\n\na", "b"], pa.large_string())
    given = word_spans(text)._replace(known=[0, 1])
    found = measure(text, [Request("repetition"), Request("words"), Request("lines")], given)
    for batch_, name in zip(found, ("repetition", "words", "lines"), strict=True):
        nulls = {c for c in batch_.schema.names if not batch_.column(c)[0].is_valid}
        assert nulls == FAMILIES[name].of_words
        assert not any(batch_.column(c)[1].as_py() is None for c in batch_.schema.names)
    assert found[0].column("duplicate_line_fraction")[0].as_py() == 2 / 3


@pytest.mark.parametrize(
    ("begin", "end"),
    [([0], [9]), ([2], [2]), ([3, 0], [4, 1]), ([-1], [1]), ([1], [2]), ([0], [1])],
)
def test_given_words_outside_of_the_text_are_refused(begin: list[int], end: list[int]) -> None:
    spans = WordSpans([0, len(begin)], begin, end, [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="row 0"):
        measure(pa.array(["é bc"], pa.large_string()), [Request("words")], spans)


@pytest.mark.parametrize("first", [[0], [0, 2], [1, 0], [0, 1, 1]])
def test_given_words_must_fit_the_rows(first: list[int]) -> None:
    spans = WordSpans(first, [0], [1], [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="do not fit"):
        measure(pa.array(["a"], pa.large_string()), [Request("words")], spans)


@pytest.mark.parametrize(
    "request_",
    [Request("nothing"), Request("words", (1,)), Request("repetition", (0,)), Request("fineweb")],
)
def test_unknown_families_and_options_are_refused(request_: Request) -> None:
    with pytest.raises(ValueError, match=r"unknown family|takes|needs"):
        measure(pa.array(["a"], pa.large_string()), [request_])


def test_datatrove_words_without_spacy_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    monkeypatch.setattr("curate.stages.word_sources.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match="datatrove-words"):
        GopherQuality(words="datatrove")
