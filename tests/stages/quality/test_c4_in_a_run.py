"""An editor with rules, run end to end by the command on real web text."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.stages.quality.c4 import C4Quality

DOCUMENTS = 120


def published(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.rglob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_the_corpus_holds_edited_text_and_removals_have_reasons(
    test_data: Path, tmp_path: Path, repository: Path
) -> None:
    with gzip.open(test_data / "c4" / "c4-a.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(DOCUMENTS), strict=False)]
    texts[3] += "\nMenu\nHome | About"
    texts[5] = "Too short to stay."
    texts[7] += "\nint main() { is a curly bracket."
    source = tmp_path / "web.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    specification = tmp_path / "pipeline.yaml"
    specification.write_text(
        f"name: edits\noutput: {tmp_path / 'out'}\nsources:\n"
        f"  web: {{format: jsonl, kind: web, paths: [{source}]}}\n"
        "stages:\n  - c4_quality\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "curate", "run", str(specification), "--executor", "inline"],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    totals = json.loads((tmp_path / "out" / "run.json").read_text())["totals"]
    kept = published(tmp_path / "out" / "documents")
    removed = published(tmp_path / "out" / "removed")
    assert totals["read"] == DOCUMENTS == len(kept) + len(removed)
    assert (totals["kept"], totals["removed"]) == (len(kept), len(removed))

    stage = C4Quality()
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
    expected = stage.edit(batch).to_pylist()
    lives = [
        not row["lorem_ipsum_lines"] and not row["curly_bracket_lines"] and row["sentences"] >= 5
        for row in expected
    ]
    assert not any(lives[index] for index in (5, 7)) and sum(lives) > DOCUMENTS / 2
    assert [row["text"] for row in kept] == [
        row["text"] for row, live in zip(expected, lives, strict=True) if live
    ]
    assert all(row["c4_quality.lines_removed"] is not None for row in kept)
    reasons = {row["text"]: (row["stage"], row["rule"]) for row in removed}
    assert reasons[expected[5]["text"]] == ("c4_quality", "few_sentences")
    assert reasons[expected[7]["text"]] == ("c4_quality", "curly_bracket")
