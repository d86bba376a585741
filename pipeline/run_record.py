"""`run.json`: what a run is, how far it came, and every count of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson

import curate
from curate.errors import SpecError
from curate.pipeline.accounts import Accounts, StageAccount
from curate.pipeline.chain import RuleOperation
from curate.pipeline.plan import Plan
from curate.pipeline.read import READ_STAGE
from curate.pipeline.spec.inputs import output_fault
from curate.pipeline.spec.model import PipelineSpec
from curate.stages.base import Determinism
from curate.storage.store import Store

FORMAT_VERSION = 1
PATH = "run.json"
_STRENGTH: dict[Determinism, int] = {"exact": 0, "platform": 1, "none": 2}


def claim_output(store: Store, spec: PipelineSpec) -> None:
    """Raises SpecError when the output folder belongs to another pipeline or to nobody."""
    if (fault := output_fault(store, spec.name)) is not None:
        raise SpecError(f"output: {fault}; choose another folder")


class RunRecord:
    """Collects what the run learns and writes it."""

    def __init__(
        self,
        store: Store,
        spec: PipelineSpec,
        plan: Plan,
        executor: str,
        slots: int,
        started: float,
    ) -> None:
        self.store, self.spec, self.plan = store, spec, plan
        self.executor = {"name": executor, "slots": slots}
        self.started = started
        self.environment: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.built: dict[str, Any] = {
            "tokenizer": None,
            "tokens": None,
            "packing": None,
            "mixture": None,
            "warnings": [],
        }
        self.warnings: list[str] = []
        self.kept_text_bytes: dict[str, int] = {}
        self.decisions = 0
        self.last: dict[str, object] = {}

    def write(self, status: str, accounts: Accounts, error: Exception | None = None) -> None:
        """Publish run.json with everything known now."""
        now = time.time()
        self.last = {
            "format_version": FORMAT_VERSION,
            "curate_version": curate.__version__,
            "name": self.spec.name,
            "status": status,
            "seed": self.spec.seed,
            "spec": {"text": self.spec.text, "path_name": self.spec.path.rsplit("/", 1)[-1]},
            "started": _iso(self.started),
            "finished": None if status == "running" else _iso(now),
            "seconds": round(now - self.started, 3),
            "executor": self.executor,
            "totals": self.totals(accounts),
            "sources": {name: self.source(name, accounts) for name in self.spec.sources},
            "stages": self.stages(accounts),
            "skipped": {
                name: dict(sorted(counts.items())) for name, counts in accounts.skipped.items()
            },
            "rules": self.rules(),
            "signals": [field.name for field in self.plan.signals],
            "determinism": self.determinism(),
            "versions": self.environment,
            "fingerprints": {label: step.fingerprint for label, step in self.plan.steps.items()},
            "ingredients": {label: step.ingredients for label, step in self.plan.steps.items()},
            "step_seconds": self.seconds,
            "tokenizer": self.built["tokenizer"],
            "tokens": self.built["tokens"],
            "packing": self.built["packing"],
            "mixture": self.built["mixture"],
            "warnings": [*self.spec.notes, *self.warnings, *self.built["warnings"]],
            "error": None
            if error is None
            else {"type": type(error).__name__, "message": str(error)},
        }
        self.store.publish(PATH, orjson.dumps(self.last, option=orjson.OPT_INDENT_2))

    def totals(self, accounts: Accounts) -> dict[str, int]:
        total = accounts.total() if accounts.by_source else StageAccount()
        return {
            "read": total.read,
            "kept": total.kept,
            "removed": total.removed,
            "quarantined": total.quarantined,
            "decisions": self.decisions,
            "read_text_bytes": accounts.read_text_bytes,
            "kept_text_bytes": sum(self.kept_text_bytes.values()),
        }

    def source(self, name: str, accounts: Accounts) -> dict[str, Any]:
        source = self.spec.sources[name]
        total = accounts.source_total(name) if name in accounts.by_source else StageAccount()
        tokens = self.built["tokens"]
        return {
            "format": source.format,
            "kind": source.kind,
            "license": source.license,
            "tags": list(source.tags),
            "read": total.read,
            "kept": total.kept,
            "removed": total.removed,
            "quarantined": total.quarantined,
            "kept_text_bytes": self.kept_text_bytes.get(name, 0),
            "tokens": None
            if tokens is None
            else sum(split.get(name, {}).get("tokens", 0) for split in tokens.values()),
        }

    def stages(self, accounts: Accounts) -> list[dict[str, Any]]:
        kinds = {entry.name: entry.stage.name for entry in self.spec.stages} | {
            READ_STAGE: READ_STAGE
        }
        totals, exchanges = accounts.stages(), accounts.exchanges
        order = [READ_STAGE, *(entry.name for entry in self.spec.stages)]
        return [
            {
                "name": name,
                "kind": kinds[name],
                **totals[name].as_json(),
                "counts": dict(sorted(accounts.stage_counts.get(name, {}).items())),
                "exchange": exchanges[name].as_json() if name in exchanges else None,
                "by_source": {
                    source: stages[name].as_json()
                    for source, stages in accounts.by_source.items()
                    if name in stages
                },
            }
            for name in order
            if name in totals
        ]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its bounds, once per stage and text version, in the order of stages."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for chain in self.plan.chains.values():
            for segment in chain:
                for operation in segment.operations:
                    if isinstance(operation, RuleOperation):
                        for rule in operation.rules:
                            found.setdefault(
                                (operation.entry, rule.name),
                                {
                                    "stage": operation.entry,
                                    "rule": rule.name,
                                    "signal": rule.signal,
                                    "column": operation.columns[rule.signal],
                                    "low": json_bound(rule.low),
                                    "high": json_bound(rule.high),
                                    "by": rule.by,
                                    "by_column": None
                                    if rule.by is None
                                    else operation.columns.get(rule.by, rule.by),
                                    "missing": rule.missing,
                                },
                            )
        order = {entry.name: number for number, entry in enumerate(self.spec.stages)}
        return sorted(found.values(), key=lambda rule: order[rule["stage"]])

    def determinism(self) -> dict[str, str | None]:
        """The weakest determinism of the run and the stage that causes it."""
        weakest: Determinism = "exact"
        name: str | None = None
        stages = [(entry.name, entry.stage.used_determinism()) for entry in self.spec.stages]
        stages += [
            (entry.name, fit.used_determinism())
            for entry in self.spec.stages
            for fit in entry.stage.fits()
        ]
        stages += [(source, config.determinism) for source, config in self.spec.sources.items()]
        for stage, determinism in stages:
            if _STRENGTH[determinism] > _STRENGTH[weakest]:
                weakest, name = determinism, stage
        return {"weakest": weakest, "stage": name}


def json_bound(bound: Any) -> Any:
    """A bound for JSON: infinities become the strings `inf` and `-inf`."""
    if isinstance(bound, dict):
        return {key: json_bound(value) for key, value in bound.items()}
    if bound in (float("inf"), float("-inf")):
        return repr(bound)
    return bound


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
