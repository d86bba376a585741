from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from curate.dashboards.report import blanks
from curate.dashboards.tokenizer_page import render_page, write_page
from curate.tokenizer.evaluation.compare import Seen, compare
from curate.tokenizer.evaluation.parallel_text import ParallelText
from curate.tokenizer.formats.published import NamedTokenizer

HOSTILE = ["</style><script>alert(1)</script>", "\u202eevil", "<img src=x>", "a\nb", "&lt;"]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    names = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *HOSTILE]
    tokenizer = Tokenizer(models.BPE({name: n for n, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    saved = tokenizer.to_str().encode()
    texts = pa.table(
        {
            "text": pa.array(["some text"] * 3, pa.large_string()),
            "source": ["<b>web", "x" * 60, "web"],
            "language": ["en", None, "<i>"],
            "url": [None, "https://a.org/<x>", None],
        }
    )
    lines = {
        name: pa.array([text], pa.large_string())
        for name, text in (("eng", "hello"), ("<u>", "안녕하세요"))
    }
    return compare(
        [NamedTokenizer("<h1>mine", saved), NamedTokenizer("other", saved)],
        [texts],
        "<em>texts",
        ParallelText(lines, "eng"),
        10,
        Seen("the training shards", np.zeros(len(names), np.int64)),
    )


class Page(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_tokens_and_names_stay_text(tmp_path: Path, found: dict[str, Any]) -> None:
    place = write_page(str(tmp_path), found)
    text = Path(place).read_text()
    page = Page(text)
    assert not page.elements & {"script", "img", "b", "i", "u", "em"}
    assert not page.attributes & {"style", "onclick", "src"}
    assert "\u202e" not in text
    assert "[U+202E]" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert json.loads((tmp_path / "tokenizer.json").read_text()) == json.loads(json.dumps(found))


def test_pictures_are_there(tmp_path: Path, found: dict[str, Any]) -> None:
    text = Path(write_page(str(tmp_path), found)).read_text()
    assert text.count('class="wide-picture"') == 3
    assert text.count("<polyline") == 2
    assert "http" not in text.replace("http-equiv", "")


def test_blanks_and_line_ends_of_tokens_can_be_seen(found: dict[str, Any]) -> None:
    assert blanks(" a\n\tb") == "␣a⏎⇥b"
    assert "<code><bdi>a⏎b</bdi></code>" in render_page(found)
