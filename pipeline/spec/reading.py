"""The bytes of a pipeline file as text, with a place for what is not UTF-8."""

from __future__ import annotations

import os

from curate.pipeline.spec.problems import LINE_BREAK, Place, Problems
from curate.pipeline.spec.tree import MAX_FILE_BYTES


def read_text(file: str, problems: Problems) -> str:
    """The file's text without a byte order mark; empty after adding a problem."""
    start = Place(1, 1)
    if os.path.isdir(file):
        problems.add(start, "is a folder, not a pipeline file")
        return ""
    try:
        with open(file, "rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.add(start, f"cannot be read: {error.strerror or error}")
        return ""
    if len(content) > MAX_FILE_BYTES:
        problems.add(start, f"is larger than {MAX_FILE_BYTES:,} bytes; no pipeline file is")
        return ""
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = LINE_BREAK.split(content[: error.start].decode())
        place = Place(len(before), len(before[-1]) + 1)
        byte = content[error.start]
        message = f"the byte 0x{byte:02x} (offset {error.start}) is not valid UTF-8"
        problems.add(place, message, "save the file as UTF-8")
        return ""
