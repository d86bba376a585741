"""`curate verify` finds one wrong bit, the next run mends only that; `curate gc` frees what is not
needed.
"""

from __future__ import annotations

import json
import shutil

import tiny
from curate_test_commands import attempts, curate


def test_one_flipped_bit_is_found_and_only_its_file_is_made_again(finished, tmp_path):
    output = shutil.copytree(finished.output, tmp_path / "out")
    clean = curate("verify", str(output), "--json", cwd=tmp_path)
    assert clean.returncode == 0, clean.stderr
    assert json.loads(clean.stdout) == {"files": len(tiny.final_files(output)), "damaged": []}

    part = sorted((output / "documents").rglob("*.parquet"))[0]
    damaged = bytearray(part.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    part.write_bytes(damaged)
    found = curate("verify", str(output), cwd=tmp_path)
    assert found.returncode == 1
    assert str(part.relative_to(output)) in found.stdout
    assert "run the pipeline again" in found.stderr

    run = ("run", "pipeline.yaml", "--executor", "inline", "--set", f"output={output}")
    mended = curate(*run, "--set", "keep_intermediates=all", cwd=finished.project)
    assert mended.returncode == 0, mended.stderr
    assert tiny.final_files(output) == tiny.final_files(finished.output)
    assert curate("verify", str(output), cwd=tmp_path).returncode == 0
    done = [event["step"] for event in attempts(output)[-1] if event["event"] == "shard_done"]
    assert done == [f"{part.parent.name}.documents"]


def test_a_folder_without_a_finished_run_is_exit_code_1_with_a_remedy(tmp_path):
    nothing = curate("verify", str(tmp_path), cwd=tmp_path)
    assert nothing.returncode == 1
    assert "no run was finished" in nothing.stderr and "Traceback" not in nothing.stderr


def test_gc_frees_intermediates_and_the_run_stays_done(finished, tmp_path):
    output = shutil.copytree(finished.output, tmp_path / "out")
    target = ("--set", f"output={output}")
    freed = curate("gc", "pipeline.yaml", "--keep", "none", *target, cwd=finished.project)
    assert freed.returncode == 0, freed.stderr
    assert "files deleted" in freed.stdout
    assert not list((output / "steps").rglob("*.rows.*"))
    again = curate("run", "pipeline.yaml", "--executor", "inline", *target, cwd=finished.project)
    assert again.returncode == 0, again.stderr
    assert not [event for event in attempts(output)[-1] if event["event"] == "shard_done"]
    assert tiny.final_files(output) == tiny.final_files(finished.output)
    changed = curate(
        "run",
        "pipeline.yaml",
        "--executor",
        "inline",
        *target,
        "--set",
        "stages.gopher_quality.min_words=41",
        cwd=finished.project,
    )
    assert changed.returncode == 0, changed.stderr
