"""The plan: every step of a run with its fingerprint, before any work is done.

Steps: read (per source) -> segments (per source) -> fit (per artefact), settle and lookup (per
exchange) -> documents, fates -> tokenizer, tokens. Fingerprints need no data, so a plan can be
compared with the run folder to say what is cached and which YAML key changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from curate.errors import SpecError
from curate.pipeline.chain import (
    AnnotateOperation,
    LearnPlan,
    SegmentPlan,
    all_signals,
    compile_chain,
    inherits,
)
from curate.pipeline.dag import Dag, resolve
from curate.pipeline.fingerprint import (
    Ingredients,
    configuration,
    distribution_versions,
    source_ingredients,
    stage_ingredients,
    step_fingerprint,
)
from curate.pipeline.spec.model import PipelineSpec, StageEntry
from curate.stages.base import Exchange
from curate.storage.schema import DOCUMENT_SCHEMA
from curate.tokenizer.config import PackConfig, TokenizerConfig
from curate.tokenizer.encoding.split import Splitting

CLUSTER = "cluster"
"""Verdict of an exchange that finds clusters: equal for near-duplicates, null for a single one."""


@dataclass(frozen=True)
class PlannedStep:
    """One step. `label` is what people read; `name` is its folder below `steps/`; `parents` are
    labels.
    """

    label: str
    kind: str
    fingerprint: str
    ingredients: Ingredients
    parents: tuple[str, ...]
    source: str | None = None

    @property
    def name(self) -> str:
        return f"{self.label}-{self.fingerprint[:12]}"


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first record is read."""

    spec: PipelineSpec
    dag: Dag
    chains: Mapping[str, tuple[SegmentPlan, ...]]
    signals: tuple[pa.Field, ...]
    steps: Mapping[str, PlannedStep]

    def exchanges(self) -> tuple[StageEntry, ...]:
        """Exchange entries that some source passes, in pipeline order."""
        used = {
            s.exchange.name
            for chain in self.chains.values()
            for s in chain
            if s.exchange is not None
        }
        return tuple(entry for entry in self.spec.stages if entry.name in used)

    def cluster_column(self) -> str | None:
        """The column that says which documents must not be divided between splits: the cluster of
        the last exchange that finds clusters.
        """
        names = [
            f"{entry.name}.{CLUSTER}"
            for entry in self.exchanges()
            if isinstance(entry.stage, Exchange)
            and any(field.name == CLUSTER for field in entry.stage.verdicts())
        ]
        known = {signal.name for signal in self.signals}
        return next((name for name in reversed(names) if name in known), None)

    def passing(self, exchange: str) -> tuple[str, ...]:
        """Sources whose chain holds this exchange, in source order."""
        return tuple(
            source
            for source, chain in self.chains.items()
            if any(s.exchange is not None and s.exchange.name == exchange for s in chain)
        )

    def learners(self) -> tuple[LearnPlan, ...]:
        """What entries learn, in pipeline order."""
        found = {
            segment.learns.entry: segment.learns
            for chain in self.chains.values()
            for segment in chain
            if segment.learns is not None
        }
        return tuple(found[entry.name] for entry in self.spec.stages if entry.name in found)

    def learned_from(self, entry: str) -> tuple[SegmentPlan, ...]:
        """The segments whose documents this entry learns from, in source order."""
        return _teachers(self.chains, entry)


def _teachers(chains: Mapping[str, tuple[SegmentPlan, ...]], entry: str) -> tuple[SegmentPlan, ...]:
    return tuple(
        segment
        for chain in chains.values()
        for segment in chain
        if segment.learns is not None and segment.learns.entry == entry
    )


def fit_label(entry: str, fit: str) -> str:
    """Of the step that makes an artefact."""
    return f"{entry}.fit.{fit}"


def segment_label(segment: SegmentPlan) -> str:
    """`<source>.<k>`."""
    return f"{segment.source}.{segment.index}"


def build_plan(spec: PipelineSpec) -> Plan:
    """Resolve the DAG, compile the chains, fingerprint every step. Raises SpecError."""
    dag = resolve(spec.stages, tuple(spec.sources))
    chains = {source: compile_chain(source, dag.chains[source]) for source in spec.sources}
    signals = all_signals(list(chains.values()))
    _check_mixture(spec, signals)
    planner = _Planner(spec, chains)
    planner.add_reads()
    planner.add_segments()
    planner.add_outputs()
    return Plan(spec, dag, chains, signals, planner.steps)


def _check_mixture(spec: PipelineSpec, signals: Sequence[pa.Field]) -> None:
    """Up-sampling looks at numbers that the documents have. Raises SpecError."""
    numbers = [field.name for field in (*DOCUMENT_SCHEMA, *signals) if _is_number(field.type)]
    for name in spec.mixture.signals() if spec.mixture is not None else ():
        if name not in numbers:
            raise SpecError(
                f"mixture.upsample: documents have no number '{name}'; they have: "
                f"{', '.join(numbers)}"
            )


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


class _Planner:
    """Adds steps in dependency order."""

    def __init__(self, spec: PipelineSpec, chains: Mapping[str, tuple[SegmentPlan, ...]]) -> None:
        self.spec, self.chains = spec, chains
        self.steps: dict[str, PlannedStep] = {}

    def add(
        self,
        label: str,
        kind: str,
        ingredients: Mapping[str, Any],
        parents: tuple[str, ...],
        source: str | None = None,
    ) -> None:
        fingerprint = step_fingerprint(
            ingredients, [self.steps[parent].fingerprint for parent in parents]
        )
        self.steps[label] = PlannedStep(label, kind, fingerprint, ingredients, parents, source)

    def engine(self, *names: str) -> dict[str, Any]:
        """Engine sizes that decide how this step's files are cut."""
        return {name: getattr(self.spec.engine, name) for name in names}

    def add_reads(self) -> None:
        cuts = self.engine(
            "shard_input_bytes", "row_group_bytes", "max_document_bytes", "max_expansion_ratio"
        )
        for name, source in self.spec.sources.items():
            seed = {"seed": self.spec.seed} if source.sample is not None else {}
            self.add(
                f"{name}.read",
                "read",
                {**source_ingredients(name, source), "engine": cuts, **seed},
                (),
                name,
            )

    def add_segments(self) -> None:
        """Segments in rounds: one that joins verdicts waits until every source has emitted for that
        exchange, one that uses artefacts until every source has been learned from.
        """
        waiting = {source: list(chain) for source, chain in self.chains.items()}
        settled: set[str] = set()
        learned = {entry.name for entry in self.spec.stages if inherits(entry.stage)}
        while any(waiting.values()):
            for source, segments in waiting.items():
                while segments and (
                    (segments[0].applies is None or segments[0].applies.name in settled)
                    and (segments[0].uses is None or segments[0].uses.entry in learned)
                ):
                    self.add_segment(source, segments.pop(0))
            for entry in self.spec.stages:
                teachers = _teachers(self.chains, entry.name)
                if (
                    teachers
                    and entry.name not in learned
                    and all(segment_label(segment) in self.steps for segment in teachers)
                ):
                    self.add_fits(teachers)
                    learned.add(entry.name)
                emitters = self.emitting(entry.name)
                if (
                    emitters
                    and entry.name not in settled
                    and all(label in self.steps for label in emitters)
                ):
                    self.add_exchange(entry, tuple(emitters))
                    settled.add(entry.name)

    def emitting(self, exchange: str) -> list[str]:
        return [
            segment_label(segment)
            for chain in self.chains.values()
            for segment in chain
            if segment.exchange is not None and segment.exchange.name == exchange
        ]

    def add_fits(self, teachers: Sequence[SegmentPlan]) -> None:
        """A step per artefact of one entry."""
        learns = teachers[0].learns
        assert learns is not None
        for fit in learns.fits:
            parents = tuple(segment_label(segment) for segment in teachers)
            self.add(fit_label(learns.entry, fit.name), "fit", stage_ingredients(fit), parents)

    def add_segment(self, source: str, segment: SegmentPlan) -> None:
        parents = [f"{source}.read" if segment.index == 1 else f"{source}.{segment.index - 1}"]
        if segment.applies is not None:
            parents += [f"{segment.applies.name}.settle", f"{segment.applies.name}.lookup"]
        if segment.uses is not None:
            labels = [fit_label(segment.uses.entry, fit.name) for fit in segment.uses.fits]
            parents += [label for label in labels if label in self.steps]
        ingredients: dict[str, Any] = {
            "stages": _stages(segment),
            "annotators": _annotators(segment),
            "columns": [field.name for field in segment.signals],
            "emits": None
            if segment.exchange is None
            else stage_ingredients(segment.exchange.stage),
            **_learns(segment),
            "materialise": segment.materialise,
            "engine": self.engine("batch_bytes", "row_group_bytes"),
            "limit": self.spec.sources[source].limit,
        }
        self.add(segment_label(segment), "segment", ingredients, tuple(parents), source)

    def add_exchange(self, entry: StageEntry, emitters: tuple[str, ...]) -> None:
        assert isinstance(entry.stage, Exchange)
        cuts = self.engine("exchange_partition_bytes", "exchange_fan_in")
        self.add(
            f"{entry.name}.settle",
            "settle",
            {**stage_ingredients(entry.stage), "engine": cuts},
            emitters,
        )
        self.add(f"{entry.name}.lookup", "lookup", {}, (f"{entry.name}.settle",))

    def add_outputs(self) -> None:
        last = [segment_label(chain[-1]) for chain in self.chains.values()]
        every = tuple(
            label for label, step in self.steps.items() if step.kind in ("read", "segment")
        )
        cuts = self.engine("part_bytes", "row_group_bytes")
        for source, label in zip(self.chains, last, strict=True):
            self.add(f"{source}.documents", "documents", {"engine": cuts}, (label,), source)
        self.add("fates", "fates", {"engine": cuts}, every)
        for entry in self.spec.stages:
            if isinstance(entry.stage, Exchange) and entry.stage.writes_index():
                self.add_index(entry)
        documents = tuple(f"{source}.documents" for source in self.chains)
        if self.spec.tokenizer is not None:
            self.add_tokenizer(self.spec.tokenizer, documents)
        if self.spec.pack is not None:
            self.add_tokens(self.spec.pack, documents)

    def add_tokens(self, pack: PackConfig, documents: tuple[str, ...]) -> None:
        """Each step depends on its own fields: another `sequence_length` encodes nothing again."""

        def fields(*names: str) -> dict[str, Any]:
            return {"pack": {name: configuration(pack)[name] for name in names}}

        seed = {"seed": self.spec.seed}
        libraries = {"distributions": distribution_versions(("gigatoken", "tokenizers"))}
        shares = {"split": Splitting.of(pack, None).ingredients()}
        encoding = {**fields("encoder"), **shares, **seed, **libraries}
        self.add("tokens.encode", "encode", encoding, ("tokenizer", *documents))
        self.add("tokens.plan", "token plan", fields("max_file_bytes"), ("tokens.encode",))
        self.add("tokens.files", "assemble", {}, ("tokens.plan",))
        self.add("tokens.index", "index", {}, ("tokens.files",))
        packing = {**fields("sequence_length", "strategy", "shortest_bucket"), **seed}
        order: tuple[str, ...] = ("tokens.files",)
        if self.spec.mixture is not None:
            mixture = configuration(self.spec.mixture)
            facts = {
                "by_language": mixture["language_temperature"] is not None,
                "by_domain": mixture["max_share_per_domain"] is not None,
                "upsample": mixture["upsample"],
            }
            parents = ("tokens.encode", *documents)
            self.add("tokens.mixture_facts", "mixture facts", {**facts, **seed}, parents)
            self.add("tokens.mixture", "mixture", {"mixture": mixture}, ("tokens.mixture_facts",))
            order = ("tokens.files", "tokens.mixture")
        self.add("tokens.pack", "pack", packing, order)

    def add_index(self, entry: StageEntry) -> None:
        """What a stage keeps of its documents for later runs."""
        assert isinstance(entry.stage, Exchange)
        parents = [
            segment_label(segment)
            for chain in self.chains.values()
            for segment in chain
            if entry in (segment.exchange, segment.applies)
        ]
        if parents:
            cuts = self.engine("row_group_bytes")
            ingredients = {**stage_ingredients(entry.stage), "engine": cuts}
            self.add(f"{entry.name}.index", "stage index", ingredients, tuple(parents))

    def add_tokenizer(self, tokenizer: TokenizerConfig, documents: tuple[str, ...]) -> None:
        """Counting depends on how text is cut only: another vocabulary counts nothing again."""
        libraries = {"distributions": distribution_versions(("tokenizers",))}
        split = {"split": Splitting.of(self.spec.pack, None).ingredients(), "seed": self.spec.seed}
        cuts: dict[str, Any] = {
            "pattern": tokenizer.chosen_pattern,
            "digits": tokenizer.digits,
            "normalization": tokenizer.normalization,
        }
        if tokenizer.normalization != "none":
            cuts |= libraries
        parents = documents
        if tokenizer.language_temperature is not None:
            cuts["language_temperature"] = tokenizer.language_temperature
            self.add("tokenizer.languages", "languages", split, documents)
            parents = ("tokenizer.languages", *documents)
        self.add("tokenizer.count", "count", {"tokenizer": cuts, **split}, parents)
        self.add("tokenizer.merge", "merge counts", {}, ("tokenizer.count",))
        training = {"tokenizer": configuration(tokenizer), **libraries, **split}
        self.add("tokenizer", "tokenizer", training, ("tokenizer.merge", *documents))


def _stages(segment: SegmentPlan) -> dict[str, Ingredients]:
    """The stages that judge or edit in this segment, by instance name."""
    names = {operation.entry for operation in segment.operations}
    entries = {entry.name: entry for entry in segment.entries}
    if segment.applies is not None:
        entries[segment.applies.name] = segment.applies
    return {name: stage_ingredients(entries[name].stage) for name in sorted(names)}


def _learns(segment: SegmentPlan) -> dict[str, Ingredients]:
    """The fits whose states it measures; no key where there are none, as before there were fits."""
    if segment.learns is None:
        return {}
    return {"learns": {fit.name: stage_ingredients(fit) for fit in segment.learns.fits}}


def _annotators(segment: SegmentPlan) -> dict[str, Ingredients]:
    """The annotators that measure in this segment, by the first column each makes."""
    return {
        column: stage_ingredients(annotator)
        for operation in segment.operations
        if isinstance(operation, AnnotateOperation)
        for column, annotator in operation.parts.items()
    }


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys whose values differ between two ingredient trees; for `curate plan`."""
    changed = []
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        name = f"{prefix}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            changed += changed_keys(before, after, f"{name}.")
        elif orjson.dumps(before, option=orjson.OPT_SORT_KEYS) != orjson.dumps(
            after, option=orjson.OPT_SORT_KEYS
        ):
            changed.append(name.replace(".configuration.", "."))
    return changed
