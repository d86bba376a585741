"""Text per language of the train split, before a tokenizer is trained on languages in balance.

Only `tokenizer.language_temperature` asks for it. Cost: the text is read once more for its lengths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.draw import DRAWS, Purpose, below, draw_many
from curate.pipeline.driver import Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.job import JobContext, JobResult
from curate.pipeline.plan import Plan
from curate.pipeline.tokens.split_documents import SPLIT, documents
from curate.storage.store import FileRef
from curate.tokenizer.encoding.split import TRAIN, Splitting
from curate.tokenizer.training.shares import language_rates

COLUMNS = ("id", "text", "language")
PREFIX = "language|"
NO_LANGUAGE = ""

LanguageLimits = tuple[tuple[str, int], ...]
"""(language, limit): documents whose draw is below the limit, 0 to 2^64, are trained on."""


@dataclass(frozen=True)
class LanguageBytesJob:
    """Counts `language|<name>`: bytes of text of the train split of one part of `documents/`."""

    step: str
    key: str
    documents: FileRef
    splitting: Splitting

    def run(self, context: JobContext) -> JobResult:
        found: Counter[str] = Counter()
        for batch in documents(
            context.store,
            self.documents,
            context.engine.batch_bytes,
            self.splitting,
            context.seed,
            COLUMNS,
        ):
            chosen = batch.filter(pc.equal(batch.column(SPLIT), TRAIN))
            sizes = pa.table(
                [languages_of(chosen), pc.binary_length(chosen.column("text")).cast(pa.int64())],
                names=["language", "bytes"],
            )
            for row in (
                sizes.group_by("language", use_threads=False)
                .aggregate([("bytes", "sum")])
                .to_pylist()
            ):
                found[PREFIX + row["language"]] += row["bytes_sum"]
        return JobResult((), found)


def languages_of(batch: pa.RecordBatch) -> pa.Array:
    """Strings; `NO_LANGUAGE` where it is not known."""
    return pc.fill_null(batch.column("language").cast(pa.string()), NO_LANGUAGE)


def drawn(batch: pa.RecordBatch, limits: LanguageLimits, seed: int) -> pa.RecordBatch:
    """The documents whose draw is below the limit of their language."""
    draws = draw_many(seed, Purpose.MIXTURE, batch.column("id").cast(pa.large_string()))
    languages, known = languages_of(batch), dict(limits)
    chosen = np.zeros(batch.num_rows, dtype=np.bool_)
    for language in pc.unique(languages).to_pylist():
        limit = known.get(language, 0)
        own = pc.equal(languages, language).to_numpy(zero_copy_only=False)
        chosen |= own & (True if limit == DRAWS else draws < np.uint64(limit))
    return batch.filter(pa.array(chosen))


def language_limits(
    plan: Plan,
    run_steps: Callable[[Sequence[Step]], None],
    parts: Sequence[tuple[str, FileRef]],
    temperature: float,
    splitting: Splitting,
) -> LanguageLimits:
    """Measure the languages and say how much of each is trained on. parts: as `count_sources`."""
    planned = plan.steps["tokenizer.languages"]
    jobs = [
        LanguageBytesJob(
            planned.name, digest([planned.fingerprint, path, ref.checksum]), ref, splitting
        )
        for path, ref in parts
    ]
    step = Step(planned.name, planned.label, len(jobs), lambda index: jobs[index], {})
    run_steps([step])
    sizes = {
        name.removeprefix(PREFIX): size
        for name, size in step.records.counts.items()
        if name.startswith(PREFIX)
    }
    rates = language_rates(sizes, temperature)
    return tuple((name, below(rate)) for name, rate in sorted(rates.items()))
