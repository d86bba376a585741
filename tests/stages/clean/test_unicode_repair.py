"""Repair of characters: equal to ftfy on every text, and what it counts."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import ftfy
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.clean.unicode_repair import UnicodeRepair

DECODINGS = ("latin-1", "windows-1252", "windows-1251", "windows-1250", "macroman", "cp437")


def edit(*texts: str, **fields: Any) -> list[dict[str, Any]]:
    stage = UnicodeRepair(**fields)
    edited = stage.edit(
        pa.RecordBatch.from_pydict({"text": pa.array(list(texts), pa.large_string())})
    )
    edited.validate(full=True)
    assert edited.schema == pa.schema([pa.field("text", pa.large_string()), *stage.signals()])
    rows: list[dict[str, Any]] = edited.to_pylist()
    return rows


def by_ftfy(text: str, normalization: str = "NFC", ligatures: bool = True) -> str:
    return ftfy.fix_text(
        text,
        unescape_html=False,
        fix_latin_ligatures=ligatures,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        normalization=None if normalization == "none" else normalization,
    )


def mojibake(text: str, decoding: str) -> str:
    return text.encode().decode(decoding, "replace")


readable = st.text(
    st.one_of(
        st.characters(codec="utf-8", max_codepoint=0x2FF),
        st.sampled_from("abc “”’–…éüñßœÉ€£°«»—•™ я ж α λ 한 の\n\n\t\r\0\x1b[0m\x85\u2028\ufeffﬁĳ"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)
broken = st.builds(mojibake, readable, st.sampled_from(DECODINGS))
texts = st.lists(
    st.one_of(readable, broken, st.builds(mojibake, broken, st.sampled_from(DECODINGS)))
).map("\n".join)


@settings(max_examples=250)
@given(st.lists(texts, max_size=3), st.sampled_from(["NFC", "NFKC", "none"]), st.booleans())
def test_equals_ftfy_on_every_text(
    documents: list[str], normalization: str, ligatures: bool
) -> None:
    fields = {"normalization": normalization, "ligatures": ligatures}
    for text, row in zip(documents, edit(*documents, **fields), strict=True):
        assert row["text"] == by_ftfy(text, **fields)
        assert (row["lines_changed"] > 0) == (row["text"] != text)
        assert row["characters_before"] == len(text)


def test_equals_ftfy_on_real_texts(test_data: Path) -> None:
    """With every text once more as mojibake of Windows-1252, and once more decomposed."""
    documents = []
    for name in ("c4/c4-a", "wikipedia/en-0", "wikipedia/ko-0"):
        with gzip.open(test_data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            documents += [json.loads(line)["text"][:2000] for line in islice(file, 40)]
    with gzip.open(test_data / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        documents += [json.loads(line)["text"] for line in islice(file, 0, None, 1994)]
    damaged = [mojibake(text, "windows-1252") for text in documents[::4]]
    for text, row in zip(documents + damaged, edit(*documents, *damaged), strict=True):
        assert row["text"] == by_ftfy(text)


def test_examples_and_counts() -> None:
    rows = edit(
        "schÃ¶n\nclean\nâ€œquotesâ€\x9d",
        "a\0b\x1b[31mred\x1b[0m \ufeff",
        "e\u0301 ﬁn",
        "“Curly” quotes stay, ＡＢＣ too, &amp; also.\r\nline\u2028end",
        "",
    )
    assert [row["text"] for row in rows] == [
        "schön\nclean\n“quotes”",
        "abred ",
        "é fin",
        "“Curly” quotes stay, ＡＢＣ too, &amp; also.\r\nline\u2028end",
        "",
    ]
    counted = [
        [row[name] for name in row if name not in ("text", "characters_before")] for row in rows
    ]
    assert counted == [[2, 2, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0] * 4, [0] * 4]


def test_normal_forms() -> None:
    text = "10³ ½ ℌ e\u0301 ﬁ"
    assert edit(text, ligatures=False)[0]["text"] == "10³ ½ ℌ é ﬁ"
    assert edit(text, normalization="none", ligatures=False)[0]["text"] == text
    assert edit(text, normalization="NFKC")[0]["text"] == "103 1⁄2 H é fi"
    with pytest.raises(ValidationError):
        UnicodeRepair(normalization="NFD")  # type: ignore[arg-type]


def test_clean_texts_go_on_without_a_copy() -> None:
    array = pa.array(["Plain.", "Ça va « bien », œuvre", "한국어 텍스트"], pa.large_string())
    edited = UnicodeRepair().edit(pa.RecordBatch.from_arrays([array], ["text"]))
    assert edited.column("text").buffers()[2].address == array.buffers()[2].address


@pytest.mark.parametrize("unit", ["a ", "\0", "é", "Ã¶ ", "Ã¶\n"])
def test_hostile_texts_end(unit: str, assert_linear_time: Any) -> None:
    """ftfy sets the time: long lines and many equal ones stay linear."""
    assert_linear_time(edit, lambda many: unit * many, size=30_000)


@settings(max_examples=200)
@given(readable)
def test_editing_twice_is_editing_once(text: str) -> None:
    once = edit(text)[0]["text"]
    assert edit(once)[0]["text"] == once
