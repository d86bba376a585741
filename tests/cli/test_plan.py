"""`curate plan`: what would run and why, without writing anything."""

from __future__ import annotations

import json
from pathlib import Path

from curate_test_commands import curate

CHANGE = ("--set", "stages.gopher_quality.min_words=45")


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def test_a_plan_before_the_first_run_names_every_step_and_writes_nothing(project, tmp_path):
    output = tmp_path / "out"
    planned = curate("plan", "pipeline.yaml", "--json", "--set", f"output={output}", cwd=project)
    assert planned.returncode == 0, planned.stderr
    facts = json.loads(planned.stdout)
    assert not output.exists()
    steps = {step["step"]: step for step in facts["steps"]}
    assert {"web.read", "exact_dedup.settle", "fates", "tokenizer"} <= set(steps)
    assert steps["web.read"]["cached"] == 0 and steps["web.read"]["jobs"] > 1
    assert steps["books.1"]["does"] == ["language", "gopher_quality", "emit exact_dedup"]
    assert all(step["changed_by"] == [] for step in steps.values())
    assert facts["input_bytes"]["books"] == (project / "books.txt").stat().st_size


def test_after_a_run_everything_is_cached_and_a_changed_bound_names_its_key(finished):
    before = _listing(finished.output)
    same = json.loads(curate("plan", "pipeline.yaml", "--json", cwd=finished.project).stdout)
    assert all(step["cached"] == step["jobs"] for step in same["steps"]), same["steps"]

    changed = json.loads(
        curate("plan", "pipeline.yaml", "--json", *CHANGE, cwd=finished.project).stdout
    )
    steps = {step["step"]: step for step in changed["steps"]}
    for name in ("web.read", "wiki.read", "books.read"):
        assert steps[name]["cached"] == steps[name]["jobs"] and not steps[name]["changed_by"]
    assert any("min_words" in key for key in steps["web.1"]["changed_by"]), steps["web.1"]
    assert steps["web.1"]["cached"] == 0
    assert _listing(finished.output) == before


def test_the_tree_is_readable_off_a_terminal(finished):
    printed = curate("plan", "pipeline.yaml", *CHANGE, cwd=finished.project)
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.splitlines()
    (row,) = [line for line in lines if line.strip().startswith("└ web.1 ")]
    assert "language → gopher_quality → emit exact_dedup" in row
    assert "changed:" in row and "min_words" in row
    assert max(map(len, lines)) < 250
    assert "\x1b" not in printed.stdout


def test_a_glance_estimates_rows_bytes_memory_and_time(project, tmp_path, finished):
    output = tmp_path / "out"
    arguments = ("plan", "pipeline.yaml", "--set", f"output={output}")
    planned = curate(*arguments, "--json", cwd=project)
    assert planned.returncode == 0, planned.stderr
    facts = json.loads(planned.stdout)
    steps = {step["step"]: step for step in facts["steps"]}
    assert facts["estimate"]["from"] == "glance"
    assert facts["worker_memory_bound_bytes"] > 2**28
    assert facts["estimate"]["seconds_one_worker"] > 0
    assert all(step["rows"] is not None and step["seconds"] is not None for step in steps.values())
    record = json.loads((finished.output / "run.json").read_text())
    for name, source in record["sources"].items():
        estimated, read = steps[f"{name}.read"]["rows"], source["read"] - source["quarantined"]
        assert read / 3 <= estimated <= read * 3, (name, estimated, read)
    assert not output.exists()
    printed = curate(*arguments, cwd=project).stdout
    assert "rows" in printed and "time" in printed and "estimated from a glance" in printed


def test_a_sample_measures_rows_time_and_memory(project, tmp_path):
    output = tmp_path / "out"
    planned = curate(
        "plan",
        "pipeline.yaml",
        "--sample",
        "0.3",
        "--json",
        "--set",
        f"output={output}",
        cwd=project,
    )
    assert planned.returncode == 0, planned.stderr
    facts = json.loads(planned.stdout)
    assert facts["estimate"]["scale"] > 1
    assert 0 < facts["estimate"]["kept_share"] < 1
    assert facts["estimate"]["worker_peak_bytes"] > 50_000_000
    assert sum(step["rows"] or 0 for step in facts["steps"] if step["kind"] == "read") > 100
    assert not output.exists()
