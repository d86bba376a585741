"""Boilerplate: shares of lines and paragraphs against plain Python, rules, lists of keywords."""

from __future__ import annotations

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import SpecError
from curate.stages.quality.boilerplate import GROUPS, Boilerplate
from curate.stages.quality.phrase_groups import PACKAGED
from curate.stages.rules import evaluate

PHRASES = tomllib.loads((PACKAGED / "boilerplate.toml").read_text("utf-8"))
PIECES = ["Privacy Policy", "we use cookies", "word", " ", "\n", "\n\n", "\r\n", "\u2028", " \n"]
PIECES += [
    "</div>",
    "&nbsp;",
    "Все права защищены",
    "版权所有",
    "Straße",
    "İ",
    "terms of uſe",
    "ads",
]


def measure(texts: list[str], **fields: Any) -> list[dict[str, Any]]:
    (annotator,) = Boilerplate(**fields).annotators()
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], ["text"])
    measured = annotator.annotate(batch)
    assert measured.schema == pa.schema(annotator.signals())
    rows: list[dict[str, Any]] = measured.to_pylist()
    return rows


def reasons(texts: list[str], **fields: Any) -> list[str]:
    stage = Boilerplate(**fields)
    rows = measure(texts, **fields)
    batch = pa.RecordBatch.from_pylist(
        [{f"boilerplate.{name}": value for name, value in row.items()} for row in rows]
    )
    names = [*(rule.name for rule in stage.rules()), "kept"]
    return [names[index] for index in evaluate(stage.rules(), batch).first_broken()]


def reference(text: str) -> dict[str, float | bool]:
    """Line by line, paragraph by paragraph; ASCII lower case is enough for the pieces."""
    lines, paragraphs = [], []
    previous_has_text = False
    for line in text.splitlines():
        if line.strip():
            paragraphs += [] if previous_has_text else [[]]
            paragraphs[-1].append(line.lower())
            lines.append(line.lower())
        previous_has_text = bool(line.strip())

    def holds(line: str, group: str) -> bool:
        return any(phrase in line for phrase in PHRASES[group])

    with_policy = [any(holds(line, "policy") for line in each) for each in paragraphs]
    markup = text.count("</div>") + text.count("&nbsp;")
    return {
        "policy_lines": sum(holds(line, "policy") for line in lines) / max(len(lines), 1),
        "policy_paragraphs": sum(with_policy) / max(len(paragraphs), 1),
        "policy_at_top": bool(with_policy) and with_policy[0],
        "policy_at_bottom": bool(with_policy) and with_policy[-1],
        "notice_lines": sum(holds(line, "notice") for line in lines) / max(len(lines), 1),
        "markup_count": markup,
        "markup_fraction": 6 * markup / max(len(text), 1),
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), max_size=4))
def test_signals_equal_plain_python(texts: list[str]) -> None:
    assert measure(texts) == [reference(text) for text in texts]


def test_the_strings_of_c4_are_there() -> None:
    assert set(PHRASES) == set(GROUPS)
    assert {
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    } <= set(PHRASES["policy"])
    for phrases in PHRASES.values():
        assert all(phrase == phrase.lower() for phrase in phrases)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "kept"),
        ("\r\n\u2028\0", "kept"),
        ("We wrote about the privacy policy.\nThen more.\nAnd more.", "kept"),
        ("Privacy Policy\nTerms of Use\nNews", "policy_lines"),
        ("Alle Rechte vorbehalten\nImpressum", "notice_lines"),
        ("Tous droits réservés", "notice_lines"),
        ("&nbsp;&nbsp;&nbsp;text of a page", "markup_fraction"),
        ("x" * 200 + "</div>", "kept"),
        ("{{Infobox\n|name=x}} [[File:a.jpg]]", "markup_fraction"),
        ("无断 版权所有", "notice_lines"),
    ],
)
def test_the_first_broken_rule_is_the_reason(text: str, reason: str) -> None:
    assert reasons([text]) == [reason]


def test_bounds_are_inclusive_and_null_is_off() -> None:
    text = "privacy policy\none\n\ntwo\nthree\nfour"
    assert reasons([text], max_policy_lines=0.2) == ["kept"]
    assert reasons([text], max_policy_lines=0.19) == ["policy_lines"]
    assert reasons([text], max_policy_lines=0) == ["policy_lines"]
    assert reasons([text], max_policy_lines=None, max_policy_paragraphs=0.4) == [
        "policy_paragraphs"
    ]
    off = {"max_policy_lines": None, "max_notice_lines": None, "max_markup_fraction": None}
    assert Boilerplate(**off).rules() == ()


def test_keywords_of_the_user_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "keywords.txt"
    path.write_text("# ours\nBuy now\ngratis versand\n", encoding="utf-8")
    text = "BUY NOW!\nGratis Versand ab 10 €\nText"
    (found,) = measure([text], keywords=str(path))
    assert found["keyword_lines"] == 2 / 3
    assert "keyword_lines" not in measure([text])[0]
    assert reasons([text], keywords=str(path)) == ["keyword_lines"]
    assert reasons([text], keywords=str(path), max_keyword_lines=0.7) == ["kept"]
    (model,) = Boilerplate(keywords=str(path)).models()
    assert model.path == str(path)


def test_a_bad_list_is_refused_before_a_run(tmp_path: Path) -> None:
    path = tmp_path / "keywords.txt"
    with pytest.raises(SpecError, match="no such file"):
        Boilerplate(keywords=str(path)).models()
    path.write_bytes(b"\n")
    with pytest.raises(SpecError, match="no entry"):
        Boilerplate(keywords=str(path)).models()
    with pytest.raises(ValidationError):
        Boilerplate.model_validate({"max_policy_lines": 1.5})


def test_real_pages_are_kept(test_data: Path) -> None:
    with gzip.open(test_data / "c4" / "c4-a.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    assert reasons(texts).count("kept") >= 0.995 * len(texts)
