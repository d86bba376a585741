"""Finished runs: very large splits, damaged token files, and what training leaves behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import tiny

from curate.errors import DataError
from curate.pipeline.tokens import build
from curate.pipeline.tokens.extension import read_texts
from curate.pipeline.tokens.jobs import all_cores
from curate.pipeline.tokens.texts import TokenizerRun
from curate.tokenizer.files.verify import verify_tokens


def test_a_split_that_grows_and_shrinks_beside_the_bound_of_one_file(
    small_corpus: Path, small_reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    spec = tiny.small_spec(small_corpus, output)
    texts = TokenizerRun(str(output)).texts(10**6)
    with monkeypatch.context() as patch:
        patch.setattr(build, "ONE_FILE_ROWS", 3)
        tiny.run(spec)
    for split in ("train", "validation"):
        assert sorted((output / "tokens" / split / "documents.parquet").glob("part-*.parquet"))
    tokenizer = (output / "tokenizer/tokenizer.json").read_bytes()
    assert verify_tokens(output / "tokens", tokenizer).faults == []
    assert TokenizerRun(str(output)).texts(10**6) == texts
    tiny.run(spec)
    assert tiny.final_files(output) == tiny.final_files(small_reference)


def test_a_token_file_that_is_cut_off_is_named(small_reference: Path, tmp_path: Path) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    path = output / "tokens/train/web-00000.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"web-00000\.bin: \d+ bytes, the manifest says \d+"):
        TokenizerRun(str(output)).seen()


def test_training_leaves_later_jobs_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    with all_cores():
        assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
    assert "RAYON_NUM_THREADS" not in os.environ


def test_a_run_may_have_a_dot_in_its_name(small_reference: Path, tmp_path: Path) -> None:
    output = shutil.copytree(small_reference, tmp_path / "web-1.5")
    texts = list(read_texts(str(output)))
    assert len(texts) > 10
    assert list(read_texts(f"file://{output}")) == texts


@pytest.mark.parametrize("name", ["tokens/validation/documents.parquet", "documents/wiki"])
def test_rows_that_cannot_be_read_are_named(
    small_reference: Path, tmp_path: Path, name: str
) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    path = next((output / name).glob("*.parquet"), output / name)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"{name}.*cannot be read"):
        TokenizerRun(str(output)).texts(10**6)
