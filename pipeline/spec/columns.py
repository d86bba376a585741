"""Every column that a stage reads must be made before it: by the source, or by a stage upstream.

Follows each source's path through the DAG with the set of columns that exist at each point, under
the names that rules use: document columns, `<annotator>.<signal>` and `<instance>.<signal>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from curate.pipeline.dag import Dag
from curate.pipeline.spec.model import StageEntry
from curate.pipeline.spec.problems import did_you_mean
from curate.stages.base import Annotator, Editor, Exchange, ExchangeEditor, Filter
from curate.stages.rules import Rule
from curate.storage.schema import DOCUMENT_FIELDS

Columns = dict[str, pa.DataType]


def column_problems(dag: Dag) -> Iterator[tuple[str, str]]:
    """(entry name, message) for every column that is read before it is made; each once."""
    seen: set[tuple[str, str]] = set()
    for chain in dag.chains.values():
        columns: Columns = {each.name: each.type for each in DOCUMENT_FIELDS}
        for entry in chain:
            for message in _entry_problems(entry, columns):
                if (entry.name, message) not in seen:
                    seen.add((entry.name, message))
                    yield entry.name, message


def _entry_problems(entry: StageEntry, columns: Columns) -> list[str]:
    """Faults of one entry; adds to `columns` what it makes."""
    stage = entry.stage
    problems: list[str] = []
    for fit in stage.fits():
        problems += _read_problems(entry, fit.reads, columns)
    if isinstance(stage, Annotator):
        problems += _annotate(entry, stage, columns)
    elif isinstance(stage, Filter):
        for annotator in stage.annotators():
            problems += _annotate(entry, annotator, columns)
        problems += _rule_problems(entry, stage.judged_rules(), columns)
    elif isinstance(stage, Exchange):
        problems += _read_problems(entry, stage.columns(), columns)
        signals = stage.signals() if isinstance(stage, ExchangeEditor) else stage.verdicts()
        own = dict(columns)
        _add(own, stage.name, signals)
        _add(columns, entry.name, signals)
        problems += _rule_problems(entry, stage.rules(), own)
    elif isinstance(stage, Editor):
        own = dict(columns)
        _add(own, stage.name, stage.signals())
        _add(columns, entry.name, stage.signals())
        problems += _rule_problems(entry, stage.rules(), own)
    return problems


def _annotate(entry: StageEntry, annotator: Annotator, columns: Columns) -> list[str]:
    problems = _read_problems(entry, annotator.reads, columns)
    _add(columns, annotator.name, annotator.signals())
    _add(columns, annotator.prefix(entry.name), annotator.signals())
    return problems


def _add(columns: Columns, prefix: str, fields: tuple[pa.Field, ...]) -> None:
    columns.update((f"{prefix}.{each.name}", each.type) for each in fields)


def _read_problems(entry: StageEntry, reads: tuple[str, ...], columns: Columns) -> list[str]:
    return [
        f"stage '{entry.name}' reads the column '{name}', which nothing before it makes"
        f"{_near(name, columns)}"
        for name in reads
        if name not in columns
    ]


def _rule_problems(entry: StageEntry, rules: tuple[Rule, ...], columns: Columns) -> list[str]:
    problems = []
    for rule in rules:
        kinds: Mapping[str, bool] = {rule.signal: False, **({rule.by: True} if rule.by else {})}
        for name, wants_text in kinds.items():
            who = f"stage '{entry.name}': rule '{rule.name}' needs the column '{name}'"
            if name not in columns:
                problems.append(f"{who}, which nothing before it makes{_near(name, columns)}")
            elif wants_text != _is_text(columns[name]):
                wanted = "text" if wants_text else "a number"
                problems.append(f"{who} as {wanted}, but it is {columns[name]}")
    return problems


def _near(name: str, columns: Columns) -> str:
    hint = did_you_mean(name, columns)
    return f"; {hint}" if hint else ""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
