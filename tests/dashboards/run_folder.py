"""A small run folder made by the project's own functions: rules, fates and Parquet writer are the
real ones.

Three stages, as a pipeline would have them: `language` (a table of bounds), `quality` (three
rules), and `exact_dedup` (a verdict). Everything counted in `run.json` is counted from the rows
written.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.pipeline.fates import align, removed_fates
from curate.pipeline.run_record import json_bound
from curate.stages.rules import Rule, Verdicts, evaluate
from curate.storage.parquet import ParquetWriter
from curate.storage.schema import DOCUMENT_FIELDS, FATE_FIELDS, FATE_QUARANTINED
from curate.storage.store import Store

LANGUAGE = Rule(
    "score",
    "language_identification.score",
    low={"en": 0.65, "default": float("inf")},
    by="language.label",
)
QUALITY = (
    Rule("word_count", "words.count", low=5, high=1000),
    Rule("mean_word_length", "words.mean_length", low=3.0, high=10.0),
    Rule("hash_ratio", "words.hash_per_word", high=0.1),
)
DUPLICATE = Rule("duplicate", "exact_dedup.copy", high=0, missing="keep")
STAGES: dict[str, tuple[Rule, ...]] = {
    "language": (LANGUAGE,),
    "quality": QUALITY,
    "exact_dedup": (DUPLICATE,),
}
COLUMNS = {"language_identification.score": "language.score"}
SIGNALS = (
    pa.field("language.label", pa.string()),
    pa.field("language.score", pa.float64()),
    pa.field("words.count", pa.int64()),
    pa.field("words.mean_length", pa.float64()),
    pa.field("words.hash_per_word", pa.float64()),
    pa.field("exact_dedup.copy", pa.int64()),
)
MEASURED_BY = {"language": SIGNALS[:2], "quality": SIGNALS[2:5], "exact_dedup": SIGNALS[5:]}


def document(text: str, source: str = "web", offset: int = 0, **more: Any) -> dict[str, Any]:
    """One document as a row; `more` overrides columns (`id`, `url`, `language`, …)."""
    locator = f"part-0.jsonl#{offset}"
    row = {
        "id": f"{source}/{locator}",
        "text": text,
        "source": source,
        "locator": locator,
        "url": f"https://example.org/{offset}",
        "date": "2026-01-02",
        "language": "en",
        "language_score": 0.98,
        "meta": "{}",
    }
    return row | more


def english(count: int) -> list[dict[str, Any]]:
    """Documents of all kinds of fate: kept, too short, odd words, hashes, another language,
    copies.
    """
    made = []
    for number in range(count):
        words = [f"word{(number * 7 + place) % 97}" for place in range(20 + number % 50)]
        more: dict[str, Any] = {}
        if number % 7 == 1:
            words = words[:3]
        elif number % 11 == 2:
            words = ["a", "b"] * 12
        elif number % 13 == 3:
            words += ["#"] * 9
        elif number % 17 == 4:
            more = {"language": "de", "language_score": 0.91}
        elif number % 5 == 0:
            words = ["the", "licence", "text", "that", "everyone", "copies", str(number % 3)]
        source = "books" if number % 3 == 0 else "web"
        made.append(document(" ".join(words), source, number * 100, **more))
    return made


def _measure(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents with every signal of the run and the links of the copies."""
    first: dict[str, dict[str, Any]] = {}
    copies: Counter[str] = Counter()
    rows = []
    for row, given in enumerate(documents):
        words = given["text"].split() or [""]
        made = dict(given) | {
            "row": row,
            "language.label": given["language"],
            "language.score": given["language_score"],
            "words.count": len(words),
            "words.mean_length": sum(map(len, words)) / len(words),
            "words.hash_per_word": given["text"].count("#") / len(words),
            "exact_dedup.copy": None,
            "duplicate_of": None,
            "duplicate_source": None,
            "similarity": None,
        }
        keeper = first.setdefault(given["text"], given)
        if keeper is not given:
            copies[given["text"]] += 1
            made |= {
                "exact_dedup.copy": copies[given["text"]],
                "duplicate_of": keeper["id"],
                "duplicate_source": keeper["source"],
                "similarity": 1.0,
            }
        rows.append(made)
    return rows


LINKS = (
    pa.field("duplicate_of", pa.string()),
    pa.field("duplicate_source", pa.string()),
    pa.field("similarity", pa.float64()),
)


def _write(store: Store, path: str, schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> None:
    with store.create(path) as file:
        writer = ParquetWriter(file, schema, row_group_bytes=2**14)
        for batch in batches:
            writer.write(align(batch, schema))
        writer.close()


def quarantined(row: int, source: str = "web", **more: Any) -> dict[str, Any]:
    """One record that failed to become a document."""
    locator = f"part-9.jsonl#{row}"
    made = {
        "id": f"{source}/{locator}",
        "address": 2**40 + row,
        "source": source,
        "locator": locator,
        "stage": "read",
        "fate": FATE_QUARANTINED,
        "error": "invalid_utf8",
        "message": "byte 3 is no UTF-8",
        "raw": b"abc\xff\x00 <b>raw</b>",
    }
    return made | more


def build_run(
    folder: str | Path,
    documents: Sequence[dict[str, Any]],
    bad: Sequence[dict[str, Any]] = (),
    stages: dict[str, tuple[Rule, ...]] | None = None,
    **overrides: Any,
) -> str:
    """Write a run folder (a path or a URL) and return it. `overrides` replace entries of
    `run.json`.
    """
    stages = STAGES if stages is None else stages
    store = Store(str(folder))
    fields = [*DOCUMENT_FIELDS, pa.field("row", pa.uint32()), *SIGNALS, *LINKS]
    live = pa.RecordBatch.from_pylist(_measure(documents), schema=pa.schema(fields))
    every_source = list(dict.fromkeys([row["source"] for row in [*documents, *bad]]))
    read: Counter[str] = Counter(row["source"] for row in [*documents, *bad])
    stage_rows = [_read_stage(read, bad)]
    fates: list[pa.RecordBatch] = []
    unmeasured = list(SIGNALS)
    for name, rules in stages.items():
        for field in MEASURED_BY.get(name, ()):
            unmeasured.remove(field)
        before = Counter(live.column("source").to_pylist())
        counts: Counter[str] = Counter()
        verdicts = evaluate(rules, live, COLUMNS)
        gone = verdicts.first_broken() >= 0
        dead = live.filter(pa.array(gone))
        columns = {rule.signal: COLUMNS.get(rule.signal, rule.signal) for rule in rules}
        of_dead = Verdicts(*(getattr(verdicts, part)[gone] for part in Verdicts.__slots__))
        if dead.num_rows:
            made = removed_fates(name, rules, columns, of_dead, dead, counts)
            hidden = {field.name: pa.nulls(dead.num_rows, field.type) for field in unmeasured}
            if "exact_dedup.copy" in hidden:
                hidden |= {link.name: pa.nulls(dead.num_rows, link.type) for link in LINKS}
            fates.append(_replace(made, hidden))
        live = live.filter(pa.array(~gone))
        stage_rows.append(_stage(name, rules, before, fates[-1] if dead.num_rows else None))
    for source in every_source:
        part = live.filter(pc.equal(live.column("source"), source))
        schema = pa.schema([*DOCUMENT_FIELDS, *SIGNALS])
        _write(store, f"documents/{source}/part-00000.parquet", schema, [part])
    fate_schema = pa.schema([*FATE_FIELDS, *SIGNALS])
    removed = _in_order(fates, fate_schema)
    if removed.num_rows:
        _write(store, "removed/part-00000.parquet", fate_schema, removed.to_batches())
    if bad:
        batch = pa.RecordBatch.from_pylist(list(bad), schema=fate_schema)
        _write(store, "quarantine/part-00000.parquet", fate_schema, [batch])
    run = _run_json(live, removed, read, bad, stage_rows, stages) | overrides
    store.publish("run.json", json.dumps(run).encode())
    return str(folder)


def _replace(batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    made = {name: batch.column(name) for name in batch.schema.names} | columns
    return pa.RecordBatch.from_arrays(list(made.values()), names=list(made))


def _in_order(fates: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_batches([align(batch, schema) for batch in fates], schema)
    return table.sort_by("address").combine_chunks()


def _four(read: int, removed: int, quarantined_count: int) -> dict[str, int]:
    kept = read - removed - quarantined_count
    return {"read": read, "kept": kept, "removed": removed, "quarantined": quarantined_count}


def _read_stage(read: Counter[str], bad: Sequence[dict[str, Any]]) -> dict[str, Any]:
    failed = Counter(row["source"] for row in bad)
    by_source = {name: _four(number, 0, failed[name]) for name, number in read.items()}
    total = _four(read.total(), 0, failed.total())
    return {
        "name": "read",
        "kind": "read",
        **total,
        "rules": {},
        "by_source": by_source,
        "seconds": 1.5,
    }


def _stage(
    name: str, rules: Sequence[Rule], before: Counter[str], fates: pa.RecordBatch | None
) -> dict[str, Any]:
    per_source: dict[str, Counter[str]] = defaultdict(Counter)
    per_rule: Counter[str] = Counter({rule.name: 0 for rule in rules})
    if fates is not None:
        for source, rule in zip(
            fates.column("source").to_pylist(), fates.column("rule").to_pylist(), strict=True
        ):
            per_source[source][rule] += 1
            per_rule[rule] += 1
    by_source = {
        source: _four(number, per_source[source].total(), 0) | {"rules": dict(per_source[source])}
        for source, number in before.items()
    }
    total = _four(before.total(), per_rule.total(), 0)
    made = {"name": name, "kind": name, **total, "rules": dict(per_rule), "by_source": by_source}
    return made | {"seconds": 2.25}


def _run_json(
    live: pa.RecordBatch,
    removed: pa.Table,
    read: Counter[str],
    bad: Sequence[dict[str, Any]],
    stage_rows: list[dict[str, Any]],
    stages: dict[str, tuple[Rule, ...]],
) -> dict[str, Any]:
    kept = Counter(live.column("source").to_pylist())
    gone = Counter(removed.column("source").to_pylist())
    failed = Counter(row["source"] for row in bad)
    kept_bytes: Counter[str] = Counter()
    for source, text in zip(
        live.column("source").to_pylist(), live.column("text").to_pylist(), strict=True
    ):
        kept_bytes[source] += len(text.encode())
    read_bytes = kept_bytes.total() + sum(
        len(t.encode()) for t in removed.column("text").to_pylist()
    )
    sources = {
        name: {
            "format": "jsonl",
            "kind": "web",
            "license": "CC-BY-4.0",
            "tags": ["test"],
            "read": number,
            "kept": kept[name],
            "removed": gone[name],
            "quarantined": failed[name],
            "kept_text_bytes": kept_bytes[name],
            "tokens": kept_bytes[name] // 4,
        }
        for name, number in read.items()
    }
    return {
        "name": "small",
        "status": "done",
        "format_version": 1,
        "curate_version": "0.1.0",
        "seed": 17,
        "spec": {"text": "name: small\nsources: {}\n", "path_name": "pipeline.yaml"},
        "seconds": 12.5,
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:04:17Z",
        "executor": {"name": "inline", "slots": 1},
        "totals": {
            **_four(read.total(), gone.total(), failed.total()),
            "decisions": 0,
            "read_text_bytes": read_bytes,
            "kept_text_bytes": kept_bytes.total(),
        },
        "skipped": {"web": {"warc_request": 12, "blank_line": 3}},
        "sources": sources,
        "stages": stage_rows,
        "rules": [
            {
                "stage": name,
                "rule": rule.name,
                "signal": rule.signal,
                "column": COLUMNS.get(rule.signal, rule.signal),
                "low": json_bound(rule.low),
                "high": json_bound(rule.high),
                "by": rule.by,
                "by_column": rule.by,
                "missing": rule.missing,
            }
            for name, rules in stages.items()
            for rule in rules
        ],
        "signals": [field.name for field in SIGNALS],
        "determinism": {"weakest": "platform", "stage": "language"},
        "versions": {"python": "3.11", "pyarrow": "26.0.1"},
        "step_seconds": {"web.read": 1.5, "web.1": 2.25},
        "fingerprints": {"read": "ab" * 16, "quality": "cd" * 16},
        "tokenizer": {
            "measured_on": "validation",
            "sources": {"web": {"bytes_per_token": 3.9, "documents": 4}},
            "total": {"bytes_per_token": 3.9, "documents": 4},
            "trained_on": {"documents": 10, "notes": [], "text_bytes": 100},
            "vocabulary_size": 512,
        },
        "tokens": {"train": {"web": {"documents": 10, "tokens": 1234}}},
        "warnings": [],
        "error": None,
    }
