"""The main job on the embedded default and on real web archives, to local disk and to S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from curate.pipeline.run_folder import RunFolder
from curate.storage.store import Store
from curate.tokenizer.files.manifest import read_manifest

FOLDERS = ("documents", "removed", "quarantine", "tokenizer", "tokens")


def curate(
    *arguments: str, repository: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "curate", *arguments],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository)} | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def checksums(url: str) -> dict[str, int]:
    store = Store(url)
    return {path: store.checksum(path) for folder in FOLDERS for path in store.sizes(folder)}


def check_run(url: str) -> dict[str, Any]:
    """Counts add up, the tokenizer loads, the token files are those of the manifest."""
    run = RunFolder(url).run()
    total = run["totals"]
    assert run["status"] == "done"
    assert total["read"] == total["kept"] + total["removed"] + total["quarantined"] > 0
    store = Store(url)
    tokenizer = store.read("tokenizer/tokenizer.json")
    assert Tokenizer.from_str(tokenizer.decode()).get_vocab_size() > 256
    manifest = read_manifest(store.read("tokens/manifest.json"), "tokens/manifest.json")
    manifest.check_tokenizer(tokenizer)
    for file in manifest.files:
        assert store.size(f"tokens/{file.path}") == file.size_bytes
    assert sum(counts.documents for counts in manifest.totals.values()) == total["kept"]
    assert b"<script" in store.read("report/index.html")
    return run


def test_the_quickstart_gives_the_same_bytes_on_disk_and_on_s3(
    repository: Path, tmp_path: Path, bucket: str
) -> None:
    local, remote = str(tmp_path / "run"), f"{bucket}/run"
    for output in (local, remote):
        done = curate(
            "run",
            "examples/quickstart.yaml",
            "--executor",
            "inline",
            "--set",
            f"output={output}",
            repository=repository,
        )
        assert done.returncode == 0, done.stderr
        assert f"report     {output}/report/index.html" in done.stdout
        run = check_run(output)
        removed = {stage["name"]: stage["removed"] for stage in run["stages"]}
        assert removed["exact_dedup"] > 10, "licences are near-equal copies"
        assert removed["language"] > 0
    assert checksums(local) == checksums(remote)


def test_the_crawl_example_on_real_web_archives(
    repository: Path, tmp_path: Path, test_data: Path
) -> None:
    output = str(tmp_path / "run")
    done = curate(
        "run",
        "examples/crawl.yaml",
        "--executor",
        "inline",
        "--json",
        CRAWL=str(test_data / "crawl" / "*.warc.gz"),
        OUTPUT=output,
        repository=repository,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["totals"]["read"] > 150
    run = check_run(output)
    assert run["skipped"]["web"]["warc_request"] > 0


@pytest.mark.parametrize("command", ["check", "plan"])
def test_looking_at_the_example_writes_nothing(
    repository: Path, tmp_path: Path, command: str
) -> None:
    output = tmp_path / "run"
    seen = curate(
        command, "examples/quickstart.yaml", "--set", f"output={output}", repository=repository
    )
    assert seen.returncode == 0, seen.stderr
    assert not output.exists()


def test_a_corpus_made_elsewhere_gets_an_index(repository: Path, tmp_path: Path) -> None:
    """The example, then a pipeline whose new documents resemble those of the corpus."""
    words = [a + b for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
    old = [" ".join(words[start : start + 80]) for start in (0, 1, 200)]
    new = [old[1], f"{old[2]} more", "nothing that the corpus holds: " + " ".join(words[90:160])]
    pq.write_table(pa.table({"text": old}), tmp_path / "corpus.parquet")
    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in new))
    (tmp_path / "new.yaml").write_text(
        "name: new\noutput: new\nsources:\n  docs: {format: jsonl, paths: [new.jsonl]}\n"
        "stages:\n  - minhash_dedup: {against: [index]}\n"
    )
    corpus = {"CORPUS": str(tmp_path / "*.parquet"), "OUTPUT": str(tmp_path / "index")}
    for file in ("examples/corpus_index.yaml", str(tmp_path / "new.yaml")):
        done = curate("run", file, "--executor", "inline", repository=repository, **corpus)
        assert done.returncode == 0, done.stderr
    assert RunFolder(str(tmp_path / "index")).run()["totals"]["kept"] == 3
    documents = RunFolder(str(tmp_path / "new")).documents().to_table(columns=["text"])
    assert documents.column("text").to_pylist() == new[2:]
