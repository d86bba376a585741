"""Repeated lines, paragraphs and windows of sentences against a plain reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from curate_test_phases import verdicts
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.kernels.text_units import normal_forms
from curate.stages.catalogue import stage_names
from curate.stages.dedup.line import LineDedup
from curate.stages.rules import evaluate

LONG = "This line says who we are and what we do."
OTHER = "All rights to this text are reserved, of course."
LINES = st.sampled_from(
    [LONG, LONG.upper() + "!!", OTHER, "Career.", "Share 12", "Share 34", "", "  ", "***", "x"]
)
TEXTS = st.lists(LINES, max_size=7).map("\n".join)
URLS = st.sampled_from([None, "http://a.org/1", "https://www.a.org/2", "http://b.org"])
Documents = list[tuple[str, str | None]]


def batch_of(documents: Sequence[tuple[str, str | None]], start: int = 0) -> pa.RecordBatch:
    columns = {
        "text": pa.array([text for text, _ in documents], pa.large_string()),
        "url": pa.array([url for _, url in documents], pa.string()),
        "address": pa.array([7 << 32 | start + n for n in range(len(documents))], pa.uint64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def edited(
    stage: LineDedup, documents: Documents, cut: int = 100, size: int = 100
) -> tuple[list[dict[str, Any]], Counter[tuple[int, str]]]:
    """The documents as `edit` leaves them, and the evidence."""
    pieces = [
        batch_of(documents[start : start + size], start)
        for start in range(0, max(1, len(documents)), size)
    ]
    names = [*stage.columns(), "address"]
    found = verdicts(stage, [piece.select(names) for piece in pieces], cut)
    rows: list[dict[str, Any]] = []
    listed: Counter[tuple[int, str]] = Counter()
    for piece in pieces:
        own = [found.get(n.as_py() & 0xFFFFFFFF, {}) for n in piece.column("address")]
        for field in stage.verdicts():
            piece = piece.append_column(
                field, pa.array([v.get(field.name) for v in own], field.type)
            )
        made, evidence = stage.edit_with_evidence(piece)
        assert made.schema.names == ["text", *(field.name for field in stage.signals())]
        rows += made.to_pylist()
        listed.update((row["documents"], row["text"]) for row in evidence.to_pylist())
    return rows, listed


def texts(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]


def form(line: str) -> str:
    found: str = normal_forms(pa.array([line], pa.large_string()))[0].as_py()
    return found


def domain(url: str | None) -> str | None:
    return None if url is None else url.partition("//")[2].removeprefix("www.")[:5]


def plain(stage: LineDedup, documents: Documents) -> list[str]:
    """Lines by dictionaries; only for `unit: line`."""
    having: dict[Any, list[int]] = {}
    sizes = Counter(domain(url) for _, url in documents)

    def key(line: str, url: str | None) -> Any:
        text = form(line)
        if not text:
            return None
        if len(text) >= stage.min_characters:
            return ("long", text, domain(url) if stage.scope == "domain" else None)
        return None if domain(url) is None else ("short", text, domain(url))

    for number, (text, url) in enumerate(documents):
        for each in dict.fromkeys(key(line, url) for line in text.split("\n")):
            having.setdefault(each, []).append(number)
    left = []
    for number, (text, url) in enumerate(documents):
        kept, cut = [], False
        for line in text.split("\n"):
            each = key(line, url)
            who = having[each]
            goes = each is not None and len(who) >= stage.min_count
            goes = goes and who.index(number) >= stage.max_copies
            if goes and each[0] == "short":
                share = stage.max_domain_share
                goes = share is not None and len(who) > share * sizes[each[2]]
            cut |= goes
            kept += [] if goes else [line]
        joined = "\n".join(kept)
        left.append("" if cut and not joined.strip() else joined)
    return left


@settings(max_examples=80)
@given(
    documents=st.lists(st.tuples(TEXTS, URLS), max_size=12),
    scope=st.sampled_from(["all", "domain"]),
    min_count=st.integers(2, 4),
    max_copies=st.integers(0, 3),
    share=st.sampled_from([None, 0.0, 0.3, 0.5, 1.0]),
    cut=st.integers(1, 40),
    size=st.integers(1, 12),
)
def test_lines_go_as_a_plain_reading_says_and_a_second_pass_changes_nothing(
    documents: Documents,
    scope: str,
    min_count: int,
    max_copies: int,
    share: float | None,
    cut: int,
    size: int,
) -> None:
    stage = LineDedup(
        scope=scope, min_count=min_count, max_copies=max_copies, max_domain_share=share
    )
    rows, _ = edited(stage, documents, cut, size)
    expected = plain(stage, documents)
    # A line takes its own line end along, so only line ends can differ from joining what is left.
    assert [t.split() for t in texts(rows)] == [t.split() for t in expected]
    for row, (before, _) in zip(rows, documents, strict=True):
        assert row["characters_before"] == len(before)
        assert row["characters_left"] == len(row["text"])
        assert row["characters_removed"] == len(before) - len(row["text"])
    again = [(row["text"], url) for row, (_, url) in zip(rows, documents, strict=True)]
    assert texts(edited(stage, again, size, cut)[0]) == texts(rows)


SENTENCES = st.sampled_from(
    ["One. ", "Two is 2. ", "Three! ", "Four?", "\n", "\n\n", "Five. ", "… "]
)


@settings(max_examples=80)
@given(
    documents=st.lists(
        st.tuples(st.lists(SENTENCES, max_size=14).map("".join), st.none()), max_size=8
    ),
    unit=st.sampled_from(["sentences", "paragraph"]),
    window=st.integers(1, 3),
    min_count=st.integers(2, 3),
    max_copies=st.integers(0, 2),
)
def test_a_second_pass_over_overlapping_windows_changes_nothing(
    documents: Documents, unit: str, window: int, min_count: int, max_copies: int
) -> None:
    stage = LineDedup.model_validate(
        {
            "unit": unit,
            "sentences": window,
            "min_count": min_count,
            "max_copies": max_copies,
            "min_characters": 0,
        }
    )
    once = texts(edited(stage, documents)[0])
    assert texts(edited(stage, [(text, None) for text in once])[0]) == once


def test_the_first_document_in_keeping_order_keeps_a_line() -> None:
    documents: Documents = [(LONG, None), (f"a\n{LONG}\nb", None), (LONG, None)]
    assert texts(edited(LineDedup(), documents)[0]) == [LONG, "a\nb", ""]
    assert texts(edited(LineDedup(keep="longest"), documents)[0]) == ["", f"a\n{LONG}\nb", ""]
    assert texts(edited(LineDedup(max_copies=0), documents)[0]) == ["", "a\nb", ""]
    assert texts(edited(LineDedup(min_count=4), documents)[0]) == [t for t, _ in documents]


def test_headings_are_structure_and_templates_are_not() -> None:
    """`Career.` stands in 3 of 40 biographies, the menu in every page of one site."""
    pages = [
        (
            f"Person {'abcdefghij'[n % 10] * (n + 1)}\nMenu | Home\n"
            + ("Career.\n" if n < 3 else ""),
            f"http://x.org/{n}",
        )
        for n in range(40)
    ]
    left = texts(edited(LineDedup(), pages)[0])
    assert sum("Career." in text for text in left) == 3
    assert sum("Menu" in text for text in left) == 1
    elsewhere = [(text, None) for text, _ in pages]
    assert texts(edited(LineDedup(), elsewhere)[0]) == [text for text, _ in elsewhere]


def test_lines_of_every_script_and_of_symbols_are_told_apart() -> None:
    lines = [
        "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน",
        "ພາສາລາວເປັນພາສາທີ່ມີລະດັບສຽງຂອງຄຳ",
        "=" * 40,
        "*" * 40,
        "😀" * 40,
    ]
    documents: Documents = [(line, None) for line in lines] * 2
    left = texts(edited(LineDedup(), documents)[0])
    assert left == [*lines, "", "", *lines[2:]]


def test_removed_units_are_listed_with_the_number_of_documents() -> None:
    documents: Documents = [
        (f"{LONG}\n{OTHER}", None),
        (LONG + "!", None),
        (f"{OTHER}\n{LONG}", None),
    ]
    _, listed = edited(LineDedup(), documents)
    assert set(listed) == {(3, form(LONG)), (2, form(OTHER))}


def test_a_document_dies_only_by_the_rules_on_what_is_left() -> None:
    stage = LineDedup(max_removed_fraction=0.5)
    documents: Documents = [(LONG, None), (LONG, None), ("", None), (f"{LONG}\n" + "y" * 20, None)]
    rows, _ = edited(stage, documents)
    schema = {field.name: pa.array([row[field.name] for row in rows]) for field in stage.signals()}
    judged = evaluate(stage.rules(), pa.table({f"line_dedup.{k}": v for k, v in schema.items()}))
    assert judged.first_broken().tolist() == [-1, 0, 0, 1]
    assert LineDedup(min_characters_left=None).rules() == ()


def test_it_stands_between_language_and_the_document_rules() -> None:
    order = stage_names()
    assert order.index("language") < order.index("line_dedup") < order.index("gopher_quality")


@pytest.mark.parametrize(
    "bad",
    [
        {"unit": "word"},
        {"min_count": 1},
        {"max_copies": -1},
        {"max_domain_share": 1.1},
        {"sentences": 0},
        {"normalize": "all"},
    ],
)
def test_a_bad_configuration_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LineDedup.model_validate(bad)
