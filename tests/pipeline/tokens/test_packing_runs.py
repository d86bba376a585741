"""Packing plans as a part of runs: what another setting makes again, and what is mended."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import tiny

from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.tokenizer.files.reader import TrainingRows
from curate.tokenizer.files.verify import verify_tokens


def packed(corpus: Path, output: Path, **fields: object):
    pipeline = tiny.small_spec(corpus, output)
    assert pipeline.pack is not None
    return replace(pipeline, pack=pipeline.pack.model_copy(update=fields))


def test_another_packing_encodes_nothing_again(
    small_corpus: Path, small_reference: Path, tmp_path: Path
) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    fields = {"strategy": "buckets", "sequence_length": 128, "shortest_bucket": 16}
    changed = tiny.run(packed(small_corpus, output, **fields))
    assert set(changed.executed) == {"tokens.pack"}
    run = json.loads((output / "run.json").read_text())
    assert run["packing"]["train"]["strategy"] == "buckets"
    rows = TrainingRows(output / "tokens")
    assert set(rows.rows_of_length) == {128, 64, 32, 16}
    found = verify_tokens(output / "tokens", (output / "tokenizer/tokenizer.json").read_bytes())
    assert found.faults == []
    fresh = tmp_path / "fresh"
    tiny.run(packed(small_corpus, fresh, **fields), SimulatedExecutor(seed=5, twice=0.2, lost=0.1))
    assert tiny.final_files(fresh) == tiny.final_files(output), "no trace of the first packing"


def test_a_plan_that_is_damaged_is_made_again_from_the_lengths(
    small_corpus: Path, small_reference: Path, tmp_path: Path
) -> None:
    output = shutil.copytree(small_reference, tmp_path / "out")
    for name in ("packing.json", "packing/00000.pieces.npy"):
        (output / "tokens/train" / name).unlink()
    mended = tiny.run(tiny.small_spec(small_corpus, output))
    assert set(mended.executed) <= {"tokens.pack"}
    assert tiny.final_files(output) == tiny.final_files(small_reference)
