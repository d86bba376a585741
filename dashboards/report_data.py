"""Everything the report says, as plain data: the content of `report/report.json` and the only
input of the page.

Counts come from `run.json` (exact); rows are read for examples and histograms only. Text is kept
raw here: making it safe to show is the page's work.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from curate.dashboards.examples import Drawn, draw_examples
from curate.dashboards.histograms import histograms
from curate.pipeline.inspect import find_clusters
from curate.pipeline.plan import CLUSTER
from curate.pipeline.run_folder import RunFolder
from curate.tokenizer.packing.report import PackingFigures

REPORT_VERSION = 1
LARGEST_CLUSTERS = 10


def gather(folder: RunFolder, examples_per_rule: int, title: str | None = None) -> dict[str, Any]:
    """Read a run. Raises DataError when it is no run folder, or a file of it is damaged."""
    run = folder.run()
    removed = draw_examples(folder.removed(), "rule", examples_per_rule, run["seed"])
    bad = draw_examples(folder.quarantine(), "error", examples_per_rule, run["seed"])
    return {
        "report_version": REPORT_VERSION,
        "title": title or run["name"],
        "name": run["name"],
        "status": run["status"],
        "error": run.get("error"),
        "warnings": run.get("warnings") or [],
        "totals": run["totals"],
        "funnel": _funnel(run),
        "rules": _rules(run, removed),
        "histograms": _histograms(folder, run),
        "mixture": _mixture(run),
        "duplicates": _duplicates(folder),
        "planned_mixture": _planned_mixture(run),
        "packing": _packing(run),
        "skipped": _skipped(run),
        "quarantine": _quarantine(bad),
        "facts": _facts(run),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _funnel(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Per stage the four counts, and the shares of the run's documents that its bar shows."""
    whole = run["totals"]["read"]
    return [
        {
            **{
                name: stage[name]
                for name in ("name", "kind", "read", "kept", "removed", "quarantined")
            },
            "kept_of_all": _share(stage["kept"], whole),
            "removed_of_all": _share(stage["removed"], whole),
            "quarantined_of_all": _share(stage["quarantined"], whole),
            "kept_of_read": _share(stage["kept"], stage["read"]),
            "counts": stage.get("counts", {}),
            "exchange": stage.get("exchange"),
            "by_source": [
                {
                    "source": source,
                    **{name: counts[name] for name in ("read", "kept", "removed", "quarantined")},
                }
                for source, counts in stage["by_source"].items()
            ],
        }
        for stage in run["stages"]
    ]


def _rules(run: dict[str, Any], removed: Drawn) -> list[dict[str, Any]]:
    """Every rule in declared order with its exact count, also those that removed nothing."""
    stages = {stage["name"]: stage for stage in run["stages"]}
    made = []
    for rule in run["rules"]:
        group = (rule["stage"], rule["rule"])
        stage = stages.get(rule["stage"], {"read": 0, "rules": {}, "by_source": {}})
        count = stage["rules"].get(rule["rule"], 0)
        by_source = {
            source: counts["rules"].get(rule["rule"], 0)
            for source, counts in stage["by_source"].items()
            if counts.get("rules", {}).get(rule["rule"], 0)
        }
        made.append(
            {
                **{name: rule[name] for name in ("stage", "rule", "signal", "column", "by")},
                "by_column": rule.get("by_column") or rule["by"],
                "low": _finite_bound(rule["low"]),
                "high": _finite_bound(rule["high"]),
                "bound": describe_bound(rule["low"], rule["high"]),
                "removed": count,
                "share_of_stage": _share(count, stage["read"]),
                "share_of_all": _share(count, run["totals"]["read"]),
                "also_broken": removed.also_broken[group],
                "by_source": by_source,
                "examples": removed.rows.get(group, []),
            }
        )
    return made


def _finite_bound(bound: Any) -> Any:
    """A bound as JSON can hold it: infinities become the strings `inf` and `-inf`."""
    if isinstance(bound, dict):
        return {key: _finite_bound(value) for key, value in bound.items()}
    if isinstance(bound, float) and not math.isfinite(bound):
        return str(bound)
    return bound


def describe_bound(low: Any, high: Any) -> str:
    """A rule's bounds in words: `0.65 ≤ value ≤ 1`, or per key of its table."""
    if isinstance(low, dict) or isinstance(high, dict):
        lows, highs = (bound if isinstance(bound, dict) else {} for bound in (low, high))
        keys = [key for key in dict.fromkeys([*lows, *highs]) if key != "default"]
        parts = [f"{key}: {_one_bound(_look_up(low, key), _look_up(high, key))}" for key in keys]
        rest = _one_bound(_look_up(low, "default"), _look_up(high, "default"))
        return "; ".join([*parts, f"{'others' if keys else 'all'}: {rest}"])
    return _one_bound(low, high)


def _look_up(bound: Any, key: str) -> Any:
    return bound.get(key, bound.get("default")) if isinstance(bound, dict) else bound


def _one_bound(low: float | None, high: float | None) -> str:
    if low == math.inf or high == -math.inf:
        return "removed always"
    low = None if low == -math.inf else low
    high = None if high == math.inf else high
    if low is not None and high is not None:
        return f"{number(low)} ≤ value ≤ {number(high)}"
    if low is not None:
        return f"value ≥ {number(low)}"
    return f"value ≤ {number(high)}" if high is not None else "no bound"


def number(value: float) -> str:
    """A number for people: whole ones with separators, others with four significant digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "missing")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def _histograms(folder: RunFolder, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Signals with a bound first, in the order of the rules; then the others."""
    by_column: dict[str, list[dict[str, Any]]] = {}
    for rule in run["rules"]:
        by_column.setdefault(rule["column"], []).append(rule)
    # A cluster's number is a name.
    measured = (name for name in run["signals"] if not name.endswith(f".{CLUSTER}"))
    columns = list(dict.fromkeys([*by_column, *measured]))
    marks = {column: _marks(rules) for column, rules in by_column.items()}
    bounds = {column: [mark["at"] for mark in found] for column, found in marks.items()}
    return [
        {
            **histogram.as_json(),
            "marks": marks.get(histogram.column, []),
            "rules": [
                {
                    "stage": rule["stage"],
                    "rule": rule["rule"],
                    "bound": describe_bound(rule["low"], rule["high"]),
                }
                for rule in by_column.get(histogram.column, [])
            ],
        }
        for histogram in histograms(folder, columns, bounds)
    ]


def _marks(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Finite bounds of the rules on one signal: where the line stands and which side is removed."""
    found: dict[tuple[float, str], list[str]] = {}
    for rule in rules:
        for side in ("low", "high"):
            bound = rule[side]
            table = bound if isinstance(bound, dict) else {"": bound}
            for key, value in table.items():
                if value is not None and math.isfinite(value):
                    found.setdefault((float(value), side), []).append(key)
    return [
        {"at": at, "side": side, "keys": [key for key in keys if key]}
        for (at, side), keys in sorted(found.items())
    ]


def _mixture(run: dict[str, Any]) -> dict[str, Any]:
    """Per source what was kept, and its share of all that was kept, in three units."""
    rows = [{"source": name, **source} for name, source in run["sources"].items()]
    sums = {
        "documents": sum(row["kept"] for row in rows),
        "bytes": sum(row["kept_text_bytes"] for row in rows),
        "tokens": sum(row.get("tokens") or 0 for row in rows),
    }
    for row in rows:
        row["shares"] = {
            "documents": _share(row["kept"], sums["documents"]),
            "bytes": _share(row["kept_text_bytes"], sums["bytes"]),
            "tokens": _share(row.get("tokens") or 0, sums["tokens"]),
        }
    return {"sources": rows, "sums": sums, "splits": run.get("tokens") or {}}


def _duplicates(folder: RunFolder) -> list[dict[str, Any]]:
    """Per deduplication stage: copies by source, of documents of the same and of other sources, and
    the largest clusters.
    """
    return [
        {
            "stage": found.stage,
            "sources": [
                {
                    **asdict(rates),
                    "others": sum(rates.across.values()),
                    "shares": {
                        "removed": _share(rates.removed, rates.read),
                        "within": _share(rates.within, rates.read),
                        "others": _share(sum(rates.across.values()), rates.read),
                    },
                }
                for rates in found.rates
            ],
            "largest": [asdict(cluster) for cluster in found.largest],
        }
        for found in find_clusters(folder, largest=LARGEST_CLUSTERS, pairs=0)
    ]


def _planned_mixture(run: dict[str, Any]) -> dict[str, Any] | None:
    """What training sees of each source, beside what there is; None without a `mixture:`."""
    mixture: dict[str, Any] | None = run.get("mixture")
    if mixture is None:
        return None
    phases = mixture["phases"] if len(mixture["phases"]) > 1 else []
    return {
        "tokens": mixture["tokens"],
        "documents": mixture["documents"],
        "until": [phase["until"] for phase in phases],
        "sources": [
            {
                "source": name,
                "available": own["available_tokens"],
                "tokens": own["tokens"],
                "share": own["share"],
                "epochs": own["epochs"],
                "phases": [
                    _share(phase["sources"][name]["tokens"], phase["tokens"]) for phase in phases
                ],
            }
            for name in run["sources"]
            if (own := mixture["sources"].get(name)) is not None
        ],
    }


def _packing(run: dict[str, Any]) -> list[dict[str, Any]]:
    """What each strategy does to the documents of a split; a run of an older version has none."""
    found = []
    for split, plan in (run.get("packing") or {}).items():
        for strategy, counts in plan["figures"].items():
            figures = PackingFigures(**counts)
            found.append(
                {
                    "split": split,
                    "strategy": strategy,
                    "chosen": strategy == plan["strategy"],
                    "sequence_length": plan["sequence_length"],
                    "rows": figures.rows,
                    "shares": {name: value / 100 for name, value in figures.percent().items()},
                }
            )
    return found


def _skipped(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"source": source, "reason": reason, "count": count}
        for source, reasons in run.get("skipped", {}).items()
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _quarantine(bad: Drawn) -> list[dict[str, Any]]:
    """Records by stage and kind of error, most frequent first."""
    return [
        {
            "stage": stage,
            "error": error,
            "count": count,
            "by_source": {
                source: number
                for (of_stage, of_error, source), number in bad.by_source.items()
                if (of_stage, of_error) == (stage, error)
            },
            "examples": bad.rows.get((stage, error), []),
        }
        for (stage, error), count in sorted(
            bad.counts.items(), key=lambda pair: (-pair[1], pair[0])
        )
    ]


def _facts(run: dict[str, Any]) -> dict[str, Any]:
    names = (
        "curate_version seed seconds started finished executor determinism versions fingerprints "
        "step_seconds tokenizer spec"
    ).split()
    return {name: run.get(name) for name in names}
