"""Why one document was kept or removed: every signal, rule and verdict.

`explain_document` finds a document of a run by its id (row-group statistics narrow the search; one
row group is held at a time) and judges the rules after its removal too, where their signal was
measured. `explain_text` puts a text that was never in a run through the per-document stages with
removal off.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from curate.errors import DataError, SpecError
from curate.pipeline import dag
from curate.pipeline.batch import Batch
from curate.pipeline.chain import (
    AnnotateOperation,
    EditOperation,
    RuleOperation,
    compile_chain,
)
from curate.pipeline.operations import annotate, edit
from curate.pipeline.run_folder import RunFolder, rules_of, stream
from curate.pipeline.spec.model import PipelineSpec
from curate.stages.base import Exchange
from curate.stages.rules import Rule, evaluate
from curate.storage.schema import DOCUMENT_COLUMNS, DOCUMENT_SCHEMA, FATE_FIELDS, document_id

Outcome = Literal["kept", "removed", "quarantined"]
Verdict = Literal[
    "kept", "removed here", "would be kept", "would be removed", "not measured", "needs a run"
]
NEAREST_IDS = 3
_PATHS_COMPARED = 10_000
_SHOWN = ("title", "author", "url", "date", "date_source", "page_language", "language", "meta")
_ABOUT = DOCUMENT_COLUMNS | {item.name for item in FATE_FIELDS} | {"row"}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule on this document. low, high: the bounds that apply to it (None for no bound)."""

    stage: str
    rule: str
    signal: str
    value: float | None
    low: float | None
    high: float | None
    by: str | None
    verdict: Verdict


@dataclass(frozen=True)
class Explanation:
    """What is known about one document. `signals`: all measured columns, also of rules."""

    id: str
    outcome: Outcome
    stage: str | None
    rule: str | None
    source: str
    locator: str | None
    rules: list[RuleLine]
    signals: dict[str, Any]
    text: str | None
    about: dict[str, Any] = field(default_factory=dict)
    duplicate_of: str | None = None
    duplicate_source: str | None = None
    similarity: float | None = None
    error: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The explanation for `json.dumps`; infinities and NaN become strings."""
        made: dict[str, Any] = _plain(asdict(self))
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def explain_document(folder: RunFolder, identity: str) -> Explanation:
    """The document of a run with this id. Raises DataError for an id that the run does not know."""
    run = folder.run()
    sources = [name for name in run["sources"] if identity.startswith(f"{name}/")]
    places: list[tuple[Outcome, pads.Dataset]] = [
        *(("kept", folder.documents(name)) for name in sources),
        ("removed", folder.removed()),
        ("quarantined", folder.quarantine()),
    ]
    for outcome, dataset in places:
        row = find_row(dataset, identity)
        if row is not None:
            return _of_row(run, outcome, row)
    raise DataError(_unknown(folder, run, identity, sources))


def find_row(dataset: pads.Dataset, identity: str) -> pa.RecordBatch | None:
    """The row with this id, all columns; None when there is none. Reads ids first, one row group
    at a time.
    """
    wanted = pads.field("id") == identity
    if not isinstance(dataset, pads.FileSystemDataset):
        return None
    for part in dataset.get_fragments(filter=wanted):
        for group in part.split_by_row_group(filter=wanted, schema=dataset.schema):
            if group.count_rows(filter=wanted):
                table = group.to_table(schema=dataset.schema, filter=wanted).slice(0, 1)
                return table.combine_chunks().to_batches()[0]
    return None


def _of_row(run: dict[str, Any], outcome: Outcome, batch: pa.RecordBatch) -> Explanation:
    row = batch.to_pylist()[0]
    signals = {name: row[name] for name in run["signals"] if name in row and row[name] is not None}
    kept = outcome == "kept"
    raw = row.get("raw")
    return Explanation(
        id=row["id"],
        outcome=outcome,
        stage=None if kept else row["stage"],
        rule=None if kept else row["rule"],
        source=row["source"],
        locator=row["locator"],
        rules=_rule_lines(run, outcome, batch, row),
        signals=signals,
        text=row["text"] if raw is None else raw.decode("utf-8", "backslashreplace"),
        about={name: row[name] for name in _SHOWN if row[name]},
        **{
            name: row.get(name)
            for name in ("duplicate_of", "duplicate_source", "similarity", "error", "message")
        },
    )


def _rule_lines(
    run: dict[str, Any], outcome: Outcome, batch: pa.RecordBatch, row: Mapping[str, Any]
) -> list[RuleLine]:
    """The rules of the stages that this document's source passes, in declared order."""
    order = [stage["name"] for stage in run["stages"]]
    applied = {s["name"] for s in run["stages"] if row["source"] in s["by_source"]}
    ended = len(order)
    if outcome != "kept":
        ended = order.index(row["stage"]) if row["stage"] in order else -1
    made = []
    for stage, rule in rules_of(run):
        place = order.index(stage) if stage in order else len(order)
        if stage not in applied and place <= ended:
            continue
        line = _measured(stage, rule, batch)
        if place < ended:
            verdict: Verdict = "kept"
        elif place == ended and outcome == "removed":
            verdict = _at_removal(rule.name, row)
        else:
            verdict = line.verdict
        made.append(_with_verdict(line, verdict))
    return made


def _at_removal(rule: str, row: Mapping[str, Any]) -> Verdict:
    if rule == row["rule"]:
        return "removed here"
    return "would be removed" if rule in (row["also_broken"] or []) else "would be kept"


def _measured(stage: str, rule: Rule, batch: pa.RecordBatch) -> RuleLine:
    """A rule judged on its own; `not measured` where the signal has no value."""
    names = batch.schema.names
    if rule.signal not in names or (rule.by is not None and rule.by not in names):
        return RuleLine(stage, rule.name, rule.signal, None, None, None, None, "not measured")
    verdicts = evaluate((rule,), batch)
    value, low, high = (
        _or_none(column[0, 0]) for column in (verdicts.value, verdicts.low, verdicts.high)
    )
    by = None if rule.by is None else batch.column(rule.by)[0].as_py()
    broken = bool(verdicts.broken[0, 0])
    verdict: Verdict = "would be removed" if broken else "would be kept"
    if batch.column(rule.signal)[0].as_py() is None:
        verdict = "not measured"
    return RuleLine(stage, rule.name, rule.signal, value, low, high, by, verdict)


def _with_verdict(line: RuleLine, verdict: Verdict) -> RuleLine:
    return RuleLine(**(asdict(line) | {"verdict": verdict}))


def _or_none(value: np.float64) -> float | None:
    return None if math.isnan(value) else float(value)


def explain_text(spec: PipelineSpec, text: str, source: str | None = None) -> Explanation:
    """Judge `text` as a document of `source` (the first one by default), never removing it.

    Exchanges (duplicates) and stages that learn look across documents, so rules on what they
    measure are listed as `needs a run`. Raises SpecError for an unknown source.
    """
    names = list(spec.sources)
    chosen = names[0] if source is None else source
    if chosen not in names:
        near = difflib.get_close_matches(chosen, names, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"sources are: {', '.join(names)}"
        raise SpecError(f"--source: '{chosen}' is not a source of this file; {hint}")
    entries = dag.resolve(spec.stages, names).chains[chosen]
    batch = _text_batch(chosen, text)
    lines: list[RuleLine] = []
    removed: tuple[str, str] | None = None
    exchanges = {entry.name for entry in entries if isinstance(entry.stage, Exchange)}
    for operation in (item for plan in compile_chain(chosen, entries) for item in plan.operations):
        if isinstance(operation, AnnotateOperation):
            if not operation.annotator.fits():
                batch.add(annotate(operation, batch.record_batch()))
        elif operation.entry in exchanges and not isinstance(operation, RuleOperation):
            batch.add({field.name: pa.nulls(1, field.type) for field in operation.fields})
            if isinstance(operation, EditOperation):
                batch.drop(operation.joined)
        elif isinstance(operation, EditOperation):
            if not operation.editor.fits():
                batch.add(edit(operation, batch.record_batch()))
        elif isinstance(operation, RuleOperation) and (
            operation.entry in exchanges or not set(operation.columns.values()) <= set(batch.names)
        ):
            lines += [_unjudged(operation, rule) for rule in operation.rules]
        elif isinstance(operation, RuleOperation):
            judged = _judge(operation, batch.record_batch(), removed is not None)
            if removed is None:
                removed = next(
                    ((x.stage, x.rule) for x in judged if x.verdict == "removed here"), None
                )
            lines += judged
    row = batch.record_batch().to_pylist()[0]
    return Explanation(
        id=row["id"],
        outcome="kept" if removed is None else "removed",
        stage=removed[0] if removed else None,
        rule=removed[1] if removed else None,
        source=chosen,
        locator=None,
        rules=lines,
        signals={name: value for name, value in row.items() if name not in _ABOUT},
        text=row["text"],
        about={"language": row["language"]} if row["language"] else {},
    )


def _text_batch(source: str, text: str) -> Batch:
    row = {
        "id": document_id(source, "text#0"),
        "text": text,
        "source": source,
        "locator": "text#0",
        "meta": "{}",
    }
    return Batch.of(pa.RecordBatch.from_pylist([row], schema=DOCUMENT_SCHEMA))


def _unjudged(operation: RuleOperation, rule: Rule) -> RuleLine:
    low, high = (x if isinstance(x, float | int) else None for x in (rule.low, rule.high))
    column = operation.columns[rule.signal]
    return RuleLine(operation.entry, rule.name, column, None, low, high, None, "needs a run")


def _judge(operation: RuleOperation, batch: pa.RecordBatch, already: bool) -> list[RuleLine]:
    """All rules of one stage; the first broken one removes unless an earlier stage did."""
    made = []
    verdicts = evaluate(operation.rules, batch, operation.columns)
    first = int(verdicts.first_broken()[0])
    for index, rule in enumerate(operation.rules):
        broken = bool(verdicts.broken[0, index])
        if index == first and not already:
            verdict: Verdict = "removed here"
        elif first < 0 and not already:
            verdict = "kept"
        else:
            verdict = "would be removed" if broken else "would be kept"
        by = None
        if rule.by is not None:
            by = batch.column(operation.columns.get(rule.by, rule.by))[0].as_py()
        numbers = (verdicts.value, verdicts.low, verdicts.high)
        value, low, high = (_or_none(column[0, index]) for column in numbers)
        column = operation.columns[rule.signal]
        made.append(RuleLine(operation.entry, rule.name, column, value, low, high, by, verdict))
    return made


def _unknown(folder: RunFolder, run: dict[str, Any], identity: str, sources: Sequence[str]) -> str:
    """The message for an id that is nowhere: the nearest ids, or the sources there are."""
    head = f"{folder.url}: no document '{identity}'"
    if not sources:
        names = list(run["sources"])
        near = difflib.get_close_matches(identity.split("/")[0], names, 1)
        hint = f" (nearest: '{near[0]}')" if near else ""
        return f"{head}; an id is <source>/<path>#<offset>, sources are: {', '.join(names)}{hint}"
    near_ids = _nearest(folder, identity, sources)
    if near_ids:
        return "\n  ".join([f"{head}; nearest ids:", *near_ids])
    return f"{head}; sources {', '.join(sources)} have no document yet"


def _nearest(folder: RunFolder, identity: str, sources: Sequence[str]) -> list[str]:
    """Ids of the same file with the nearest offsets; else one id of each of the most similar
    files.
    """
    file, _, offset = identity.rpartition("#")
    wanted = _offset(offset)
    near: list[tuple[float, str]] = []
    paths: dict[str, str] = {}
    datasets = [
        *(folder.documents(name) for name in sources),
        folder.removed(),
        folder.quarantine(),
    ]
    for dataset in datasets:
        for batch in stream(dataset, ["id"], pc.starts_with(pads.field("id"), f"{sources[0]}/")):
            for found in batch.column("id").to_pylist():
                path, _, place = found.rpartition("#")
                if path == file:
                    near.append((abs(_offset(place) - wanted), found))
                elif len(paths) < _PATHS_COMPARED:
                    paths.setdefault(path, found)
            near = sorted(near)[:NEAREST_IDS]
    if near:
        return [found for _, found in near]
    similar = difflib.get_close_matches(file or identity, list(paths), NEAREST_IDS, cutoff=0.0)
    return [paths[path] for path in similar]


def _offset(text: str) -> float:
    whole = text.partition(".")[0]
    return float(whole) if whole.isascii() and whole.isdigit() else 0.0
