"""List files: what is an entry, and what is wrong with a file before a run starts."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from curate.errors import SpecError
from curate.stages.lists import read_list


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        ("a\nb b\n", ["a", "b b"]),
        ("# words\n a \r\n\r\n\tb\u00a0\r\n#c\n", ["a", "b"]),
        ("a\rb\u2028c\x85d\x1ee", ["a", "b", "c", "d", "e"]),
        ("\ufeffa\nb # kept whole", ["a", "b # kept whole"]),
        ("b\na\nb", ["b", "a", "b"]),
        ("\x1f\n\u3000中\u3000\n\u200b", ["中", "\u200b"]),
    ],
)
def test_entries_are_trimmed_lines_in_their_order(
    tmp_path: Path, content: str, entries: list[str]
) -> None:
    plain = read_list(write(tmp_path / "plain", content))
    packed = read_list(write(tmp_path / "packed", gzip.compress(content.encode(), mtime=0)))
    assert plain.texts() == packed.texts() == entries
    assert plain.sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert plain.as_model("x").sha256 == plain.sha256


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "list"
    assert read_list(write(path, "a")).texts() == ["a"]
    write(path, "b")
    os.utime(path, ns=(1, 1))
    assert read_list(str(path)).texts() == ["b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no entry; put one entry on each line"),
        (b"# only\n\n  \n", "holds no entry"),
        ("ä\nö\n".encode("latin1"), r"line 1 is not UTF-8 \(byte 0xe4\).*iconv"),
        (b"a\nb\n\xff\xfe", "line 3 is not UTF-8"),
        ("a\nb".encode("utf-16"), "UTF-16, not UTF-8; convert it: iconv -f utf-16 -t utf-8"),
        ("a\nb".encode("utf-16-be"), "line 1 holds a NUL"),
        (gzip.compress(b"a\nb", mtime=0)[:-6], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (b"PK\x03\x04\x00\x00", "NUL character, so this is no text"),
    ],
)
def test_a_bad_file_says_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path / "list.txt", content)
    with pytest.raises(SpecError, match=message) as error:
        read_list(path)
    assert path in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="nowhere: no such file; give the path"):
        read_list(str(tmp_path / "nowhere"))
    with pytest.raises(SpecError, match="this is a folder"):
        read_list(str(tmp_path))
