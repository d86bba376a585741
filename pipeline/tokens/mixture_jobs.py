"""The mixture of a run: what is known of every training document, then the plan.

A job per part of `documents/` writes 16 bytes per document (draw, length, what its rate depends on)
and their sums; one job solves the mixture from the sums and goes through those rows three times
(`tokenizer/mixture/plan.py`). Another weight repeats that last job alone. It holds 2 bytes per
document and phase, and the `LARGEST_DOMAINS` of a source where domains are held down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.draw import Purpose, draw_many
from curate.pipeline.driver import Driver, Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.job import JobContext, JobResult, OutputFile, output_path
from curate.pipeline.plan import Plan
from curate.pipeline.publish import Promotion
from curate.stages.urls import domains_of
from curate.storage.parquet import PUBLISHED, read_batches, write_parquet
from curate.storage.store import FileRef, Store
from curate.tokenizer.encoding.split import TRAIN
from curate.tokenizer.mixture.config import MixtureConfig, Upsample, exact
from curate.tokenizer.mixture.plan import (
    MixtureRows,
    Realised,
    copies_schema,
    passes,
    repeats_of,
    to_bytes,
)
from curate.tokenizer.mixture.rates import Solution, Stratum, pooled, solve

KEYS = ("language", "factor", "domain")
FACTS_SCHEMA = pa.schema(
    [
        pa.field("draw", pa.uint64(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("factor", pa.float64(), nullable=False),
        pa.field("domain", pa.large_string()),
    ]
)
"""One row per document, in the order of documents.parquet; null where nothing depends on it."""

SUMS_SCHEMA = pa.schema(
    [
        *(FACTS_SCHEMA.field(name) for name in KEYS),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
    ]
)
LARGEST_DOMAINS = 1024
"""Of a source that are looked at one by one at first; four times as many until the smallest of
them may keep what it has."""

EXTENSIONS = {
    "facts": "parquet",
    "sums": "parquet",
    "plan": "json",
    "copies": "parquet",
    "sequence": "bin",
}


@dataclass(frozen=True)
class MixtureFactsJob:
    """Draw, length and keys of the training documents of one part of `documents/`."""

    step: str
    key: str
    rows: FileRef
    """Of the encoded part: `CHUNK_SCHEMA`."""
    documents: FileRef
    by_language: bool
    by_domain: bool
    upsample: tuple[Upsample, ...]

    def run(self, context: JobContext) -> JobResult:
        store, row_group = context.store, context.engine.row_group_bytes
        columns = self.columns(store)
        batches = [
            self.facts(batch, columns, context.seed)
            for batch in read_batches(store, self.rows, ["document_id", "length", "row"])
        ]
        facts = pa.Table.from_batches(batches, FACTS_SCHEMA)
        sums = facts.group_by(list(KEYS), use_threads=False).aggregate(
            [("tokens", "sum"), ("tokens", "count")]
        )
        sums = pa.table(
            [*(sums.column(name) for name in KEYS), sums["tokens_count"], sums["tokens_sum"]],
            schema=SUMS_SCHEMA,
        ).sort_by([(name, "ascending") for name in KEYS])
        files = []
        for kind, table in (("facts", facts), ("sums", sums)):
            path = output_path(self.step, self.key, kind, extension="parquet")
            ref = write_parquet(store, path, table.schema, table.to_batches(), row_group)
            files.append(OutputFile(kind, 0, ref))
        return JobResult(tuple(files))

    def columns(self, store: Store) -> pa.Table | None:
        """What rates depend on, of all documents of the part."""
        names = [
            *(["language"] if self.by_language else []),
            *(["url"] if self.by_domain else []),
            *dict.fromkeys(each.signal for each in self.upsample),
        ]
        if not names:
            return None
        names = list(dict.fromkeys(names))
        return pa.Table.from_batches(read_batches(store, self.documents, names)).combine_chunks()

    def facts(self, batch: pa.RecordBatch, columns: pa.Table | None, seed: int) -> pa.RecordBatch:
        count = batch.num_rows
        ids = batch.column("document_id").cast(pa.large_string())
        own = None if columns is None else columns.take(batch.column("row"))
        language = domain = None
        if own is not None and self.by_language:
            language = own["language"].combine_chunks().cast(pa.string())
        if own is not None and self.by_domain:
            domain = domains_of(own["url"].combine_chunks())
        return pa.RecordBatch.from_arrays(
            [
                pa.array(draw_many(seed, Purpose.MIXTURE, ids)),
                batch.column("length"),
                pa.nulls(count, pa.string()) if language is None else language,
                pa.array(factors_of(own, self.upsample, count)),
                pa.nulls(count, pa.large_string()) if domain is None else domain,
            ],
            schema=FACTS_SCHEMA,
        )


def factors_of(columns: pa.Table | None, upsample: Sequence[Upsample], count: int) -> np.ndarray:
    """float64[n]: per signal the factor of the highest bound that is reached, multiplied. Null and
    NaN reach none.
    """
    found = np.ones(count)
    for signal in dict.fromkeys(each.signal for each in upsample):
        assert columns is not None
        values = pc.fill_null(columns[signal].cast(pa.float64(), safe=False), np.nan).to_numpy()
        own = np.ones(count)
        steps = [each for each in upsample if each.signal == signal]
        for step in sorted(steps, key=lambda each: each.at_least):
            own[values >= step.at_least] = step.times
        found *= own
    return found


@dataclass(frozen=True)
class MixturePlanJob:
    """`mixture.json`, `mixture.parquet`, and per phase the rows of documents.parquet in training
    order as plain int64.
    """

    step: str
    key: str
    config: MixtureConfig
    inputs: tuple[tuple[str, FileRef, FileRef], ...]
    """(source, facts, sums) in the order of documents.parquet."""

    def run(self, context: JobContext) -> JobResult:
        store = context.store
        solution = self.solution(store)
        scan = self.scan(store, solution)
        realised = Realised(solution, repeats_of(solution, scan))
        kept: list[list[np.ndarray]] = [[] for _ in solution.phases]

        def batches() -> Iterator[pa.RecordBatch]:
            for rows in scan():
                batch = realised.batch(rows)
                for copies, column in zip(kept, batch.columns, strict=True):
                    copies.append(column.to_numpy())
                yield batch

        path = output_path(self.step, self.key, "copies", extension="parquet")
        schema = copies_schema(len(solution.phases))
        size = context.engine.row_group_bytes
        copies = write_parquet(store, path, schema, batches(), size, PUBLISHED)
        content = realised.content(self.config.model_dump(mode="json"), TRAIN)
        path = output_path(self.step, self.key, "plan", extension="json")
        plan = store.publish(path, to_bytes(content))
        files = [OutputFile("plan", 0, plan), OutputFile("copies", 0, copies)]
        for phase, parts in enumerate(kept):
            path = output_path(self.step, self.key, "sequence", phase, "bin")
            with store.create(path) as file:
                for rows in passes(np.concatenate(parts)):
                    file.write(rows.astype("<i8").tobytes())
            files.append(OutputFile("sequence", phase, file.ref()))
        return JobResult(tuple(files))

    def solution(self, store: Store) -> Solution:
        """Solved with the largest domains apart; with more of them until the others cannot matter.

        Raises SpecError.
        """
        largest = LARGEST_DOMAINS
        while True:
            strata, smallest = self.strata(store, largest)
            found = solve(self.config, strata)
            merged = pooled(found)
            held = {(each.source, each.domain) for each in merged.strata if each.domain}
            if not smallest & held:
                return merged
            largest *= 4

    def strata(
        self, store: Store, largest: int
    ) -> tuple[list[Stratum], set[tuple[str, str | None]]]:
        """Strata in order of sources; and of every source whose smaller domains were put together
        the smallest that was not.
        """
        tables: dict[str, list[pa.Table]] = {}
        for source, _, sums in self.inputs:
            tables.setdefault(source, []).append(
                pa.Table.from_batches(read_batches(store, sums), SUMS_SCHEMA)
            )
        strata, smallest = [], set()
        for source, parts in tables.items():
            table = pa.concat_tables(parts)
            known = _sums(table.filter(pc.is_valid(table["domain"])), ["domain"])
            ranked = known.sort_by([("tokens", "descending"), ("domain", "ascending")])
            names = ranked["domain"][:largest]
            if len(ranked) > largest:
                smallest.add((source, names[-1].as_py()))
            apart = pc.is_in(table["domain"], value_set=names.combine_chunks())
            domain = pc.if_else(apart, table["domain"], pa.scalar(None, pa.large_string()))
            table = table.set_column(table.schema.get_field_index("domain"), "domain", domain)
            rows = _sums(table, list(KEYS)).sort_by([(name, "ascending") for name in KEYS])
            strata += [
                Stratum(
                    source,
                    row["language"],
                    exact(row["factor"]),
                    row["domain"],
                    row["documents"],
                    row["tokens"],
                )
                for row in rows.to_pylist()
            ]
        return strata, smallest

    def scan(self, store: Store, solution: Solution) -> Callable[[], Iterator[MixtureRows]]:
        """Goes through the facts of all documents."""
        numbers = {
            (s.source, s.language, float(s.factor), s.domain): number
            for number, s in enumerate(solution.strata)
        }

        def rows() -> Iterator[MixtureRows]:
            for source, facts, _ in self.inputs:
                for batch in read_batches(store, facts):
                    if batch.num_rows:
                        yield _numbered(source, batch, numbers)

        return rows


def _sums(table: pa.Table, keys: list[str]) -> pa.Table:
    found = table.group_by(keys, use_threads=False).aggregate(
        [("documents", "sum"), ("tokens", "sum")]
    )
    return found.rename_columns([name.removesuffix("_sum") for name in found.column_names])


Numbers = dict[tuple[str, str | None, float, str | None], int]


def _numbered(source: str, batch: pa.RecordBatch, numbers: Numbers) -> MixtureRows:
    """Distinct keys are looked up once; a domain without a stratum of its own is among the rest."""
    codes = np.zeros(batch.num_rows, dtype=np.int64)
    values: list[list[Any]] = []
    for name in KEYS:
        encoded = batch.column(name).dictionary_encode(null_encoding="encode")
        values.append(encoded.dictionary.to_pylist())
        codes = codes * len(values[-1]) + encoded.indices.to_numpy()
    distinct, inverse = np.unique(codes, return_inverse=True)
    strata = np.empty(len(distinct), dtype=np.int64)
    for place, code in enumerate(distinct.tolist()):
        rest, domain = divmod(code, len(values[2]))
        language, factor = divmod(rest, len(values[1]))
        key = (source, values[0][language], values[1][factor])
        own = numbers.get((*key, values[2][domain]))
        strata[place] = numbers[(*key, None)] if own is None else own
    tokens = batch.column("tokens").to_numpy().astype(np.int64)
    return MixtureRows(strata[inverse], batch.column("draw").to_numpy(), tokens)


def mixed(
    driver: Driver,
    plan: Plan,
    run_steps: Callable[[Sequence[Step]], None],
    parts: Sequence[tuple[str, FileRef, FileRef]],
) -> tuple[list[Promotion], tuple[FileRef, ...], dict[str, Any]]:
    """Plan the mixture of the train split.

    parts: (source, part of documents/, rows of its training documents). Returns files under their
    final names, the rows of documents.parquet in training order per phase, and what run.json says.
    """
    config, planned = plan.spec.mixture, plan.steps["tokens.mixture_facts"]
    assert config is not None
    by_language = config.language_temperature is not None
    by_domain = config.max_share_per_domain is not None
    jobs = []
    for _, documents, rows in parts:
        key = digest([planned.fingerprint, documents.checksum, rows.checksum])
        jobs.append(
            MixtureFactsJob(
                planned.name, key, rows, documents, by_language, by_domain, config.upsample
            )
        )
    facts = Step(planned.name, planned.label, len(jobs), lambda index: jobs[index], EXTENSIONS)
    run_steps([facts])
    inputs = tuple(
        (source, facts.records.ref(index, "facts"), facts.records.ref(index, "sums"))
        for index, (source, _, _) in enumerate(parts)
    )
    planned = plan.steps["tokens.mixture"]
    key = digest([planned.fingerprint, [[name, a.checksum, b.checksum] for name, a, b in inputs]])
    job = MixturePlanJob(planned.name, key, config, inputs)
    step = Step(planned.name, planned.label, 1, lambda index: job, EXTENSIONS)
    run_steps([step])
    found = {kind: driver.current(step.records.ref(0, kind)) for kind in ("plan", "copies")}
    promotions = [
        Promotion(found["plan"], f"tokens/{TRAIN}/mixture.json"),
        Promotion(found["copies"], f"tokens/{TRAIN}/mixture.parquet"),
    ]
    content = orjson.loads(driver.read(found["plan"]))
    content.pop("strata")
    sequences = tuple(file.ref for file in step.records.files(0) if file.kind == "sequence")
    return promotions, sequences, content
