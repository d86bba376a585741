"""Measure the rules of a pipeline on a reference source, for a profile of thresholds.

The reference is a source of the pipeline file. Its documents pass the per-document stages with
removal switched off, in this process; exchanges are skipped. Languages come from a field of the
records, or from what fills the column `language` (the stage `language`, the source).

Cost: the stages' own time; 8 bytes of memory per document and rule.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curate.errors import SpecError
from curate.pipeline.batch import Batch
from curate.pipeline.chain import (
    EditOperation,
    RuleOperation,
    SegmentPlan,
    VerdictOperation,
    compile_chain,
)
from curate.pipeline.dag import resolve
from curate.pipeline.job import NoWatch
from curate.pipeline.operations import Runner
from curate.pipeline.read import document_batch
from curate.pipeline.spec.model import PipelineSpec
from curate.stages.base import Exchange, Filter
from curate.stages.calibration import Measured, Method, derive
from curate.stages.profiles import Profile
from curate.stages.rules import Rule, as_float64
from curate.stages.sources.base import Caps, Record
from curate.storage.schema import document_id

BATCH_DOCUMENTS = 512
BATCH_TEXT_CHARACTERS = 8 * 2**20


@dataclass
class _Collected:
    documents: Counter[str] = field(default_factory=Counter)
    rules: dict[tuple[str, str], tuple[str, Rule]] = field(default_factory=dict)
    values: dict[tuple[str, str], dict[str, list[np.ndarray]]] = field(default_factory=dict)


def calibrate(
    spec: PipelineSpec,
    reference: str,
    method: Method,
    *,
    filters: tuple[str, ...] = (),
    language_field: str | None = None,
) -> Profile:
    """A profile for the filters of `spec` (all, or the named entries) from one of its sources.

    Raises SpecError: no such source or filter, no language, several kinds of words.
    """
    if reference not in spec.sources:
        raise SpecError(f"--reference {reference}: sources are: {', '.join(spec.sources)}")
    chosen = _chosen(spec, filters)
    segmenter = _segmenter(chosen.values())
    chain = compile_chain(reference, resolve(spec.stages, tuple(spec.sources)).chains[reference])
    exchanges = {entry.name for entry in spec.stages if isinstance(entry.stage, Exchange)}
    collected = _Collected()
    for batch, languages in _batches(spec, reference, language_field):
        _measure(chain, batch, languages, chosen, exchanges, collected)
    measured = [
        Measured(
            kind,
            rule,
            {code: np.concatenate(found) for code, found in collected.values[key].items()},
        )
        for key, (kind, rule) in collected.rules.items()
    ]
    return derive(measured, collected.documents, method, segmenter, reference)


def _chosen(spec: PipelineSpec, names: tuple[str, ...]) -> dict[str, Filter]:
    """Filters by entry name whose bounds a profile can replace."""
    found = {
        entry.name: entry.stage
        for entry in spec.stages
        if isinstance(entry.stage, Filter)
        and (entry.name in names or not names)
        and all(rule.by is None for rule in entry.stage.rules())
    }
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise SpecError(
            f"no filter to calibrate named {', '.join(missing)}"
            if missing
            else "no filter to calibrate in this pipeline"
        )
    return found


def _segmenter(filters: Iterable[Filter]) -> str:
    used = {
        name
        for stage in filters
        for annotator in stage.annotators()
        if (name := annotator.word_segmenter()) is not None
    }
    if len(used) > 1:
        raise SpecError(f"the filters use several kinds of words: {', '.join(sorted(used))}")
    return next(iter(used), "none")


def _batches(
    spec: PipelineSpec, reference: str, language_field: str | None
) -> Iterator[tuple[pa.RecordBatch, list[str | None] | None]]:
    """Documents of the reference; their languages where a field of the record has them."""
    source = spec.sources[reference]
    caps = Caps(spec.engine.max_document_bytes, spec.engine.max_expansion_ratio)
    rows: list[tuple[Record, str, int]] = []
    size = taken = 0
    for file in spec.input_files[reference]:
        for split in source.splits(file, spec.engine.shard_input_bytes):
            for item in source.records(split, caps):
                if isinstance(item, Record) and item.html is not None:
                    item = source.extract(item)
                if not isinstance(item, Record):
                    continue
                if source.limit is not None and taken >= source.limit:
                    break
                taken += 1
                rows.append((item, document_id(reference, item.locator), len(rows)))
                size += len(item.text)
                if len(rows) >= BATCH_DOCUMENTS or size >= BATCH_TEXT_CHARACTERS:
                    yield document_batch(reference, rows), _languages(rows, language_field)
                    rows, size = [], 0
    if rows:
        yield document_batch(reference, rows), _languages(rows, language_field)


def _languages(
    rows: list[tuple[Record, str, int]], language_field: str | None
) -> list[str | None] | None:
    if language_field is None:
        return None
    found = [record.meta.get(language_field) for record, _, _ in rows]
    if language_field == "language":
        found = [record.language or each for (record, _, _), each in zip(rows, found, strict=True)]
    wrong = next((each for each in found if each is not None and not isinstance(each, str)), None)
    if wrong is not None:
        raise SpecError(f"--language-field {language_field}: {json.dumps(wrong)} is no language")
    if not any(found):
        raise SpecError(f"--language-field {language_field}: no record has this field")
    return [each if isinstance(each, str) else None for each in found]


def _measure(
    chain: tuple[SegmentPlan, ...],
    documents: pa.RecordBatch,
    languages: list[str | None] | None,
    chosen: dict[str, Filter],
    exchanges: set[str],
    collected: _Collected,
) -> None:
    batch = Batch.of(documents)
    if languages is not None:
        batch.add({"language": pa.array(languages, pa.string())})
    operations = [each for segment in chain for each in segment.operations]
    working = [
        each
        for each in operations
        if not isinstance(each, RuleOperation | VerdictOperation)
        and not (isinstance(each, EditOperation) and each.entry in exchanges)
    ]
    for _ in Runner(working, NoWatch(), Counter(), ()).run(batch, None):
        pass
    codes = np.array(batch.column("language").to_pylist(), dtype=object)
    known = [code for code in dict.fromkeys(codes.tolist()) if code is not None]
    for code in known:
        collected.documents[code] += int((codes == code).sum())
    for operation in operations:
        if not isinstance(operation, RuleOperation) or operation.entry not in chosen:
            continue
        stage = chosen[operation.entry]
        for rule in stage.rules():
            key = (operation.entry, rule.name)
            collected.rules[key] = (stage.name, rule)
            values = as_float64(batch.column(operation.columns[rule.signal]))
            by_language = collected.values.setdefault(key, defaultdict(list))
            for code in known:
                of_language = values[codes == code]
                by_language[code].append(of_language[~np.isnan(of_language)])
