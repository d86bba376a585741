"""`curate run`: exit codes, what is printed where, and stopping it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
from curate_test_commands import (
    Command,
    assert_nothing_was_done_twice,
    attempts,
    curate,
    descendants,
    environment,
    events,
    finished_shards,
    wait_until_gone,
)

INLINE = ("--executor", "inline")


def test_a_run_says_what_was_kept_and_why_the_rest_was_not(finished):
    printed = finished.process.stdout
    assert finished.process.stderr == ""
    assert "\x1b" not in printed, "off a terminal there are no control sequences"
    head, *lines = printed.splitlines()
    assert head == f"small  ▸ {finished.output}  seed 17  inline"
    record = json.loads((finished.output / "run.json").read_text())
    total = record["totals"]
    (row,) = [line.split() for line in lines if line.startswith("all ")]
    assert [row[i] for i in (1, 2, 4, 5)] == [
        str(total[name]) for name in ("read", "kept", "removed", "quarantined")
    ]
    for stage in record["stages"]:
        for rule, count in stage["rules"].items():
            assert any(
                line.split()[:2] == [f"{stage['name']}.{rule}", str(count)] for line in lines
            ), rule
    assert "…" not in printed, "nothing is cut off"
    assert f"documents  {finished.output}/documents" in lines
    assert f"report     {finished.output}/report/index.html" in lines
    steps = [line for line in lines if re.search(r"\d+/\d+ shards", line)]
    names = [line.split()[0] for line in steps]
    twice = {name for name in names if names.count(name) > 1}
    assert twice <= {"exact_dedup.settle"}, "a quick step is one line, of an exchange one per phase"


def test_the_same_command_does_nothing_twice_and_json_is_all_that_standard_output_holds(
    finished, tmp_path
):
    output = shutil.copytree(finished.output, tmp_path / "out")
    before = tiny.final_files(output)
    again = curate(
        "run", "pipeline.yaml", *INLINE, "--json", "--set", f"output={output}", cwd=finished.project
    )
    assert again.returncode == 0, again.stderr
    record = json.loads(again.stdout)
    assert record["status"] == "done"
    assert "not kept because" in again.stderr
    assert not [event for event in attempts(output)[-1] if event["event"] == "shard_done"]
    assert tiny.final_files(output) == before


def test_set_changes_the_run_and_the_counts_add_up(project, tmp_path):
    output = tmp_path / "limited"
    arguments = (
        "--set",
        "sources.web.limit=7",
        "--set",
        f"output={output}",
        "--set",
        "sources.wiki.sample=0.5",
    )
    done = curate("run", "pipeline.yaml", *INLINE, *arguments, "--no-report", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["sources"]["web"]["read"] - record["sources"]["web"]["quarantined"] == 7
    for counts in (record["totals"], *record["sources"].values(), *record["stages"]):
        assert counts["read"] == counts["kept"] + counts["removed"] + counts["quarantined"]
    assert not (output / "report").exists()


def test_a_damaged_run_json_is_written_again_by_its_own_pipeline_alone(tmp_path):
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "p.yaml").write_text(
        "name: own\noutput: out\nsources: {a: {format: text, paths: [a.txt]}}\nstages: []\n"
    )
    done = curate("run", "p.yaml", *INLINE, "--no-report", cwd=tmp_path)
    assert done.returncode == 0 and "not kept because" not in done.stdout
    (tmp_path / "out" / "run.json").write_text("{")
    status = curate("status", "out", cwd=tmp_path)
    assert status.returncode == 1
    assert "`curate run` with the same pipeline file writes it again" in status.stderr
    other = curate("run", "p.yaml", *INLINE, "--set", "name=other", cwd=tmp_path)
    assert other.returncode == 2 and "run.json is damaged" in other.stderr
    assert curate("plan", "p.yaml", cwd=tmp_path).returncode == 0
    assert curate("run", "p.yaml", *INLINE, "--no-report", cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "done"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "stages.gopher_quality.min_wurds=3"), "min_words"),
        (("--set", "sources.web.paths=[nowhere/*.jsonl]"), "nowhere"),
        (("--workers", "0"), "workers"),
        (("--executor", "slurm"), "slurm"),
    ],
)
def test_a_wrong_configuration_is_exit_code_2_and_writes_nothing(
    project, tmp_path, arguments, said
):
    output = tmp_path / "out"
    wrong = curate(
        "run", "pipeline.yaml", "--set", f"output={output}", *INLINE, *arguments, cwd=project
    )
    assert wrong.returncode == 2, wrong.stderr
    assert said in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert not output.exists()


def test_a_guard_rail_is_exit_code_3_and_loosening_it_continues(project, tmp_path):
    output = tmp_path / "out"
    arguments = ("run", "pipeline.yaml", *INLINE, "--set", f"output={output}", "--no-report")
    stopped = curate(*arguments, "--set", "max_bad_fraction=0.001", cwd=project)
    assert stopped.returncode == 3, stopped.stderr
    assert "max_bad_fraction" in stopped.stderr and "Traceback" not in stopped.stderr
    assert json.loads((output / "run.json").read_text())["status"] == "stopped"
    assert curate(*arguments, cwd=project).returncode == 0
    assert_nothing_was_done_twice(output)


def test_a_folder_that_another_run_works_on_is_exit_code_1(project, tmp_path):
    output = tmp_path / "out"
    first = Command("run", "pipeline.yaml", *INLINE, cwd=project, output=output)
    try:
        first.wait_for(finished_shards(1))
        first.signal(signal.SIGSTOP)  # it must not be done before the second one has started
        second = curate("run", "pipeline.yaml", *INLINE, "--set", f"output={output}", cwd=project)
    finally:
        first.signal(signal.SIGCONT)
        first.signal(signal.SIGINT)
        first.end()
    assert second.returncode == 1
    assert f"process {first.process.pid}" in second.stderr and "Traceback" not in second.stderr


def test_stopping_is_exit_code_130_says_so_leaves_nobody_behind_and_continues(finished, tmp_path):
    output = tmp_path / "out"
    arguments = ("run", "pipeline.yaml", *INLINE)
    for stop in ("ctrl_c", "sigterm"):
        command = Command(*arguments, cwd=finished.project, output=output)
        assert command.wait_for(finished_shards(5))
        workers = descendants(command.process.pid)
        if stop == "ctrl_c":
            command.signal_group(signal.SIGINT)
        else:
            command.signal(signal.SIGTERM)
        assert command.end() == 130
        assert not wait_until_gone(workers)
        printed = command.output()
        assert "Traceback" not in printed and "KeyboardInterrupt" not in printed, printed
        assert printed.splitlines()[-1] == "stopped; the same command continues where it stopped"
        assert json.loads((output / "run.json").read_text())["status"] == "interrupted"
    again = curate(*arguments, "--set", f"output={output}", cwd=finished.project)
    assert again.returncode == 0, again.stderr
    assert tiny.final_files(output) == tiny.final_files(finished.output)
    assert_nothing_was_done_twice(output)


@pytest.mark.parametrize("attempt", range(3))
def test_ctrl_c_while_the_worker_starts_is_quiet_too(project, tmp_path, attempt):
    command = Command("run", "pipeline.yaml", *INLINE, cwd=project, output=tmp_path / "out")
    assert command.wait_for(lambda seen: len(seen) > attempt)
    command.signal_group(signal.SIGINT)
    assert command.end() == 130, command.output()
    assert command.output().splitlines()[1:] == [
        "stopped; the same command continues where it stopped"
    ]


def test_on_a_terminal_the_table_is_live_and_the_summary_stays(project, tmp_path):
    printed, code = _on_terminal(
        "run", "pipeline.yaml", *INLINE, "--set", f"output={tmp_path / 'out'}", cwd=project
    )
    assert code == 0, printed
    assert "\x1b[" in printed
    assert "removed so far: language" in printed
    assert "not kept because" in printed.rpartition("\x1b[2K")[2], (
        "the live table is gone, the summary is not"
    )
    assert "Traceback" not in printed


def _on_terminal(*arguments: str, cwd: Path) -> tuple[str, int]:
    """What a command prints to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "curate", *arguments],
        cwd=cwd,
        env=environment(TERM="xterm-256color", COLUMNS="100"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        printed += piece
    os.close(ours)
    return printed.decode(errors="replace"), process.wait()


def test_events_are_written_in_order_and_whole(finished):
    kinds = [event["event"] for event in events(finished.output)]
    assert kinds[0] == "run_started" and kinds[-1] == "run_done"
    assert kinds.count("step_started") == kinds.count("step_done")
