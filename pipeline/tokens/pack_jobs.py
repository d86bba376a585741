"""The packing plan of a split: one job, because rows follow from all documents in training order.

It reads the lengths alone (4 bytes per document) and is bounded by memory of one group
(`tokenizer/packing/rows.py`); a billion documents are minutes beside the days of encoding them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from curate.pipeline.driver import Driver, Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.plan import PlannedStep
from curate.pipeline.publish import Promotion
from curate.storage.store import FileRef, Store
from curate.tokenizer.files.megatron import HEADER, parse_header
from curate.tokenizer.packing.plan import (
    PLAN_NAME,
    PackingPlan,
    PlanPart,
    pieces_name,
    starts_name,
)
from curate.tokenizer.packing.report import (
    STRATEGIES,
    LengthTotals,
    PackingFigures,
    PlanTotals,
    added,
)
from curate.tokenizer.packing.rows import PackedRows, PackingSettings, Strategy, pack, piece_type

SEQUENCE_BATCH = 2**20
EXTENSIONS = {"plan": "json", "starts": "npy", "pieces": "npy"}


@dataclass(frozen=True)
class PackJob:
    """Rows of one split, in parts, and `packing.json`.

    indexes: its .idx files in the order of documents.parquet. sequences: rows of documents.parquet
    in training order, repeats included, as plain little-endian int64, one file per phase of the
    mixture's schedule; None is every row once. No row holds documents of two phases.
    """

    step: str
    key: str
    settings: PackingSettings
    indexes: tuple[FileRef, ...]
    sequences: tuple[FileRef, ...] | None = None

    def run(self, context: JobContext) -> JobResult:
        store = context.store
        counts = [self.header(store, ref) for ref in self.indexes]
        dtype = piece_type(sum(counts))
        totals: list[LengthTotals] = []
        made = PlanTotals()
        files: list[OutputFile] = []
        parts: list[PlanPart] = []
        phases: list[int] = []
        for documents in self.phases(store, counts):
            phases.append(0)
            totals.append(LengthTotals(self.settings))
            for packed in pack(_measured(documents, totals[-1]), self.settings, dtype):
                files += self.publish(store, len(parts), packed)
                parts.append(PlanPart(pieces=len(packed.pieces), lengths=packed.lengths))
                made.add(packed)
                phases[-1] += packed.rows
        plan = PackingPlan(
            strategy=self.settings.strategy,
            sequence_length=self.settings.sequence_length,
            shortest_bucket=self.settings.shortest_bucket
            if self.settings.strategy == "buckets"
            else None,
            seed=context.seed,
            figures=self.figures(totals, made),
            parts=tuple(parts),
            phases=tuple(phases),
        )
        path = output_path(self.step, self.key, "plan", extension=EXTENSIONS["plan"])
        files.append(OutputFile("plan", 0, store.publish(path, plan.to_bytes())))
        return JobResult(tuple(files))

    def figures(
        self, totals: list[LengthTotals], made: PlanTotals
    ) -> dict[Strategy, PackingFigures]:
        """Of every strategy that this sequence length allows, over all phases."""
        length, chosen = self.settings.sequence_length, self.settings.strategy
        power_of_two = length & (length - 1) == 0
        found = {
            strategy: added(each.figures(strategy) for each in totals)
            for strategy in STRATEGIES
            if strategy != "buckets" or power_of_two
        }
        found[chosen] = made.correct(found[chosen], chosen)
        return found

    def header(self, store: Store, ref: FileRef) -> int:
        """Documents of an index, after its bytes were checked."""
        store.verify(ref)
        documents, _ = parse_header(store.read_range(ref.path, 0, HEADER.size), ref.path)
        return documents

    def lengths(self, store: Store, counts: list[int]) -> Iterator[np.ndarray]:
        """int32 lengths, a file at a time."""
        for ref, documents in zip(self.indexes, counts, strict=True):
            data = store.read_range(ref.path, HEADER.size, 4 * documents, ref.size_bytes)
            yield np.frombuffer(data, dtype="<i4")

    def phases(
        self, store: Store, counts: list[int]
    ) -> Iterator[Iterator[tuple[np.ndarray, np.ndarray]]]:
        """Per phase (rows of documents.parquet, lengths) in training order."""
        if self.sequences is None:
            yield self.once(store, counts)
            return
        every = np.concatenate([np.empty(0, dtype="<i4"), *self.lengths(store, counts)])
        for ref in self.sequences:
            store.verify(ref)
            yield self.sequence(store, ref, every)

    def once(self, store: Store, counts: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        first = 0
        for lengths in self.lengths(store, counts):
            yield np.arange(first, first + len(lengths), dtype=np.int64), lengths
            first += len(lengths)

    def sequence(
        self, store: Store, ref: FileRef, every: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with store.open(ref.path) as file:
            while data := file.read(8 * SEQUENCE_BATCH):
                rows = np.frombuffer(data, dtype="<i8")
                yield rows, every[rows]

    def publish(self, store: Store, part: int, packed: PackedRows) -> list[OutputFile]:
        files = []
        for kind, array in (("starts", packed.starts), ("pieces", packed.pieces)):
            path = output_path(self.step, self.key, kind, part, EXTENSIONS[kind])
            with store.create(path) as file:
                np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
            files.append(OutputFile(kind, part, file.ref()))
        return files


def _measured(
    documents: Iterator[tuple[np.ndarray, np.ndarray]], totals: LengthTotals
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for rows, lengths in documents:
        totals.add(lengths)
        yield rows, lengths


def final_name(kind: str, part: int) -> str:
    """Of a file that a `PackJob` published, below the folder of its split."""
    if kind == "plan":
        return PLAN_NAME
    return starts_name(part) if kind == "starts" else pieces_name(part)


def packed_rows(
    driver: Driver,
    planned: PlannedStep,
    run_steps: Callable[[Sequence[Step]], None],
    settings: PackingSettings,
    indexes: Mapping[str, Sequence[FileRef]],
    sequences: Mapping[str, tuple[FileRef, ...]],
) -> tuple[list[Promotion], dict[str, Any]]:
    """Make the plan of every split, in the order of `sequences` where it has one; its files under
    their final names, and what run.json says.
    """
    jobs = []
    for split, refs in indexes.items():
        order = sequences.get(split)
        parents = [*refs, *(order or ())]
        key = digest([planned.fingerprint, split, [ref.checksum for ref in parents]])
        jobs.append(PackJob(planned.name, key, settings, tuple(refs), order))
    step = Step(planned.name, planned.label, len(jobs), lambda index: jobs[index], EXTENSIONS)
    run_steps([step])
    promotions, facts = [], {}
    for index, split in enumerate(indexes):
        for file in step.records.files(index):
            final = final_name(file.kind, file.part)
            promotions.append(Promotion(driver.current(file.ref), f"tokens/{split}/{final}"))
        plan = orjson.loads(driver.read(driver.current(step.records.ref(index, "plan"))))
        facts[split] = {name: plan[name] for name in ("strategy", "sequence_length", "figures")}
    return promotions, facts
