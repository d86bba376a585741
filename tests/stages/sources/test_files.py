"""Which files a source takes, under which relative paths, in which order, and the errors a user can
act on."""

from __future__ import annotations

import os

import fsspec
import pytest

from curate.errors import SpecError
from curate.stages.sources.files import list_files, open_file
from curate.stages.sources.jsonl import Jsonl


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b.jsonl",
        "a.jsonl",
        "Z.jsonl",
        "ä.jsonl",
        "sub/c.jsonl",
        "sub/deep/d.jsonl",
        "x[1].jsonl",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"text": "x"}\n')
    return tmp_path


def _paths(patterns, folder):
    return [file.path for file in list_files(patterns, str(folder))]


def test_relative_paths_start_below_the_longest_folder_without_a_glob(tree):
    assert _paths(["in/*.jsonl"], tree) == [
        "Z.jsonl",
        "a.jsonl",
        "b.jsonl",
        "x[1].jsonl",
        "ä.jsonl",
    ]
    assert _paths(["in/sub/c.jsonl"], tree) == ["c.jsonl"]
    assert _paths(["in/s*/c.jsonl"], tree) == ["sub/c.jsonl"]
    assert _paths(["in/**/*.jsonl"], tree)[-2:] == ["x[1].jsonl", "ä.jsonl"]
    assert "sub/deep/d.jsonl" in _paths(["in/**/*.jsonl"], tree)


def test_a_file_that_two_patterns_match_counts_once(tree):
    assert _paths(
        ["in/a*.jsonl", "in/*.jsonl", f"{tree}/in/a.jsonl", "file://" + f"{tree}/in/a.jsonl"], tree
    ) == [
        "Z.jsonl",
        "a.jsonl",
        "b.jsonl",
        "x[1].jsonl",
        "ä.jsonl",
    ]


def test_a_name_with_glob_characters_can_be_given_as_it_is(tree):
    assert _paths(["in/x[1].jsonl"], tree) == ["x[1].jsonl"]


def test_errors_name_every_pattern_and_the_remedy(tree):
    with pytest.raises(SpecError) as caught:
        list_files(["in", "nothing/*.gz", "in/a.jsonl", "in/missing.jsonl", "in/sub*"], str(tree))
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "'in' is a folder" in lines[0] and "in/*" in lines[0]
    assert "nothing/*.gz" in lines[1] and "missing.jsonl" in lines[2] and "in/sub*" in lines[3]


def test_files_of_two_folders_with_one_name_need_a_common_pattern(tree):
    (tree / "in/sub/a.jsonl").write_bytes(b"{}")
    with pytest.raises(SpecError, match=r"would both be 'a.jsonl'"):
        list_files(["in/a.jsonl", "in/sub/a.jsonl"], str(tree))


def test_paths_are_required(tree):
    with pytest.raises(SpecError, match="needs a file or a glob"):
        Jsonl().files(str(tree))


def test_the_stamp_changes_with_the_file(tree):
    (before,) = list_files(["in/a.jsonl"], str(tree))
    os.utime(before.url, ns=(1, 1))
    (after,) = list_files(["in/a.jsonl"], str(tree))
    assert before.stamp != after.stamp and after.stamp == "1"


def test_a_file_name_that_is_not_utf8_gets_a_printable_path(tree):
    name = os.fsencode(tree) + b"/in/odd\xff.jsonl"
    with open(name, "wb") as out:
        out.write(b'{"text": "x"}')
    assert "odd\\xff.jsonl" in _paths(["in/*.jsonl"], tree)


def test_urls_go_through_fsspec():
    system = fsspec.filesystem("memory")
    for name in ("a", "b/c"):
        system.pipe_file(f"/bucket/in/{name}.jsonl", b'{"text": "x"}')
    files = list_files(["memory://bucket/in/**/*.jsonl"], "anywhere")
    assert [file.path for file in files] == ["a.jsonl", "b/c.jsonl"]
    assert [file.path for file in list_files(["in/*.jsonl"], "memory://bucket")] == ["a.jsonl"]
    with open_file(files[1]) as raw:
        assert raw.read() == b'{"text": "x"}'
    with pytest.raises(SpecError, match="is a folder"):
        list_files(["memory://bucket/in"], "anywhere")
    with pytest.raises(SpecError, match="matches no file"):
        list_files(["memory://bucket/in/*.gz"], "anywhere")
