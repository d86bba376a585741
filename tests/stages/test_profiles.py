"""Profiles: bounds per language, refused where they do not fit, and enough for 204 languages."""

from __future__ import annotations

import gzip
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.errors import SpecError
from curate.kernels import dictionary
from curate.pipeline.fingerprint import stage_ingredients
from curate.stages.base import Filter
from curate.stages.calibration import Measured, Method, derive
from curate.stages.profiles import Profile, load, parse
from curate.stages.quality.fineweb import FineWebQuality
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import GopherRepetition
from curate.stages.rules import Rule, evaluate

SMALL = """
profile = 1
segmenter = "uax29"
source = "a test"
method = "by hand"
languages = ["de", "th"]
[filters.gopher_quality]
word_count = {low = {de = 3, default = 7}, high = {th = inf}}
stop_words = {low = {de = 0}}
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


@pytest.fixture
def without_dictionary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra `segmentation` is not installed."""
    monkeypatch.setattr(dictionary, "_data_file", lambda: None)
    dictionary.load.cache_clear()
    yield
    dictionary.load.cache_clear()


@pytest.mark.usefixtures("without_dictionary")
def test_bounds_of_equally_named_rules_become_tables(small: str) -> None:
    stage = GopherQuality(profile=small, max_words=1000)
    rules = {rule.name: rule for rule in stage.judged_rules()}
    assert rules["word_count"].low == {"default": 7, "de": 3}
    assert rules["word_count"].high == {"default": 1000, "th": math.inf}
    assert rules["word_count"].by == "language"
    assert rules["stop_words"].low == {"default": 2, "de": 0}
    assert rules["mean_word_length"] == stage.rules()[1]


@pytest.mark.usefixtures("without_dictionary")
def test_the_content_decides_the_fingerprint_not_the_path(small: str, tmp_path: Path) -> None:
    plain, first = (
        stage_ingredients(GopherQuality()),
        stage_ingredients(GopherQuality(profile=small)),
    )
    copy = tmp_path / "copy.toml"
    copy.write_text(SMALL, encoding="utf-8")
    assert stage_ingredients(GopherQuality(profile=str(copy))) == first != plain
    copy.write_text(SMALL.replace("de = 3", "de = 4"), encoding="utf-8")
    assert stage_ingredients(GopherQuality(profile=str(copy))) != first


def test_a_profile_of_other_words_or_filters_is_refused(small: str) -> None:
    other = parse(SMALL.replace("uax29", "whitespace"), "other")
    with pytest.raises(SpecError, match="words of 'whitespace'"):
        GopherQuality(profile=other).judged_rules()
    with pytest.raises(SpecError, match="no bounds for the filter 'gopher_repetition'"):
        GopherRepetition(profile=parse(SMALL, "x"), words="uax29").profile.apply(  # type: ignore[union-attr]
            "gopher_repetition", ()
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [", "no TOML"),
        ("profile = 1", "segmenter"),
        ("more = 1" + SMALL, "more"),
        (SMALL.replace("low =", "lowest ="), "lowest"),
        (SMALL.replace("de = 3", "de = 'three'"), "valid number"),
    ],
)
def test_a_broken_profile_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError, match=message):
        GopherQuality(profile=str(path))


def test_a_missing_profile_names_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'multilingual'"):
        load("multilingal")
    latin = tmp_path / "latin.toml"
    latin.write_bytes("source: é".encode("latin-1"))
    with pytest.raises(SpecError, match="UTF-8"):
        load(str(latin))


VALUES = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        (Method("quantile", 0.0, 1.0, tighten=True), 1.0, 10.0),
        (Method("quantile", 0.0, 1.0), 1.0, 20.0),
        (Method("mean_sd", deviations=1.0, tighten=True), 2.62, 8.38),
        (Method("mean_sd", deviations=10.0), 0.0, 34.3),
        (Method("median_ratio", tighten=True), 2.5, 10.0),
    ],
)
def test_methods(method: Method, low: float, high: float) -> None:
    rule = Rule("r", "s.x", low=5.0, high=20.0)
    measured = [Measured("f", rule, {"xx": VALUES, "en": VALUES * 2})]
    profile = derive(measured, {"xx": 10, "en": 10, "few": 9}, method, "none", "a test")
    (bounds,) = profile.filters["f"].values()
    applied = profile.apply("f", (rule,))[0]
    assert profile.languages == ("en", "xx")
    assert applied.low == {"default": 5.0, **(bounds.low or {})} or bounds.low is None
    assert (bounds.low or {}).get("xx", 5.0) == low
    assert (bounds.high or {}).get("xx", 20.0) == high
    assert parse(profile.as_toml(), "again") == profile


def test_too_little_reference_is_an_error() -> None:
    with pytest.raises(SpecError, match="no language has 10 documents"):
        derive([], {"de": 9}, Method(), "none", "a test")
    with pytest.raises(SpecError, match="median_ratio needs 10 documents in 'en'"):
        derive([], {"de": 10}, Method("median_ratio"), "none", "a test")
    with pytest.raises(SpecError, match="quantiles"):
        Method("quantile", 0.9, 0.1)


def _share_kept(stage: Filter, texts: list[str], language: str) -> float:
    batch = pa.record_batch(
        {
            "text": pa.array(texts, pa.large_string()),
            "language": pa.array([language] * len(texts), pa.string()),
        }
    )
    columns: dict[str, pa.Array] = {"language": batch.column("language")}
    for annotator in stage.annotators():
        made = annotator.annotate(batch)
        for signal, column in zip(annotator.signals(), made.columns, strict=True):
            columns[f"{annotator.name}.{signal.name}"] = column
    judged = evaluate(stage.judged_rules(), pa.RecordBatch.from_pydict(columns))
    return float((judged.first_broken() < 0).mean())


@pytest.fixture(scope="module")
def blocks(test_data: Path) -> dict[str, list[str]]:
    """Blocks of 20 lines of FLORES dev by FLORES code."""
    lines: dict[str, list[str]] = defaultdict(list)
    with gzip.open(test_data / "flores200" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            lines[row["language"]].append(row["text"])
    return {
        code: ["\n".join(found[start : start + 20]) for start in range(0, len(found), 20)]
        for code, found in lines.items()
    }


def _failing(blocks: dict[str, list[str]], keys: dict[str, str]) -> list[tuple[str, str, float]]:
    profile = load("multilingual")
    stages = [kind(profile=profile) for kind in (GopherQuality, GopherRepetition, FineWebQuality)]
    return [
        (code, stage.name, share)
        for code, texts in blocks.items()
        for stage in stages
        if (share := _share_kept(stage, texts, keys[code])) < 0.95
    ]


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """FLORES code to language, from the committed table."""
    table = Path(__file__).parents[2] / "benchmarks" / "profiles" / "table.md"
    rows = [line.split(" | ") for line in table.read_text(encoding="utf-8").splitlines()]
    return {row[0][2:]: row[1] for row in rows if len(row) > 5 and row[0] != "| FLORES"}


@pytest.mark.skipif(not dictionary.is_installed(), reason="needs the extra `segmentation`")
def test_every_language_of_flores_passes(
    blocks: dict[str, list[str]], keys: dict[str, str]
) -> None:
    assert len(keys) == len(blocks) == 204
    assert _failing(blocks, keys) == []


@pytest.mark.usefixtures("without_dictionary")
def test_every_language_of_flores_passes_without_dictionaries(
    blocks: dict[str, list[str]], keys: dict[str, str]
) -> None:
    assert _failing(blocks, keys) == []


def test_the_bundled_profile_names_languages_as_the_language_stage_does() -> None:
    profile: Profile = load("multilingual")
    assert {"en", "de", "zh", "ja", "th", "ckb", "ace", "yue"} <= set(profile.languages)
    assert not {"eng", "zho", "zho_Hans"} & set(profile.languages)
