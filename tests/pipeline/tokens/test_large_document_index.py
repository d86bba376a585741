"""A split of very many documents has a folder of parts in place of one `documents.parquet`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiny

from curate.pipeline.tokens import build
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
