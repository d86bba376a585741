"""Words of scripts without spaces: ICU's own, found natively; everything else stays as it was."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import _native, dictionary
from curate.kernels.measure import Request, WordSpans, measure
from curate.kernels.words import word_spans, words

FLORES = Path(__file__).parents[2].parent / "shared" / "data" / "flores200" / "dev.jsonl.gz"
needs_dictionary = pytest.mark.skipif(
    not dictionary.is_installed(), reason="needs the extra `segmentation` (icu4py)"
)

RUNS = {
    "zho_Hans": "[\u4e00-\u9fff]+",
    "zho_Hant": "[\u4e00-\u9fff]+",
    "jpn_Jpan": "[\u4e00-\u9fff\u3041-\u3096\u30a1-\u30fa\u30fc\u3005]+",
    "tha_Thai": "[\u0e01-\u0e2e\u0e40-\u0e44][\u0e01-\u0e3a\u0e40-\u0e4e]*",
    "lao_Laoo": "[\u0e81-\u0eae\u0ec0-\u0ec4][\u0e81-\u0ece\u0edc-\u0edf]*",
    "khm_Khmr": "[\u1780-\u17b3][\u1780-\u17b3\u17b6-\u17d3\u17d7\u17dc\u17dd]*",
    "mya_Mymr": "[\u1000-\u102a][\u1000-\u103f\u1050-\u108f]*",
}
"""What ICU gives to one dictionary at a time; digits and Latin letters join its runs by rules that
are not ours."""


@pytest.fixture(scope="module")
def flores() -> dict[str, list[str]]:
    if not FLORES.is_file():
        pytest.skip(f"{FLORES} is missing: the texts of FLORES-200 dev")
    lines: dict[str, list[str]] = defaultdict(list)
    with gzip.open(FLORES, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            lines[row["language"]].append(row["text"])
    return lines


def texts(*values: str) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


@needs_dictionary
@pytest.mark.parametrize("language", RUNS)
def test_words_are_those_of_icu(flores: dict[str, list[str]], language: str) -> None:
    breakers = pytest.importorskip("icu4py.breakers")
    found = {run for line in flores[language] for run in re.findall(RUNS[language], line)}
    runs = sorted(run for run in found if not re.fullmatch("[\u30a1-\u30fc]+", run))
    expected = [list(breakers.WordBreaker(run, "en")) for run in runs]
    assert len(runs) > 1000
    assert words(texts(*runs)).to_pylist() == expected


@needs_dictionary
def test_katakana_alone_and_other_words_stay_those_of_the_rules() -> None:
    mixed = "コンスティテューション foo_bar カタ_カナ 3.14 don't Tiếng Việt བོད་སྐད 한국어"
    assert words(texts(mixed)) == words(texts(mixed), "uax29_alone")


@needs_dictionary
def test_a_run_of_several_scripts_and_marks() -> None:
    text = "日本語とภาษาไทย人々、缶ビール2本。"
    assert words(texts(text)).to_pylist() == [
        ["日本語", "と", "ภาษา", "ไทย", "人々", "缶", "ビール", "2", "本"]
    ]


SCRIPTS = st.sampled_from(
    "中国人民日本語のはサボル々ー、。ภาษาไทยก็ๆฯລາວພາສາខ្មែរភាសាမြန်မာ\u200d\u200b\u0301\u3099\ufe0f"
    " \r\n\u2028ab1_'.\U00020000\U0001f600א\x00"
)


@needs_dictionary
@given(st.text(SCRIPTS, max_size=60))
def test_division_only_regroups_neighbours(text: str) -> None:
    """The words cover the same bytes, and every boundary is one of the rules' boundaries."""
    ours = word_spans(texts(text))
    rules = word_spans(texts(text), "uax29_alone")

    def covered(spans: WordSpans) -> list[int]:
        return [byte for b, e in zip(spans.begin, spans.end, strict=True) for byte in range(b, e)]

    assert covered(ours) == covered(rules)
    borders = {*rules.begin, *rules.end}
    within = {0x30A1 <= ord(character) <= 0x30FC for character in text}
    # Katakana beside other letters, 々 and what a joiner glues may be divided further.
    if within != {True, False} and not {"々", "\u200d"} & set(text):
        assert {*ours.begin, *ours.end} <= borders


@needs_dictionary
@pytest.mark.parametrize("piece", ["中", "のは", "ก", "ကြ", "ภาษาไทย", "ア中", "ក្", "人々"])
def test_long_runs_take_linear_time_and_lose_nothing(piece: str, assert_linear_time: Any) -> None:
    def run_of(size: int) -> pa.LargeStringArray:
        return texts(piece * (size // len(piece.encode())))

    assert_linear_time(word_spans, run_of, size=8_000_000)
    array = run_of(8_000_000)
    text = array[0].as_py()
    spans = word_spans(array)
    assert spans.begin[0] == 0
    assert spans.end[-1] == len(text.encode())
    assert (spans.begin[1:] == spans.end[:-1]).all()


@pytest.fixture
def without_dictionary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra is not installed."""
    monkeypatch.setattr(dictionary, "_data_file", lambda: None)
    dictionary.load.cache_clear()
    yield
    dictionary.load.cache_clear()


@pytest.mark.usefixtures("without_dictionary")
def test_words_of_a_script_without_dictionary_are_not_known() -> None:
    han, tai_le, mixed = "中文没有空格", "ᥖᥭᥰᥖᥬᥳ", "a few words and 中文"
    batch = measure(texts(han, tai_le, mixed, ""), [Request("words")])[0]
    assert batch.column("count").to_pylist() == [None, None, 6, 0]
    assert batch.column("mean_length").null_count == 2
    assert dictionary.segmenter_name() == "uax29"


@needs_dictionary
def test_a_script_that_icu_does_not_know_stays_unknown() -> None:
    batch = measure(texts("ᥖᥭᥰᥖᥬᥳ", "中文没有空格"), [Request("words")])[0]
    assert batch.column("count").to_pylist() == [None, 3]


@needs_dictionary
def test_damaged_data_is_an_error_and_nothing_worse() -> None:
    path = dictionary._data_file()
    assert path is not None
    data = path.read_bytes()
    with pytest.raises(ValueError, match="ICU data"):
        _native.Dictionary(b"")
    with pytest.raises(ValueError, match="ICU data"):
        _native.Dictionary(data[: len(data) // 100])
    start = data.index(b"CmnD")
    for place in range(start, start + 4_000_000, 397_003):
        damaged = bytearray(data[: start + 6_000_000])
        damaged[place : place + 64] = b"\xff" * 64
        try:
            _native.Dictionary(damaged)
        except ValueError:
            continue


@needs_dictionary
@given(
    st.text(
        st.sampled_from(
            "ab -'\u2019\u2014\u2e80\u2e7f\u2fdf\u0e01\u1000\u1fff\u0800\u07ff\u3042\u4e00"
        )
    )
)
def test_texts_that_skip_the_dictionary_have_the_words_they_would_have_with_it(text: str) -> None:
    """A Hangul syllable, a letter by the rules, keeps its text from skipping anything."""
    alone = words(texts(text)).to_pylist()[0]
    beside = words(texts(f"{text}\n\uac00")).to_pylist()[0]
    assert beside == [*alone, "\uac00"]


@needs_dictionary
def test_every_character_is_divided_alike_with_and_without_neighbours() -> None:
    """Every code point, between letters and after a sign of U+2xxx."""
    characters = [chr(code) for code in range(1, 0x32000) if not 0xD800 <= code < 0xE000]
    values = [f"a\u2019{character}{character} b" for character in characters]
    alone = words(texts(*values)).to_pylist()
    beside = words(texts(*(f"{value}\n\uac00" for value in values))).to_pylist()
    assert [[*found, "\uac00"] for found in alone] == beside
