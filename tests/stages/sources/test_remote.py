"""Sources on S3: a local server (moto) gives the same records as the local folder."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import SpecError
from curate.stages.sources.files import list_files
from curate.stages.sources.jsonl import Jsonl
from curate.stages.sources.parquet import Parquet

pytest.importorskip("moto.server")


@pytest.fixture
def bucket(monkeypatch) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    system.mkdir(f"corpus-{port}")
    yield f"s3://corpus-{port}"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def test_s3_gives_the_records_of_the_local_folder(read, bucket, tmp_path):
    lines = b"".join(b'{"text": "document %d"}\n' % number for number in range(500))
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b", "c"]}), sink, row_group_size=1)
    contents = {
        "in/b.jsonl": lines,
        "in/a/c.jsonl.gz": gzip.compress(lines),
        "in/x.parquet": sink.getvalue(),
    }
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    for name, data in contents.items():
        system.pipe_file(f"{bucket}/{name}", data)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for source, pattern in ((Jsonl, "in/**/*.jsonl*"), (Parquet, "in/*.parquet")):
        remote = read(source(paths=(f"{bucket}/{pattern}",)), split_bytes=700)
        local = read(source(paths=(pattern,)), split_bytes=700, folder=str(tmp_path))
        assert remote.documents == local.documents
        assert len(local.documents) in (1000, 3)
    files = list_files([f"{bucket}/in/b.jsonl"], ".")
    assert [(file.path, file.size_bytes) for file in files] == [("b.jsonl", len(lines))]
    assert files[0].stamp
    system.pipe_file(f"{bucket}/in/b.jsonl", lines + b"\n")
    assert list_files([f"{bucket}/in/b.jsonl"], ".")[0].stamp != files[0].stamp


def test_errors_on_s3_name_the_pattern(bucket):
    fsspec.filesystem("s3", skip_instance_cache=True).pipe_file(f"{bucket}/in/a.jsonl", b"{}")
    with pytest.raises(SpecError, match=rf"'{bucket}/in' is a folder"):
        list_files([f"{bucket}/in"], ".")
    with pytest.raises(SpecError, match=r"matches no file"):
        list_files([f"{bucket}/in/*.gz"], ".")
    with pytest.raises(SpecError, match=r"s3://no-such-bucket/a.jsonl"):
        list_files(["s3://no-such-bucket/a.jsonl"], ".")
