"""Garbage collection: remove intermediates that no step of the plan needs any more.

`keep_intermediates: extracted` keeps the base shards of reading (extracting is the expensive part)
and 16 bytes per document that a mixture is planned from (another weight encodes nothing again),
`all` keeps everything of this plan, `none` keeps only ledgers. What fits learned always stays: it
is small, and says what the run's decisions rest on. So do the counts that a tokenizer is trained
on: another vocabulary then reads no text. Folders of steps that the plan does not have go in all
three cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from curate.pipeline.fit import ARTEFACT
from curate.pipeline.plan import Plan
from curate.pipeline.publish import FINAL_FOLDERS
from curate.storage.store import Store

SHARDS = ".shards."
"""In the names of the small files that say which shards an exchange visits: without them nobody
knows the jobs of a finished run.
"""

Keep = Literal["extracted", "all", "none"]


@dataclass(frozen=True, slots=True)
class Freed:
    """What was removed."""

    files: int
    size_bytes: int


def collect_garbage(
    store: Store, keep: Keep, plan: Plan, failpoint: Callable[[str], None]
) -> Freed:
    """Delete files below `steps/` that are not kept; ledgers of current steps stay, so nothing
    counts as undone.
    """
    current = {step.fingerprint[:12]: step for step in plan.steps.values()}
    files = size = 0
    for path, file_bytes in store.sizes("steps").items():
        folder, name = path.split("/")[1], path.rsplit("/", 1)[-1]
        step = current.get(folder.rpartition("-")[2])
        kept = step is not None and (
            name.startswith("ledger")
            or SHARDS in name
            or step.kind == "token plan"
            or ARTEFACT in name
            or (step.kind == "merge counts" and folder == step.name)
            or keep == "all"
            or (keep == "extracted" and step.kind in ("read", "mixture facts"))
        )
        if not kept:
            store.delete(path)
            failpoint("in_gc")
            files += 1
            size += file_bytes
    for folder in (*FINAL_FOLDERS, "steps"):
        store.delete_temporaries(folder)
    return Freed(files, size)
