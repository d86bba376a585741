"""C4's rules: golden texts, counts and verdicts of datatrove's filters, decisions at the bounds."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.stages.quality.c4 import C4Paragraphs, C4Quality
from curate.stages.rules import Rule, evaluate

GOLDEN = Path(__file__).with_name("c4_golden.csv.gz")
BOOK_CHARACTERS = 50_000
STAGES = {
    "c4": C4Quality(),
    "fineweb": C4Quality(require_terminal_punctuation=False),
    "sentences": C4Quality(pieces="sentences"),
}
COUNTS = {
    "line-total": "lines",
    "line-filter-too_long_word": "lines_removed_long_word",
    "line-filter-no_terminal_punc": "lines_removed_no_punctuation",
    "line-filter-too_few_words": "lines_removed_few_words",
    "line-filter-javascript": "lines_removed_javascript",
    "line-filter-policy": "lines_removed_policy",
    "sentences": "sentences",
}
REASONS = {"lorem_ipsum": "lorem_ipsum", "curly_bracket": "curly_bracket"}
REASONS |= {"too_few_sentences": "few_sentences"}
PROSE = "This is one of five short sentences."


def batch(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})


def broken(stage: C4Quality, edited: pa.RecordBatch) -> list[list[str]]:
    """Names of the broken rules of each document, in declared order."""
    signals = {f"c4_quality.{name}": edited.column(name) for name in edited.schema.names}
    verdicts = evaluate(stage.rules(), pa.RecordBatch.from_pydict(signals))
    names = [rule.name for rule in stage.rules()]
    return [[names[index] for index in row.nonzero()[0]] for row in verdicts.broken]


def reasons(text: str, **fields: Any) -> list[str]:
    stage = C4Quality(**fields)
    return broken(stage, stage.edit(batch(text)))[0]


def edited(text: str, **fields: Any) -> str:
    return str(C4Quality(**fields).edit(batch(text)).column("text")[0].as_py())


def golden_rows() -> list[dict[str, str]]:
    with gzip.open(GOLDEN, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def golden_texts(folder: Path, places: set[tuple[str, int]]) -> dict[tuple[str, int], str]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for file, index in places:
        wanted[file].add(index)
    texts = {}
    for file, indices in wanted.items():
        content = gzip.decompress((folder / file).read_bytes()).decode("utf-8", "replace")
        if file.endswith(".jsonl.gz"):
            lines = content.split("\n")
            texts |= {(file, index): json.loads(lines[index])["text"] for index in indices}
        else:
            texts[file, 0] = content[:BOOK_CHARACTERS]
    return texts


def test_texts_counts_and_verdicts_equal_datatrove_given_our_sentences(test_data: Path) -> None:
    rows = golden_rows()
    assert len(rows) >= 3 * 2500
    texts = golden_texts(test_data, {(row["file"], int(row["document"])) for row in rows})
    for variant, stage in STAGES.items():
        of_variant = [row for row in rows if row["variant"] == variant]
        after = stage.edit(batch(*(texts[r["file"], int(r["document"])] for r in of_variant)))
        ours = zip(of_variant, after.to_pylist(), broken(stage, after), strict=True)
        for row, found, rules in ours:
            place = (variant, row["file"], row["document"])
            expected = {ours: int(row[theirs]) for theirs, ours in COUNTS.items()}
            assert {name: found[name] for name in expected} == expected, place
            assert hashlib.sha256(found["text"].encode()).hexdigest()[:8] == row["sha256"], place
            if row["verdict"] == "kept":
                assert rules == [], place
            else:  # datatrove stops at the first line that breaks a rule
                assert REASONS[row["verdict"]] in rules, place


def test_paragraph_verdicts_equal_datatrove(test_data: Path) -> None:
    rows = [row for row in golden_rows() if row["variant"] == "c4"]
    texts = golden_texts(test_data, {(row["file"], int(row["document"])) for row in rows})
    measured = batch(*(texts[row["file"], int(row["document"])] for row in rows))
    verdicts = long_line_verdicts(C4Paragraphs(), measured)
    assert verdicts == [row["paragraphs"] == "1" for row in rows]
    assert 100 < sum(verdicts) < len(verdicts) - 100


def long_line_verdicts(stage: C4Paragraphs, texts: pa.RecordBatch) -> list[bool]:
    (annotator,) = stage.annotators()
    found = annotator.annotate(texts)
    assert found.schema == pa.schema(annotator.signals())
    signals = pa.RecordBatch.from_arrays(found.columns, ["long_lines.long_lines"])
    kept: list[bool] = (evaluate(stage.rules(), signals).first_broken() < 0).tolist()
    return kept


def test_rules_and_signals() -> None:
    assert C4Quality().rules() == (
        Rule("lorem_ipsum", signal="c4_quality.lorem_ipsum_lines", high=0),
        Rule("curly_bracket", signal="c4_quality.curly_bracket_lines", high=0),
        Rule("few_sentences", signal="c4_quality.sentences", low=5),
    )
    off = C4Quality(max_lorem_ipsum_lines=None, max_curly_bracket_lines=None, min_sentences=None)
    assert off.rules() == ()
    made = C4Quality().edit(batch("", PROSE))
    assert made.schema == pa.schema([pa.field("text", pa.large_string()), *C4Quality().signals()])
    assert C4Quality().edit(batch()).num_rows == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (PROSE, PROSE),
        (f"  {PROSE}\r\n\r\nMenu\u2028{PROSE}\n", f"{PROSE}\n{PROSE}"),
        ("We know this.[12][edit]", "We know this."),
        ("We know [citation needed]this.", "We know this."),
        ("We know this. [1]", ""),  # the space stays, so the line ends in no punctuation
        ("We know [one] [1a].", "We know [one] [1a]."),
        ("To be continued...", ""),
        ("To be continued…", ""),
        ('He said "yes"', 'He said "yes"'),
        ("Two words.", ""),
        ("Please enable JavaScript to see it.", ""),
        ("Read our Privacy Policy before you go.", ""),
        ("a b " + "x" * 1001 + ".", ""),
        ("a b " + "é" * 999 + ".", "a b " + "é" * 999 + "."),
    ],
)
def test_lines(text: str, expected: str) -> None:
    assert edited(text) == expected


def test_every_check_can_be_off() -> None:
    assert edited("Menu here now", require_terminal_punctuation=False) == "Menu here now"
    assert edited("No.", min_words_per_line=None) == "No."
    assert edited("Is it[1] so?", remove_citations=False) == "Is it[1] so?"
    assert edited("Enable javascript now!", remove_javascript_lines=False) != ""
    assert edited("We use cookies here!", policy_phrases=[]) != ""
    assert edited("a b " + "x" * 1001 + ".", max_word_characters=None) != ""


def test_reasons_in_declared_order() -> None:
    five = " ".join([PROSE] * 5)
    assert reasons(five) == []
    assert reasons(" ".join([PROSE] * 4)) == ["few_sentences"]
    assert reasons(five + "\nLorem Ipsum dolor sit.\nint main() { and so on.") == [
        "lorem_ipsum",
        "curly_bracket",
    ]
    assert reasons(five + "\nLorem ipsum dolor sit amet") == [], "the line goes before it counts"
    assert reasons(five + "\nOpen a { here.", max_curly_bracket_lines=1) == []
    assert reasons(five + "\nOpen a { here.", max_curly_bracket_lines=None) == []
    assert reasons("", min_sentences=0) == []
    assert reasons("") == ["few_sentences"]


def test_long_lines_at_the_bound() -> None:
    line = "é" * 200
    texts = ["", line, "\n".join([line] * 3), "\r\n".join([line] * 3), "\n".join([line[1:]] * 3)]
    texts += ["\u2028".join([line] * 3)]  # one line: the lines of the paper end in LF
    assert long_line_verdicts(C4Paragraphs(), batch(*texts)) == [
        *(False, False, True, True, False, False)
    ]
    assert long_line_verdicts(C4Paragraphs(min_long_lines=0), batch("")) == [True]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_word_characters": 0},
        {"min_words_per_line": -1},
        {"max_lorem_ipsum_lines": 10**400},
        {"policy_phrases": ["cookies", " "]},
        {"pieces": "words"},
        {"split_paragraph": True},
    ],
)
def test_senseless_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        C4Quality.model_validate(fields)


def test_editing_is_row_wise() -> None:
    whole = batch(*[PROSE, "", "Menu", "é\r\n" + PROSE, "\0", f"{PROSE} {{"] * 3)
    parts = [C4Quality().edit(whole.slice(start, 2)) for start in range(0, whole.num_rows, 2)]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [C4Quality().edit(whole)]
