"""One run: plan, steps in waves, guard rails, publishing. Everything that is decided globally is
decided here, by the driver.

The same command continues after any kill: every step finds its commits in the ledger and runs what
is missing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from curate.errors import CurateError, GuardRailError, Interrupted, StageError
from curate.pipeline.accounts import (
    Accounts,
    ExchangeAccount,
    check_bad_fraction,
    check_expectations,
    other_languages,
    unknown_words,
    unusual_removals,
)
from curate.pipeline.budget import check_disk
from curate.pipeline.chain import LearnPlan, SegmentPlan
from curate.pipeline.driver import Driver, NotKnownYet, PlanningDriver, Step
from curate.pipeline.environment import capture_environment
from curate.pipeline.events import Events, Listener, SilentEvents
from curate.pipeline.evidence import quarantine_evidence
from curate.pipeline.exchanges.course import Course
from curate.pipeline.exchanges.evidence import merge_evidence
from curate.pipeline.exchanges.index import IndexSteps, load_indexes
from curate.pipeline.executors.base import Executor, WorkerSetup
from curate.pipeline.fit import MERGE_FAN_IN
from curate.pipeline.gc import collect_garbage
from curate.pipeline.lease import Lease
from curate.pipeline.plan import Plan, build_plan
from curate.pipeline.publish import Promotion, load_promoted, promote
from curate.pipeline.run_record import RunRecord, claim_output
from curate.pipeline.segment import RemovedText
from curate.pipeline.spec.model import PipelineSpec, StageEntry
from curate.pipeline.steps import Indexes, StepFactory
from curate.pipeline.tokens.build import BuildSteps
from curate.stages.base import Exchange, ExchangeEditor
from curate.stages.sources.base import InputFile
from curate.storage.store import FileRef, Store

KEEP_ALL_TEXT_BELOW_BYTES = 20 * 10**9
"""Planned input below which `removed/` keeps every text unless the file says otherwise."""


@dataclass
class RunResult:
    """What a finished run says. executed: jobs that ran in this process, by step label."""

    output: str
    record: dict[str, Any]
    executed: dict[str, int]


@dataclass
class Run:
    """State of one run in this process."""

    spec: PipelineSpec
    executor: Executor
    listeners: tuple[Listener, ...] = ()
    failpoint: Callable[[str], None] = lambda name: None
    replay: str | None = None
    """A `decisions.jsonl` of another run: its documents are given up here too."""
    sample_rate: float | None = None
    """Run on this share of the reading jobs only, drawn; for estimates, into a folder of its own.
    """
    started: float = field(default_factory=time.time)

    def execute(self) -> RunResult:
        """Run to the end. Raises GuardRailError, Interrupted, CurateError; the run folder says
        which.
        """
        plan = build_plan(self.spec)
        files, indexes = self.spec.input_files, load_indexes(self.spec)
        store = Store(self.spec.output)
        claim_output(store, self.spec)
        check_disk(store, self.spec)
        lease = Lease(store)
        lease.acquire()
        try:
            driver = Driver(store, self.executor, Events(store, self.listeners), self.failpoint)
            if self.replay is not None:
                driver.replay(self.replay)
            return _Work(self, plan, files, indexes, driver).execute()
        finally:
            self.executor.stop()
            lease.release()


class _Work:
    """The steps of one run, once its folder is ours."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        files: dict[str, list[InputFile]],
        indexes: Indexes,
        driver: Driver,
    ) -> None:
        self.run, self.plan, self.store, self.files = run, plan, driver.store, files
        self.spec, self.driver, self.events = run.spec, driver, driver.events
        self.accounts = Accounts()
        self.record = RunRecord(
            driver.store, run.spec, plan, run.executor.name, run.executor.slots, run.started
        )
        self.factory = StepFactory(plan, self.driver, self.removed_text(), run.sample_rate, indexes)
        self.finished: set[str] = set()
        self.passed: set[tuple[str, str]] = set()

    def removed_text(self) -> RemovedText:
        if self.spec.removed.text is not None:
            return self.spec.removed.text
        planned = sum(file.size_bytes for files in self.files.values() for file in files)
        return "all" if planned < KEEP_ALL_TEXT_BELOW_BYTES else "sample"

    def execute(self) -> RunResult:
        environment = capture_environment(self.plan_distributions())
        self.record.environment = environment
        setup = WorkerSetup(self.store.url, self.spec.engine, self.spec.seed, environment)
        self.run.executor.start(setup)
        try:
            self.begin()
            self.steps()
        except KeyboardInterrupt:
            self.end("interrupted", None)
            raise Interrupted("stopped; the same command continues where it stopped") from None
        except GuardRailError as error:
            self.end("stopped", error)
            raise
        except CurateError as error:
            self.end("failed", error)
            raise
        except OSError as error:
            self.end("failed", error)
            raise CurateError(
                f"{error.strerror or error}: {error.filename or self.store.url}; the same command "
                "continues"
            ) from error
        except Exception as error:
            self.end("failed", error)
            raise
        self.end("done", None)
        return RunResult(self.spec.output, self.record.last, dict(self.driver.executed))

    def begin(self) -> None:
        """Say that the run is going on."""
        self.driver.promoted = load_promoted(self.store)
        self.record.write("running", self.accounts)
        self.events.emit(
            "run_started",
            name=self.spec.name,
            executor=self.run.executor.name,
            slots=self.run.executor.slots,
        )

    def end(self, status: str, error: Exception | None) -> None:
        """Write down how the run ended; a full disk must not hide the first error."""
        self.record.decisions = len(self.driver.decisions)
        message = None if error is None else str(error)
        for action in (
            self.driver.ledger.close,
            lambda: self.record.write(status, self.accounts, error),
            lambda: self.events.emit(f"run_{status}", error=message),
            self.events.flush,
        ):
            try:
                action()
            except OSError:
                if error is None:
                    raise

    def plan_distributions(self) -> list[str]:
        names: set[str] = set()
        for step in self.plan.steps.values():
            names |= _distributions(step.ingredients)
        return sorted(names)

    def steps(self) -> None:
        self.read()
        self.segments()
        promotions = self.collect()
        promotions += self.index()
        evidence = self.evidence()
        build = BuildSteps(self.plan, self.factory, self.run_steps)
        promotions += build.run(self.spec)
        self.record.built = build.facts
        self.record.warnings = [
            *unusual_removals(self.accounts, self.spec.stages),
            *other_languages(self.accounts),
            *unknown_words(self.accounts),
        ]
        self.accounts.check()
        self.check_published()
        present = self.driver.restore([promotion.ref for promotion in promotions])
        promotions = [replace(item, ref=ref) for item, ref in zip(promotions, present, strict=True)]
        origins = {final: path for path, final in self.driver.promoted.items()}
        promote(self.store, promotions, origins, self.run.failpoint)
        self.driver.promoted = load_promoted(self.store)
        self.publish_evidence(evidence)
        collect_garbage(self.store, self.spec.keep_intermediates, self.plan, self.run.failpoint)

    def run_steps(self, steps: Sequence[Step]) -> None:
        started = time.monotonic()
        self.driver.run(steps)
        for step in steps:
            before = self.record.seconds.get(step.label, 0.0)
            self.record.seconds[step.label] = round(before + time.monotonic() - started, 3)

    def read(self) -> None:
        steps = [
            self.factory.read(name, source, self.files[name])
            for name, source in self.spec.sources.items()
        ]
        self.run_steps(steps)
        self.factory.finish_reading()
        for name in self.spec.sources:
            shards, counts = (
                self.factory.shards(name),
                self.factory.sources[name].read.records.counts,
            )
            self.accounts.add_read(
                name, shards.documents, shards.quarantined, counts, shards.skipped_by_limit
            )
        self.check_bad_fraction()

    def check_bad_fraction(self) -> None:
        def evidence() -> str:
            fates = (ref for _, refs in self.factory.fates_by_shard() for ref in refs)
            return quarantine_evidence(self.store, fates)

        check_bad_fraction(self.accounts, self.spec.max_bad_fraction, evidence)

    def segments(self) -> None:
        """Waves of segments; an exchange settles as soon as every source has emitted for it, an
        entry learns as soon as every source has been measured for it.
        """
        waiting = {source: list(chain) for source, chain in self.plan.chains.items()}
        self.inherit()
        while any(waiting.values()):
            ready = [
                chain[0]
                for chain in waiting.values()
                if chain
                and (chain[0].applies is None or chain[0].applies.name in self.factory.exchanges)
                and (chain[0].uses is None or chain[0].uses.entry in self.factory.artefacts)
            ]
            self.wave(ready)
            for segment in ready:
                waiting[segment.source].pop(0)
            for entry in self.plan.exchanges():
                emitted = not any(s.exchange is entry for chain in waiting.values() for s in chain)
                if emitted and entry.name not in self.factory.exchanges:
                    self.settle(entry)
            for learns in self.plan.learners():
                to_measure = [segment for chain in waiting.values() for segment in chain]
                measured = not any(segment.learns == learns for segment in to_measure)
                if measured and learns.entry not in self.factory.artefacts:
                    self.learn(learns)

    def inherit(self) -> None:
        """What the runs learned whose indexes are read."""
        for entry in self.plan.exchanges():
            if self.factory.indexes.learned.get(entry.name):
                step = IndexSteps(self.plan, self.factory).inheriting(entry)
                self.run_steps([step])
                self.factory.inherit(entry, step)

    def learn(self, learns: LearnPlan) -> None:
        """Merge the states of an entry's fits over a fixed tree, then finish each."""
        sized = self.factory.sized(learns)
        assert sized is not None
        steps = []
        for part, fit in enumerate(sized.fits):
            inputs = self.factory.states(learns, part)
            level = 0
            while len(inputs) > MERGE_FAN_IN:
                step = self.factory.merge_states(learns, fit, inputs, level)
                self.run_steps([step])
                inputs = [step.records.ref(index, "state") for index in range(step.jobs)]
                level += 1
            steps.append(self.factory.finish_fit(learns, fit, inputs))
        self.run_steps(steps)
        self.factory.finish_learning(learns, steps)

    def wave(self, segments: Sequence[SegmentPlan]) -> None:
        steps = [self.factory.segment(segment) for segment in segments]
        self.run_steps(steps)
        for segment, step in zip(segments, steps, strict=True):
            self.factory.finish_segment(segment, step)
            self.accounts.add_segment(segment.source, step.records.counts)
            self.passed |= {(segment.source, name) for name in segment.closes()}
        for entry in self.spec.stages:
            sources = [source for source, chain in self.plan.dag.chains.items() if entry in chain]
            if all((source, entry.name) in self.passed for source in sources):
                self.finished.add(entry.name)
        check_expectations(self.accounts, self.spec.stages, self.finished)
        self.check_bad_fraction()

    def settle(self, entry: StageEntry) -> None:
        """All phases of an exchange, then the names of the representatives."""
        account = ExchangeAccount()
        course = Course(entry, self.factory, self.run_steps, account)
        self.factory.exchanges[entry.name] = course.run()
        self.accounts.add_exchange(entry.name, account)

    def collect(self) -> list[Promotion]:
        """Parts of documents/, removed/ and quarantine/."""
        documents = {source: self.factory.documents(source) for source in self.spec.sources}
        fates = self.factory.fates()
        self.run_steps([*documents.values(), fates])
        self.factory.document_steps = documents
        self.record.kept_text_bytes = {
            source: step.records.sums("documents")[1] for source, step in documents.items()
        }
        self.published = {"removed": 0, "quarantine": 0, "documents": 0}
        promotions = []
        for source, step in documents.items():
            for index in range(step.jobs):
                ref = self.driver.current(step.records.ref(index, "documents"))
                self.published["documents"] += ref.rows
                promotions.append(Promotion(ref, f"documents/{source}/part-{index:05d}.parquet"))
        for kind, folder in (("removed", "removed"), ("quarantined", "quarantine")):
            number = 0
            for index in range(fates.jobs):
                if (file := fates.records.file(index, kind)) is not None:
                    self.published[folder] += file.ref.rows
                    promotions.append(
                        Promotion(
                            self.driver.current(file.ref), f"{folder}/part-{number:05d}.parquet"
                        )
                    )
                    number += 1
        return promotions

    def index(self) -> list[Promotion]:
        """Files of `index/`: what stages keep of their documents for later runs."""
        steps, promotions = IndexSteps(self.plan, self.factory), []
        for entry in self.plan.exchanges():
            if isinstance(entry.stage, Exchange) and entry.stage.writes_index():
                step, kept = steps.writing(entry), steps.keeping_learned(entry)
                self.run_steps([step, kept])
                promotions += steps.promotions(entry, step, kept)
        return promotions

    def evidence(self) -> dict[str, FileRef]:
        """What exchanges list of their edits, by stage."""
        found = {}
        for entry in self.plan.exchanges():
            if isinstance(entry.stage, ExchangeEditor) and entry.stage.evidence() is not None:
                fingerprint = self.plan.steps[f"{entry.name}.settle"].fingerprint
                lists = self.factory.evidence(entry)
                ref = merge_evidence(entry, fingerprint, lists, lambda step: self.run_steps([step]))
                if ref is not None:
                    found[entry.name] = ref
        return found

    def publish_evidence(self, evidence: Mapping[str, FileRef]) -> None:
        """Bring `report/<stage>.parquet` up to date. A list that somebody deleted after a finished
        run is not worth doing that run again.
        """
        for name, ref in evidence.items():
            final = f"report/{name}.parquet"
            same = self.store.size(final) == ref.size_bytes
            if same and self.store.checksum(final) == ref.checksum:
                continue
            if self.driver.executed or self.store.exists(ref.path):
                self.store.publish(final, self.driver.read(ref))

    def check_published(self) -> None:
        """The rows in the final folders are the counts. Raises StageError."""
        total = self.accounts.total()
        counted = {
            "documents": total.kept,
            "removed": total.removed,
            "quarantine": total.quarantined,
        }
        if counted != self.published:
            raise StageError(
                f"counted {counted}, published {self.published}; nothing was moved to the final "
                "folders"
            )


def progress_of(spec: PipelineSpec, plan: Plan, executor: Executor) -> dict[str, tuple[int, int]]:
    """Label -> (jobs done before, jobs) for every step whose jobs are known without running
    anything. Writes nothing.
    """
    driver = PlanningDriver(
        Store(spec.output), executor, SilentEvents(Store(spec.output)), lambda name: None
    )
    driver.promoted = load_promoted(driver.store)
    files, indexes = spec.input_files, load_indexes(spec)
    work = _Work(Run(spec, executor), plan, files, indexes, driver)
    with contextlib.suppress(NotKnownYet, CurateError):
        work.read()
        work.segments()
        promotions = work.collect()
        promotions += BuildSteps(plan, work.factory, work.run_steps).run(spec)
    return driver.found


def _distributions(ingredients: object) -> set[str]:
    """Names below every `distributions` key of an ingredient tree."""
    if isinstance(ingredients, dict):
        own = set(ingredients.get("distributions", {}))
        return own.union(*(_distributions(value) for value in ingredients.values()))
    if isinstance(ingredients, list):
        return set().union(*(_distributions(value) for value in ingredients))
    return set()
