"""What a run needs at most and at least, known before it starts: memory of a worker, disk."""

from __future__ import annotations

import shutil

from curate.errors import BudgetError
from curate.pipeline.exchanges.rows import SPILL_BYTES
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.storage.sliced import BATCH_BYTES
from curate.storage.store import Store

WORKER_BASE_BYTES = 350 * 2**20
"""A worker process with Arrow, Ray and the language model loaded, before any document."""
BATCH_COPIES = 6
"""Copies of a batch's text alive at once at most (row group, filter, slices, encoder)."""
SPILL_COPIES = 2
"""Copies of a job's exchange rows alive at once at most: as they came, and what sorts them."""
LEAST_DISK_SHARE = 0.2
"""Disk that a run needs at the very least, per input byte (compressed text of compressed input)."""


def input_bytes(spec: PipelineSpec) -> dict[str, int]:
    """Bytes of the input files by source."""
    return {
        name: sum(file.size_bytes for file in files) for name, files in spec.input_files.items()
    }


def worker_memory_bytes(engine: EngineConfig) -> int:
    """Upper bound of one worker's memory, whatever the corpus: batches, a row group, the largest
    document, one merge whose rows go through one sort.
    """
    merge = engine.exchange_fan_in * BATCH_BYTES + SPILL_COPIES * SPILL_BYTES
    return (
        WORKER_BASE_BYTES
        + BATCH_COPIES * (engine.batch_bytes + engine.row_group_bytes)
        + 3 * engine.max_document_bytes
        + merge
    )


def check_disk(store: Store, spec: PipelineSpec) -> None:
    """Raises BudgetError when the disk of a new run cannot even hold a fifth of its input."""
    if not store.is_local or store.exists("run.json"):
        return
    needed = int(LEAST_DISK_SHARE * sum(input_bytes(spec).values()))
    free = _free_bytes(store.full(""))
    if free < needed:
        raise BudgetError(
            f"output: {spec.output}: {free / 1e6:,.0f} MB are free, this input needs at least "
            f"{max(1e6, needed) / 1e6:,.0f} MB; free some space or choose another disk"
        )


def _free_bytes(folder: str) -> int:
    """Of the nearest folder above that exists."""
    while True:
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            folder = folder.rpartition("/")[0] or "/"
