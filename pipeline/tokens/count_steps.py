"""From parts of `documents/` to one file of counted pre-tokens per source.

`tokenizer.languages` measures languages where they are to be in balance, `tokenizer.count` counts
every part, `tokenizer.merge` joins `MERGE_FAN_IN` files of a source at a time until one is left.
That one stays in the run folder, so another vocabulary needs no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from curate.pipeline.driver import Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.plan import Plan
from curate.pipeline.tokens.count_jobs import COUNTS_KINDS, CountJob, MergeCountsJob, SourceCounts
from curate.pipeline.tokens.language_jobs import language_limits
from curate.storage.store import FileRef
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.encoding.split import Splitting
from curate.tokenizer.mixture.config import MixtureConfig
from curate.tokenizer.training.counts import Share
from curate.tokenizer.training.shares import source_shares

MERGE_FAN_IN = 16
"""Files that one job joins. A constant: the tree must not depend on the machine."""


def count_sources(
    plan: Plan,
    run_steps: Callable[[Sequence[Step]], None],
    parts: Sequence[tuple[str, FileRef]],
    config: TokenizerConfig,
    splitting: Splitting,
) -> list[SourceCounts]:
    """Counts of every source that has documents, in source order. parts: (final path, file) of all
    parts of documents/, in document order.
    """
    planned = plan.steps["tokenizer.count"]
    sources = [path.split("/")[1] for path, _ in parts]
    limits = None
    if config.language_temperature is not None:
        limits = language_limits(plan, run_steps, parts, config.language_temperature, splitting)

    def make(index: int) -> CountJob:
        path, ref = parts[index]
        drawn = [] if limits is None else [[name, f"{limit:x}"] for name, limit in limits]
        key = digest([planned.fingerprint, path, ref.checksum, drawn])
        return CountJob(planned.name, key, ref, sources[index], config, splitting, limits)

    count = Step(planned.name, planned.label, len(parts), make, COUNTS_KINDS)
    run_steps([count])
    files: dict[str, list[FileRef]] = {source: [] for source in sources}
    for index, source in enumerate(sources):
        files[source] += [file.ref for file in count.records.files(index)]
    merged = _merge(plan, run_steps, files)
    sums = count.records.counts
    return [
        SourceCounts(
            source,
            ref,
            sums[f"counted|{source}|documents"],
            sums[f"counted|{source}|text_bytes"],
        )
        for source, ref in merged.items()
    ]


def shared(mixture: MixtureConfig | None, counted: list[SourceCounts]) -> list[SourceCounts]:
    """The same with the share that the mixture gives to each source."""
    shares = source_shares(mixture, {each.source: each.text_bytes for each in counted})
    return [
        replace(each, share=Share(share.numerator, share.denominator))
        for each in counted
        for share in (shares[each.source],)
    ]


def _merge(
    plan: Plan,
    run_steps: Callable[[Sequence[Step]], None],
    files: dict[str, list[FileRef]],
) -> dict[str, FileRef]:
    """Level by level, all sources at once; the last level makes the file of every source."""
    planned = plan.steps["tokenizer.merge"]
    level = 0
    while True:
        last = all(len(refs) <= MERGE_FAN_IN for refs in files.values())
        level += 1
        name = planned.name
        if not last:
            name = f"{planned.label}.{level}-{planned.fingerprint[:12]}"
        groups = [
            (source, tuple(refs[start : start + MERGE_FAN_IN]))
            for source, refs in files.items()
            for start in range(0, len(refs), MERGE_FAN_IN)
        ]

        def make(
            index: int,
            name: str = name,
            groups: Sequence[tuple[str, tuple[FileRef, ...]]] = groups,
        ) -> MergeCountsJob:
            source, refs = groups[index]
            key = digest([planned.fingerprint, source, [ref.checksum for ref in refs]])
            return MergeCountsJob(name, key, refs)

        step = Step(name, planned.label, len(groups), make, COUNTS_KINDS)
        run_steps([step])
        found: dict[str, list[FileRef]] = {source: [] for source in files}
        for index, (source, _) in enumerate(groups):
            found[source].append(step.records.ref(index, "counts"))
        if last:
            return {source: refs[0] for source, refs in found.items()}
        files = found
