"""Every fault of a pipeline file is found at its place, all in one go; nothing is created."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from curate.errors import SpecError
from curate.pipeline.spec import load
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.spec.problems import PipelineFileError
from curate.stages.catalogue import stage_names

HEAD = "name: tiny\noutput: out\n"
SOURCES = (
    "sources:\n"
    "  web: {format: jsonl, kind: web, paths: [web.jsonl]}\n"
    "  books: {format: text, paths: [books/*.txt]}\n"
)
STAGES = "stages:\n  - language: {keep: {en: 0.65}}\n  - gopher_quality\n  - exact_dedup\n"

Loader = Callable[..., PipelineSpec]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "one.txt").write_text("a book")
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Loader:
    def read_text(text: str | bytes, *overrides: str, **environment: str) -> PipelineSpec:
        data = text.encode() if isinstance(text, str) else text
        (folder / "pipeline.yaml").write_bytes(data)
        before = sorted(folder.rglob("*"))
        try:
            return load(str(folder / "pipeline.yaml"), overrides, environment)
        finally:
            assert sorted(folder.rglob("*")) == before

    return read_text


def faults(read: Loader, text: str | bytes, *overrides: str, **environment: str) -> list[str]:
    """`line:column: message` of every fault, the hint behind ` | `."""
    with pytest.raises(PipelineFileError) as caught:
        read(text, *overrides, **environment)
    assert caught.value.exit_code == 2
    assert "pydantic" not in str(caught.value)
    return [
        f"{each.place.origin or f'{each.place.line}:{each.place.column}'}: "
        f"{each.message} | {each.hint}"
        for each in caught.value.problems
    ]


def place_of(text: str, mark: str, occurrence: int = 1) -> str:
    """`line:column` where `mark` stands in `text`."""
    index = -1
    for _ in range(occurrence):
        index = text.index(mark, index + 1)
    return f"{text.count(chr(10), 0, index) + 1}:{index - text.rfind(chr(10), 0, index)}"


def test_a_good_file_becomes_a_typed_spec(read: Loader, folder: Path) -> None:
    spec = read(HEAD + SOURCES + STAGES + "tokenizer:\npack: {max_file_bytes: 1.5 GB}\n")
    assert (spec.name, spec.seed, spec.output) == ("tiny", 0, str(folder / "out"))
    assert [entry.name for entry in spec.stages] == ["language", "gopher_quality", "exact_dedup"]
    assert [entry.needs for entry in spec.stages] == [
        ("web", "books"),
        ("language",),
        ("gopher_quality",),
    ]
    assert [entry.line for entry in spec.stages] == [7, 8, 9]
    assert spec.tokenizer is not None
    assert spec.pack is not None
    assert spec.pack.max_file_bytes == 1_500_000_000


def test_the_three_forms_of_an_entry(read: Loader) -> None:
    text = (
        "stages:\n  - gopher_quality\n  - gopher_quality: {min_words: 30}\n    name: strict\n"
        "  - exact_dedup:\n      by: text\n    expect_kept: [0.2, 1]\n    checkpoint: true\n"
        "    only: [web]\n"
    )
    plain, strict, dedup = read(HEAD + SOURCES + text).stages
    assert (plain.name, strict.name, strict.stage.min_words) == ("gopher_quality", "strict", 30)  # type: ignore[attr-defined]
    assert (dedup.expect_kept, dedup.checkpoint, dedup.only) == ((0.2, 1.0), True, ("web",))


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("256 MiB", 2**28),
        ("2_000_000", 2_000_000),
        ("1e6", 10**6),
        ("1.5 kB", 1500),
        ("2KiB", 2048),
    ],
)
def test_sizes(read: Loader, written: str, bytes_: int) -> None:
    spec = read(HEAD + SOURCES + STAGES + f"engine: {{batch_bytes: {written}}}\n")
    assert spec.engine.batch_bytes == bytes_


def test_the_language_code_no_is_text(read: Loader) -> None:
    spec = read(HEAD + SOURCES + "stages:\n  - language: {keep: {no: 0.5}}\n")
    assert spec.stages[0].stage.keep == {"no": 0.5}  # type: ignore[attr-defined]


GOOD = HEAD + SOURCES + STAGES
FAULTS = [
    # (what is replaced, by what, where the fault stands, words of the message or hint)
    ("name: tiny", "nam: tiny", "nam", ["unknown key 'nam'", "did you mean 'name'?"]),
    ("name: tiny", "name: ../x", "../x", ["may hold letters"]),
    ("name: tiny", "name: .x", ".x", ["starts with no dot"]),
    ("output: out", "output: 7", "7", ["output: must be text, found 7", 'put it in quotes: "7"']),
    ("output: out", "output: o\nseed: -1", "-1", ["seed: must be at least 0, found -1"]),
    ("output: out", "output: o\nseed: 1.5", "1.5", ["seed: must be a whole number, found 1.5"]),
    ("output: out", "output: o\nmax_bad_fraction: 1.1", "1.1", ["must be at most 1"]),
    ("output: out", "output: o\nkeep_intermediates: al", "al", ["extracted, all, none", "'all'?"]),
    ("output: out", "output: o\npretrain: {}", "pretrain", ["not available in this version"]),
    ("output: out", "output: o\nmixture: {}", "mixture", ["mixture needs a `pack:` section"]),
    (
        "output: out",
        "output: o\nmixture: {schedule: [{until: 0.5, weights: {web: 1}}]}",
        "[{until",
        ["mixture.schedule: the last phase ends at 0.5; it must end at 1.0"],
    ),
    (
        "output: out",
        "output: o\nmixture: {weights: {web: 0.5, books: 0.4}}",
        "{web: 0.5",
        ["mixture.weights: weights add up to 0.9, not to 1"],
    ),
    (
        "output: out",
        "output: o\nmixture: {weights: {web: 0.5, boks: 0.5, books: 0}}",
        "boks",
        ["mixture.weights: source 'boks' is not defined", "did you mean 'books'?"],
    ),
    (
        "output: out",
        "output: o\nmixture: {schedule: [{until: 1.0, weights: {web: 1}}]}",
        "{web: 1",
        ["mixture.schedule[0].weights: source 'books' has no weight"],
    ),
    ("output: out", "output: o\nremoved: {text: al}", "al", ["all, sample, none", "did you mean"]),
    ("output: out", "output: o\nengine: 3", "3", ["engine: must be a mapping"]),
    ("output: out", "output: o\nengine: {batch_bytes: 3 XB}", "3 XB", ["256 MiB"]),
    ("output: out", "output: o\nengine: {batch_bytes: 3}", "3}", ["must be at least 1024"]),
    ("output: out", "output: o\npack: {}", "pack", ["needs a `tokenizer:` section"]),
    ("format: jsonl", "format: jsnl", "jsnl", ["unknown format 'jsnl'", "did you mean 'jsonl'?"]),
    ("format: jsonl, ", "", "web:", ["the key 'format' is missing", "jsonl"]),
    ("kind: web", "kind: wed", "wed", ["kind: must be one of web", "did you mean 'web'?"]),
    ("kind: web", "limt: 3", "limt", ["unknown key 'limt'", "did you mean 'limit'?"]),
    ("kind: web", "limit: 0", "0,", ["sources.web.limit: must be at least 1, found 0"]),
    ("kind: web", "sample: true", "true", ["sample: must be a number, found true"]),
    ("[web.jsonl]", "web.jsonl", "web.jsonl", ["must be a list", "write [web.jsonl]"]),
    ("[web.jsonl]", "[web.jsonl, no/*.gz]", "no/*.gz", ["'no/*.gz' matches no file"]),
    ("  books:", "  b/ooks:", "b/ooks", ["source name"]),
    ("  books:", "  WEB:", "WEB", ["differs from 'web' only by case"]),
    ("  books:", "  web:", "web:@2", ["'web' is given twice", "line 4"]),
    ("gopher_quality", "gopher_qualty", "gopher_qualty", ["unknown stage", "'gopher_quality'?"]),
    ("gopher_quality", "gopher_quality: {min_word: 3}", "min_word", ["unknown key 'min_word'"]),
    ("gopher_quality", 'gopher_quality: {min_words: "3"}', '"3"', ["must be a whole number"]),
    ("gopher_quality", "gopher_quality: {max_bullet_lines: 2}", "2}", ["must be at most 1"]),
    ("gopher_quality", "gopher_quality: {min_words: 9, max_words: 8}", "gopher_quality", ["above"]),
    ("gopher_quality", "gopher_quality:\n    nam: x", "nam: x", ["beside stage", "'name'?"]),
    ("gopher_quality", "gopher_quality:\n    exact_dedup:", "exact_dedup", ["a second stage"]),
    ("gopher_quality", "name: x", "name: x", ["no stage"]),
    ("gopher_quality", "[x]", "[x]", ["found a list"]),
    ("gopher_quality", "gopher_quality:\n    expect_kept: [0.9, 0.1]", "[0.9", ["above the high"]),
    ("gopher_quality", "gopher_quality:\n    expect_kept: [0.9]", "[0.9", ["expect_kept"]),
    (
        "gopher_quality",
        "gopher_quality:\n    name: language",
        "language@2",
        ["a second stage is called"],
    ),
    ("gopher_quality", "language", "language@2", ["a second stage is called 'language'"]),
    ("gopher_quality", "gopher_quality:\n    name: web", "web@4", ["name of a source"]),
    (
        "gopher_quality",
        "gopher_quality:\n    needs: [langage]",
        "langage",
        ["neither a stage", "'language'?"],
    ),
    (
        "gopher_quality",
        "gopher_quality:\n    only: [boks]",
        "boks",
        ["'boks' is not defined; sources are: web, books"],
    ),
    (
        "gopher_quality",
        "gopher_quality:\n    needs: [exact_dedup]",
        "exact_dedup",
        ["cycle: 'gopher_quality' → 'exact_dedup'"],
    ),
    ("gopher_quality", "gopher_quality:\n    needs: [web]", "language", ["ends a branch"]),
    (
        "gopher_quality",
        "gopher_quality:\n    needs: [language, web]",
        "web@4",
        ["both bring documents of source 'web'"],
    ),
    ("{en: 0.65}", "{en: 1.65}", "1.65", ["language.keep.en: must be at most 1"]),
    ("{en: 0.65}", "{qq: 0.65}", "qq", ["no language 'qq'"]),
    ("{en: 0.65}", "!x {en: 0.65}", "!x", ["tag '!x' is not allowed"]),
    ("{en: 0.65}", '"${NOPE}"', "${NOPE}", ["variable 'NOPE' is not set"]),
    ("{en: 0.65}", "*nope", "*nope", ["undefined alias"]),
    ("{en: 0.65}", "{en: .nan}", ".nan", ["no usable value"]),
    ("output: out", "\toutput: out", "\t", ["tab"]),
    ("output: out", "output: [", "sources", ["not valid YAML"]),
]


@pytest.mark.parametrize(("old", "new", "mark", "words"), FAULTS)
def test_every_fault_has_its_place(
    read: Loader, old: str, new: str, mark: str, words: list[str]
) -> None:
    text = GOOD.replace(old, new, 1)
    mark, _, occurrence = mark.partition("@")
    if mark == "sources":  # YAML takes the next mapping's first key for a part of the open list
        place = place_of(text, ":", text.count(":", 0, text.index("  web:")) + 1)
    elif len(mark) < 5 and not occurrence and text.count(mark) > 1:
        place = place_of(text, mark, text.count(mark, 0, text.index(new) + new.index(mark)) + 1)
    else:
        place = place_of(text, mark, int(occurrence or 1))
    found = faults(read, text)
    at_place = [fault for fault in found if fault.startswith(f"{place}: ")]
    assert at_place, (place, found)
    for word in words:
        assert any(word in fault for fault in at_place), (word, found)


def test_all_faults_come_at_once_in_file_order_with_carets(read: Loader, folder: Path) -> None:
    text = GOOD.replace("gopher_quality", "gopher_qualty: {min_words: 30}") + "sed: 3\n"
    with pytest.raises(SpecError) as caught:
        read(text, "seed=x")
    count = f"`curate stages` lists all {len(stage_names())}"
    path = folder / "pipeline.yaml"
    assert str(caught.value) == (
        f"{path}:8:5: unknown stage 'gopher_qualty'\n"
        "    7 |   - language: {keep: {en: 0.65}}\n"
        "    8 |   - gopher_qualty: {min_words: 30}\n"
        f"            ^ did you mean 'gopher_quality'? {count}.\n"
        f"{path}:10:1: unknown key 'sed'; keys are: name, output, seed, sources, stages, "
        "tokenizer, mixture, pack, engine, removed, report, max_bad_fraction, keep_intermediates\n"
        "    9 |   - exact_dedup\n"
        "   10 | sed: 3\n"
        "        ^ did you mean 'seed'?\n"
        "--set seed=x: seed: must be a whole number, found 'x'\n"
        "3 errors; nothing was written."
    )


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"", "1:1", "empty"),
        (b"# nothing\n", "1:1", "empty"),
        (b"name: a\nout: \xff\n", "2:6", "0xff"),
        ("name: é\nout: ".encode() + b"\xc3(", "2:6", "UTF-8"),
        (b"name: a\n---\nname: b\n", "2:1", "second YAML document"),
        (b"- a\n", "1:1", "mapping"),
        (b"name: a\x00\n", "1:8", "U+0000"),
        (b"a: &a [*a]\n", "1:4", "contains itself"),
        (b"name: '" + b"x" * 2**20 + b"'", "1:1", "larger than"),
        (b"a: " + b"[" * 5000, "1:1", "nested too deeply"),
        (b'name: "\\ud800"\n', "1:7", "surrogate"),
        (b"seed: " + b"9" * 5000 + b"\n", "1:7", "too many digits"),
        (b"seed: 1e999\n", "1:7", "too large"),
        (b"? [a]\n: b\n", "1:3", "a key must be a word"),
    ],
)
def test_files_that_are_no_pipeline(read: Loader, data: bytes, place: str, words: str) -> None:
    found = faults(read, data)
    assert any(fault.startswith(f"{place}: ") and words in fault for fault in found), found


def test_an_alias_bomb_is_bounded(read: Loader) -> None:
    text = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    assert "unfold to more than" in " ".join(faults(read, text))


def test_anchors_and_merge_keys(read: Loader) -> None:
    text = GOOD.replace("{en: 0.65}", "&k {en: 0.65}").replace(
        "- gopher_quality\n", "- language: {keep: *k}\n    name: again\n"
    )
    assert read(text).stages[1].stage.keep == {"en": 0.65}  # type: ignore[attr-defined]
    merged = (
        SOURCES.replace("web: {", "web: &w {") + "  more: {<<: *w, limit: 3, paths: [web*.jsonl]}\n"
    )
    more = read(HEAD + merged + STAGES).sources["more"]
    assert (more.limit, more.kind, more.paths) == (3, "web", ("web*.jsonl",))


def test_no_file_and_a_folder(folder: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load(str(folder / "none.yaml"))
    with pytest.raises(SpecError, match="is a folder"):
        load(str(folder))


def test_environment_variables(read: Loader) -> None:
    text = HEAD.replace("tiny", "${NAME}-${TAG:-x}") + "seed: ${SEED:-17}\n" + SOURCES + STAGES
    spec = read(text, NAME="a", SEED="5")
    assert (spec.name, spec.seed) == ("a-x", 5)
    assert read(text, NAME="a").seed == 17
    assert read(text, NAME="b", TAG="c").name == "b-c"
    assert "${NAME}" in spec.text
    literal = HEAD.replace(": out", ": $${X}") + SOURCES + STAGES
    assert read(literal).output.endswith("/${X}")
    assert faults(read, text) == [
        "1:7: the environment variable 'NAME' is not set | set it, or give a default: ${NAME:-…}"
    ]


def test_overrides(read: Loader) -> None:
    text = GOOD.replace("- exact_dedup", "- exact_dedup\n  - gopher_quality: {}\n    name: v1.2")
    spec = read(
        text,
        "seed=3",
        "engine.batch_bytes=8 MiB",
        "sources.web.limit=10",
        "sources.web.paths.0=books/one.txt",
        "stages.gopher_quality.min_words=7",
        "stages.v1.2.min_words=8",
        "stages.2.by=normalized_text",
        "stages.exact_dedup.only=[web]",
        "stages.language.language.keep={de: 0.5}",
    )
    web = spec.sources["web"]
    stages = [entry.stage.model_dump() for entry in spec.stages]
    assert (spec.seed, spec.engine.batch_bytes, web.limit, web.paths) == (
        3,
        2**23,
        10,
        ("books/one.txt",),
    )
    assert (stages[1]["min_words"], stages[3]["min_words"]) == (7, 8)
    assert (stages[2]["by"], spec.stages[2].only) == ("normalized_text", ("web",))
    assert stages[0]["keep"] == {"de": 0.5}
    assert spec.overrides[0] == "seed=3"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed", "key.path=value"),
        ("=3", "key.path=value"),
        ("name.x=3", "has no keys"),
        ("stages.gopher.min_words=3", "entries are: language"),
        ("stages.9.min_words=3", "none is '9'"),
        ("seed=[", "not valid YAML"),
        ("engine.batch_byte=3", "unknown key 'batch_byte'"),
    ],
)
def test_overrides_that_fail_name_themselves(read: Loader, override: str, words: str) -> None:
    (fault,) = faults(read, GOOD, override)
    assert fault.startswith(f"--set {override}: ")
    assert words in fault


def test_an_output_folder_of_another_pipeline(read: Loader, folder: Path) -> None:
    output = folder / "out"
    output.mkdir()
    read(GOOD)
    (output / "run.json").write_text(json.dumps({"name": "other"}))
    (fault,) = faults(read, GOOD)
    assert fault.startswith("2:9: output: ")
    assert "belongs to the pipeline 'other', this one is 'tiny'" in fault
    (output / "run.json").write_text(json.dumps({"name": "tiny"}))
    read(GOOD)
    (output / "run.json").unlink()
    (output / "thesis.tex").write_text("mine")
    (fault,) = faults(read, GOOD)
    assert "2:9: output: " in fault
    assert "no run folder (it holds 'thesis.tex')" in fault


PLUGIN = '''
import pyarrow as pa
from curate.stages.base import Filter
from curate.stages.rules import Rule


class Quiet(Filter):
    """Keep quiet documents."""

    name = "quiet"

    def rules(self):
        return (
            Rule("noise", signal="words.noise", high=1),
            Rule("kind", signal="words.count", high={"default": 1}, by="url_"),
        )
'''


@pytest.fixture
def plugin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with the stages `quiet` (reads columns nobody makes) and `broken`."""
    site = tmp_path_factory.mktemp("site")
    (site / "quiet_plugin.py").write_text(PLUGIN)
    info = site / "quiet_plugin-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: quiet-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[curate.stages]\nquiet = quiet_plugin:Quiet\n"
        "broken = quiet_plugin_gone:Gone\nodd = quiet_plugin:pa\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "quiet_plugin", raising=False)
    return site


@pytest.mark.usefixtures("plugin")
def test_a_rule_on_a_column_that_nobody_makes(read: Loader) -> None:
    text = GOOD.replace("- exact_dedup", "- quiet")
    place = place_of(text, "quiet")
    assert faults(read, text) == [
        f"{place}: stage 'quiet': rule '{rule}' needs the column '{column}', which nothing "
        f"before it makes{near} | "
        for rule, column, near in (
            ("kind", "url_", "; did you mean 'url'?"),
            ("noise", "words.noise", "; did you mean 'words.count'?"),
        )
    ]


@pytest.mark.usefixtures("plugin")
def test_a_broken_plugin_is_named_with_its_distribution(read: Loader) -> None:
    read(GOOD)
    for name, words in (("broken", "cannot be loaded"), ("odd", "is no Annotator")):
        text = GOOD.replace("exact_dedup", name)
        (fault,) = faults(read, text)
        assert fault.startswith(f"{place_of(text, name)}: ")
        assert "quiet-plugin 1.2" in fault
        assert words in fault


def test_hostile_characters_do_not_reach_the_terminal(read: Loader) -> None:
    text = GOOD.replace("name: tiny", 'name: "\\x1b[31mred"')
    with pytest.raises(SpecError) as caught:
        read(text, "seed=\x1b[31m")
    assert "\x1b" not in str(caught.value)
