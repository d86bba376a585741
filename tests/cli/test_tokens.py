"""`curate tokens` on a finished run: show, verify, export."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import tiny
from curate_test_commands import curate


def test_verify_finds_nothing_in_a_finished_run_and_one_bit_when_it_flips(finished, tmp_path):
    clean = curate("tokens", "verify", str(finished.output), "--json", cwd=tmp_path)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    found = json.loads(clean.stdout)
    assert found["faults"] == [] and found["tokens"] > 10_000 and found["rows"] > 5
    output = shutil.copytree(finished.output, tmp_path / "out")
    part = output / "tokens" / "train" / "web-00000.bin"
    data = bytearray(part.read_bytes())
    data[100] ^= 1
    part.write_bytes(data)
    damaged = curate("tokens", "verify", str(output), cwd=tmp_path)
    assert damaged.returncode == 1
    assert "web-00000.bin: its bytes do not match" in damaged.stdout
    assert "run the pipeline again" in damaged.stderr


def test_show_prints_text_documents_and_sources_behind_a_sample(finished, tmp_path):
    shown = curate("tokens", "show", str(finished.output), "--sample", "3", "--json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["tokens"] == 2048 and len(found["pieces"]) > 2
    assert found["padding"] + sum(piece["length"] for piece in found["pieces"]) == 2048
    for piece in found["pieces"]:
        row = pq.read_table(finished.output / piece["shard"]).slice(piece["row"], 1).to_pylist()[0]
        assert (row["id"], row["source"]) == (piece["document_id"], piece["source"])
        assert piece["length"] == piece["document_tokens"], "best_fit cuts no such document"
        assert piece["text"] == row["text"] + "<|endoftext|>"
    plain = curate(
        "tokens", "show", str(finished.output), "--sample", "3", "--excerpt", "9", cwd=tmp_path
    )
    for piece in found["pieces"]:
        assert f"── {piece['document_id']}  ({piece['source']}; whole" in plain.stdout
        assert f"{piece['text'][:9]} …" in plain.stdout
    absent = curate(
        "tokens", "show", str(finished.output), "--sample", "0", "--split", "dev", cwd=tmp_path
    )
    assert absent.returncode == 1
    assert "no split 'dev'; there are: train, validation" in absent.stderr


def test_export_leaves_the_run_as_it_is(finished, tmp_path):
    before = tiny.final_files(finished.output)
    made = curate(
        "tokens", "export", str(finished.output), "--format", "dolma", "-o", "olmo", cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    assert "olmo:" in made.stdout and ("linked" in made.stdout or "copied" in made.stdout)
    assert (tmp_path / "olmo" / "train" / "web-00000.npy").is_file()
    again = curate(
        "tokens", "export", str(finished.output), "--format", "raw", "-o", "olmo", cwd=tmp_path
    )
    assert again.returncode == 1 and "exists already" in again.stderr
    assert tiny.final_files(finished.output) == before


def test_a_folder_that_is_no_run_is_an_error_with_a_remedy(tmp_path):
    for command in (
        ("verify",),
        ("show", "--sample", "0"),
        ("export", "--format", "raw", "-o", "x"),
    ):
        done = curate("tokens", command[0], str(tmp_path / "none"), *command[1:], cwd=tmp_path)
        assert done.returncode == 1
        assert "give the folder of a finished run" in done.stderr and "Traceback" not in done.stderr
    far = curate("tokens", "verify", "memory://run", cwd=tmp_path)
    assert far.returncode == 1 and "read from a local disk" in far.stderr


def test_a_seed_outside_64_bits_is_a_usage_error(finished, tmp_path):
    run = str(finished.output)
    done = curate("tokens", "show", run, "--sample", "0", "--seed", str(2**64), cwd=tmp_path)
    assert done.returncode == 2
    assert "--seed" in done.stderr and "Traceback" not in done.stderr
