"""Steps after the documents: tokenizer -> encode -> token files -> index and manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
import xxhash

from curate.pipeline.driver import Step
from curate.pipeline.fingerprint import digest
from curate.pipeline.plan import Plan
from curate.pipeline.publish import Promotion
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.steps import StepFactory
from curate.pipeline.tokens.count_steps import count_sources, shared
from curate.pipeline.tokens.jobs import (
    AssembleJob,
    EncodeJob,
    TokenIndexJob,
    TokenizerJob,
    TokenPlanJob,
    read_plan,
)
from curate.pipeline.tokens.mixture_jobs import mixed
from curate.pipeline.tokens.pack_jobs import packed_rows
from curate.storage.store import FileRef
from curate.tokenizer.encoding.assemble import PlannedFile
from curate.tokenizer.encoding.encode import Encoder, choose_backend
from curate.tokenizer.encoding.split import SPLITS, TRAIN, Splitting
from curate.tokenizer.files.manifest import (
    Counts,
    Dataset,
    TokenFile,
    TokenizerRecord,
    make_manifest,
)

ONE_FILE_ROWS = 50_000_000
"""Above this, `documents.parquet` of a split is a folder with a part per token file."""

TOKENIZER_FILES = {
    "tokenizer": "tokenizer/tokenizer.json",
    "tokenizer_config": "tokenizer/tokenizer_config.json",
    "evaluation": "tokenizer/evaluation.json",
}
JSON_KINDS = dict.fromkeys(TOKENIZER_FILES, "json")
CHUNK_KINDS = {
    f"{kind}-{split}": ending
    for split in SPLITS
    for kind, ending in (("ids", "bin"), ("rows", "parquet"))
}


class BuildSteps:
    """Runs what the file asks for after `documents/`; `facts` go to run.json."""

    def __init__(
        self, plan: Plan, factory: StepFactory, run_steps: Callable[[Sequence[Step]], None]
    ) -> None:
        self.plan, self.factory, self.run_steps = plan, factory, run_steps
        self.driver = factory.driver
        self.splitting = Splitting.of(plan.spec.pack, plan.cluster_column())
        self.facts: dict[str, Any] = {
            "tokenizer": None,
            "tokens": None,
            "packing": None,
            "mixture": None,
            "warnings": [],
        }
        self.promotions: list[Promotion] = []
        self.datasets: dict[str, list[Dataset]] = {split: [] for split in self.splitting.splits}

    def run(self, spec: PipelineSpec) -> list[Promotion]:
        """Everything, in order; returns what belongs under final names."""
        if spec.tokenizer is None:
            return []
        parts = self.parts()
        if not parts:
            self.facts["warnings"].append(
                "no document was kept, so no tokenizer was trained and nothing was tokenized"
            )
            return []
        tokenizer = self.tokenizer(spec, parts)
        if spec.pack is not None:
            self.tokens(spec, parts, tokenizer)
        return self.promotions

    def parts(self) -> list[tuple[str, FileRef]]:
        """(final path, file) of every part of documents/ in document order."""
        found = []
        for source, step in self.factory.document_steps.items():
            for index in range(step.jobs):
                ref = self.driver.current(step.records.ref(index, "documents"))
                found.append((f"documents/{source}/part-{index:05d}.parquet", ref))
        return found

    def tokenizer(self, spec: PipelineSpec, parts: Sequence[tuple[str, FileRef]]) -> FileRef:
        config = spec.tokenizer
        assert config is not None
        planned = self.plan.steps["tokenizer"]
        counted = shared(
            spec.mixture,
            count_sources(self.plan, self.run_steps, parts, config, self.splitting),
        )
        inputs = tuple(ref for _, ref in parts)
        counts = [
            [each.counts.checksum, each.share.numerator, each.share.denominator] for each in counted
        ]
        key = digest([planned.fingerprint, counts, [ref.checksum for ref in inputs]])
        job = TokenizerJob(planned.name, key, config, tuple(counted), inputs, self.splitting)
        step = Step(planned.name, planned.label, 1, lambda index: job, JSON_KINDS)
        self.run_steps([step])
        for kind, final in TOKENIZER_FILES.items():
            self.promotions.append(Promotion(self.driver.current(step.records.ref(0, kind)), final))
        evaluation = self.driver.current(step.records.ref(0, "evaluation"))
        self.facts["tokenizer"] = orjson.loads(self.driver.read(evaluation))
        self.facts["warnings"] += self.facts["tokenizer"]["trained_on"]["notes"]
        return self.driver.current(step.records.ref(0, "tokenizer"))

    def tokens(
        self, spec: PipelineSpec, parts: Sequence[tuple[str, FileRef]], tokenizer: FileRef
    ) -> None:
        assert spec.tokenizer is not None
        assert spec.pack is not None
        data = self.driver.read(tokenizer)
        backend = choose_backend(data, spec.pack.encoder)
        encoder = Encoder(data, spec.tokenizer.end_of_document, backend)
        planned = self.plan.steps["tokens.encode"]

        def make(index: int) -> EncodeJob:
            shard, ref = parts[index]
            key = digest([planned.fingerprint, ref.checksum, shard, tokenizer.checksum, backend])
            end = encoder.end_of_document
            return EncodeJob(planned.name, key, ref, shard, tokenizer, end, backend, self.splitting)

        encode = Step(planned.name, planned.label, len(parts), make, CHUNK_KINDS)
        self.run_steps([encode])
        mixture, sequences = self.mixture(spec, parts, encode)
        files = self.files(spec, parts, encode, encoder.vocabulary_size, sequences) + mixture
        self.manifest(TokenizerRecord.of(data, encoder), encode, files)

    def mixture(
        self, spec: PipelineSpec, parts: Sequence[tuple[str, FileRef]], encode: Step
    ) -> tuple[list[Promotion], dict[str, tuple[FileRef, ...]]]:
        """Files of the mixture, and the training order of the splits that have one."""
        rows = [encode.records.ref(index, f"rows-{TRAIN}") for index in range(encode.jobs)]
        if spec.mixture is None or not sum(ref.rows for ref in rows):
            return [], {}
        found = [
            (shard.split("/")[1], self.driver.current(ref), own)
            for (shard, ref), own in zip(parts, rows, strict=True)
        ]
        promotions, sequences, content = mixed(self.driver, self.plan, self.run_steps, found)
        self.facts["mixture"] = content
        self.facts["warnings"] += content["warnings"]
        return promotions, {TRAIN: sequences}

    def files(
        self,
        spec: PipelineSpec,
        parts: Sequence[tuple[str, FileRef]],
        encode: Step,
        vocabulary_size: int,
        sequences: Mapping[str, tuple[FileRef, ...]],
    ) -> list[Promotion]:
        """Token files of every split and source, then `documents.parquet` of every split."""
        planned = self.plan.steps["tokens.files"]
        jobs: list[tuple[str, AssembleJob]] = []
        for split, source, chunks, plan in self.planned_files(spec, parts, encode, vocabulary_size):
            for file in plan:
                key = digest(
                    [
                        planned.fingerprint,
                        source,
                        asdict(file),
                        [[a.checksum, b.checksum] for a, b in chunks],
                    ]
                )
                jobs.append((split, AssembleJob(planned.name, key, file, chunks, vocabulary_size)))
                self.datasets[split].append(
                    Dataset(
                        name=file.name, source=source, documents=file.documents, tokens=file.tokens
                    )
                )
        step = Step(
            planned.name,
            planned.label,
            len(jobs),
            lambda i: jobs[i][1],
            {"bin": "bin", "idx": "idx"},
        )
        self.run_steps([step])
        promotions = []
        indexes: dict[str, list[FileRef]] = {split: [] for split in self.splitting.splits}
        for index, (split, job) in enumerate(jobs):
            for kind in ("bin", "idx"):
                ref = self.driver.current(step.records.ref(index, kind))
                promotions.append(Promotion(ref, f"tokens/{split}/{job.planned.name}.{kind}"))
            indexes[split].append(ref)
        rows = {
            split: [
                self.driver.current(step.records.ref(i, "rows"))
                for i, (own, _) in enumerate(jobs)
                if own == split
            ]
            for split in self.splitting.splits
        }
        assert spec.pack is not None
        packing, self.facts["packing"] = packed_rows(
            self.driver,
            self.plan.steps["tokens.pack"],
            self.run_steps,
            spec.pack.packing,
            indexes,
            sequences,
        )
        return promotions + self.index(rows) + packing

    def planned_files(
        self,
        spec: PipelineSpec,
        parts: Sequence[tuple[str, FileRef]],
        encode: Step,
        vocabulary_size: int,
    ) -> Iterator[tuple[str, str, tuple[tuple[FileRef, FileRef], ...], list[PlannedFile]]]:
        """(split, source, (ids, rows) of its chunks, its token files)."""
        assert spec.pack is not None
        planned, limit = self.plan.steps["tokens.plan"], spec.pack.max_file_bytes
        places = [(split, source) for split in self.splitting.splits for source in spec.sources]
        chunks, jobs = [], []
        for split, source in places:
            members = [i for i, (shard, _) in enumerate(parts) if shard.split("/")[1] == source]
            own = tuple(
                (encode.records.ref(i, f"ids-{split}"), encode.records.ref(i, f"rows-{split}"))
                for i in members
            )
            rows = tuple(ref for _, ref in own)
            key = digest(
                [
                    planned.fingerprint,
                    split,
                    source,
                    vocabulary_size,
                    [ref.checksum for ref in rows],
                ]
            )
            chunks.append(own)
            jobs.append(TokenPlanJob(planned.name, key, source, rows, vocabulary_size, limit))
        step = Step(planned.name, planned.label, len(jobs), lambda i: jobs[i], {"plan": "json"})
        self.run_steps([step])
        for index, (split, source) in enumerate(places):
            yield (
                split,
                source,
                chunks[index],
                read_plan(self.driver.read(step.records.ref(index, "plan"))),
            )

    def index(self, rows: dict[str, list[FileRef]]) -> list[Promotion]:
        planned = self.plan.steps["tokens.index"]
        promotions, jobs = [], []
        for split in self.splitting.splits:
            if sum(ref.rows for ref in rows[split]) > ONE_FILE_ROWS:
                names = (
                    f"tokens/{split}/documents.parquet/part-{i:05d}.parquet"
                    for i in range(len(rows[split]))
                )
                promotions += [
                    Promotion(ref, name) for ref, name in zip(rows[split], names, strict=True)
                ]
                continue
            key = digest([planned.fingerprint, split, [ref.checksum for ref in rows[split]]])
            jobs.append(TokenIndexJob(planned.name, key, split, tuple(rows[split])))
        step = Step(planned.name, planned.label, len(jobs), lambda i: jobs[i])
        self.run_steps([step])
        for i, job in enumerate(jobs):
            ref = self.driver.current(step.records.ref(i, "rows"))
            promotions.append(Promotion(ref, f"tokens/{job.split}/documents.parquet"))
        return promotions

    def manifest(self, tokenizer: TokenizerRecord, encode: Step, files: list[Promotion]) -> None:
        """`tokens/manifest.json`, and the counts for run.json."""
        splits = {split: dict(self.counts(encode, split)) for split in self.splitting.splits}
        final = [
            TokenFile.of(FileRef(p.final, p.ref.size_bytes, p.ref.checksum), "tokens/")
            for p in files
        ]
        datasets = {split: tuple(own) for split, own in self.datasets.items()}
        data = make_manifest(tokenizer, splits, datasets, final).to_bytes()
        path = f"steps/{self.plan.steps['tokens.index'].name}/{digest(data.decode())}.manifest.json"
        ref = FileRef(path, len(data), xxhash.xxh3_64_intdigest(data))
        if path not in self.driver.promoted:
            self.driver.store.publish(path, data)
        self.promotions += [*files, Promotion(self.driver.current(ref), "tokens/manifest.json")]
        self.facts["tokens"] = {
            split: {source: counts.model_dump() for source, counts in sources.items()}
            for split, sources in splits.items()
        }

    def counts(self, encode: Step, split: str) -> Iterator[tuple[str, Counts]]:
        for source in self.plan.spec.sources:
            found = {
                name: encode.records.counts[f"tokens|{split}|{source}|{name}"]
                for name in ("documents", "tokens", "text_bytes")
            }
            yield source, Counts(**found)
