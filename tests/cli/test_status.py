from __future__ import annotations

import json

from tests.dashboards.run_folder import build_run, english
from typer.testing import CliRunner

from curate.cli.app import app


def test_status_prints_counts_and_what_to_do_next(tmp_path):
    url = build_run(tmp_path, english(100))
    result = CliRunner().invoke(app, ["status", url])
    assert result.exit_code == 0
    assert "small  ▸" in result.stdout
    assert "done  12.5 s" in result.stdout
    assert "read 100 documents: kept" in result.stdout
    assert f"next: open {url}/report/index.html" in result.stdout


def test_status_shows_steps_trouble_and_the_last_error(tmp_path):
    error = {"type": "DataError", "message": "disk full\x1b[31m"}
    url = build_run(tmp_path, english(100), status="failed", error=error, warnings=["a warning"])
    events = [
        {"time": 1.0, "event": "run_started"},
        {"time": 1.0, "event": "step_started", "step": "web.1", "done": 0, "total": 4},
        {"time": 1.0, "event": "repair", "path": "a.parquet", "reason": "missing"},
        {"time": 1.0, "event": "repair", "path": "steps/b.parquet", "reason": "missing"},
    ]
    for done, at in ((1, 3.0), (2, 5.0)):
        shard = {"rows": 50, "kept": 25, "bytes": 2_000_000, "done": done, "total": 4}
        events.append({"time": at, "event": "shard_done", "step": "web.1", **shard})
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    text = CliRunner().invoke(app, ["status", url]).stdout
    assert "2/4 shards  1.0 MB/s  25 rows/s  kept 50.0%  ETA 00:04" in text
    assert "repair: path a.parquet, reason missing" in text
    assert "b.parquet" not in text
    assert "warning: a warning" in text
    assert "DataError: disk full[U+001B][31m" in text


def test_status_as_json(tmp_path):
    result = CliRunner().invoke(app, ["status", build_run(tmp_path, english(50)), "--json"])
    found = json.loads(result.stdout)
    assert found["status"] == "done"
    assert found["totals"]["read"] == 50
