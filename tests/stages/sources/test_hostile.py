"""Any bytes in any format: no reader raises, all is counted, and the text is valid Unicode."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.sources.base import Caps
from curate.stages.sources.catalogue import SOURCES
from curate.stages.sources.text import Text

FORMATS = sorted(set(SOURCES) - {"installed_packages"})
SEEDS = [
    b'{"text": "one"}\n{"text": "two"}\n',
    b"text,n\none,1\ntwo,2\n",
    b"<html><body><p>one</p></body></html>",
    b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 47\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>x\r\n\r\n",
    b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 3\n1 1\n\nhttp://a/ 1.2.3.4 "
    b"20080430204825 text/html 45\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nx\n",
]


def test_the_catalogue_names_every_format_of_the_design():
    assert set(SOURCES) == {
        "warc", "jsonl", "parquet", "csv", "tsv", "text", "html", "installed_packages",
    }  # fmt: skip
    for name, source in SOURCES.items():
        assert source.format == name
        assert source.distributions or name == "text"
        assert all(field.description for field in source.model_fields.values())


@pytest.mark.parametrize("name", FORMATS)
def test_random_bytes_and_broken_files_never_raise(read, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("fuzz")

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def check(data):
        content = data.draw(st.one_of(st.binary(max_size=300), st.sampled_from(SEEDS)))
        broken = bytearray(content)
        for _ in range(data.draw(st.integers(0, 3))):
            if broken:
                position = data.draw(st.integers(0, len(broken) - 1))
                broken[position] = data.draw(st.integers(0, 255))
        packed = gzip.compress(bytes(broken)) if data.draw(st.booleans()) else bytes(broken)
        cut = packed[: data.draw(st.integers(0, len(packed)))]
        path = folder / data.draw(st.sampled_from(["a", "a.gz", "a.arc.gz", "a.zst"]))
        path.write_bytes(cut)
        read(SOURCES[name](paths=(str(path),)), Caps(max_document_bytes=150), split_bytes=64)

    check()


def test_broken_parquet_files_never_raise(read, write):
    sink = io.BytesIO()
    table = pa.table({"text": [f"text {row}" for row in range(300)], "n": range(300)})
    pq.write_table(table, sink, row_group_size=100, write_page_checksum=True)
    data = sink.getvalue()
    for position in range(0, len(data), 13):
        broken = bytearray(data)
        broken[position] ^= 0x41
        path = write("a.parquet", bytes(broken))
        reading = read(SOURCES["parquet"](paths=(path,)))
        assert reading.documents or reading.bad


def test_importing_one_reader_does_not_import_optional_engines():
    program = (
        "import sys, curate.stages.sources.catalogue; "
        "print([name for name in ('trafilatura', 'justext', 'ray') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_folder_given_as_a_path_says_what_to_write(tmp_path):
    from curate.errors import SpecError

    (tmp_path / "in").mkdir()
    with pytest.raises(SpecError, match=r"'in' is a folder; write 'in/\*'"):
        Text(paths=("in",)).files(str(tmp_path))
    assert Path(tmp_path, "in").is_dir()
