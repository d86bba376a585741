"""What a finished run says: what was kept, why the rest was not, where the results are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table


def print_summary(console: Console, output: str, record: dict[str, Any], report: bool) -> None:
    """Tables of sources and of reasons, then paths."""
    console.print()
    console.print(_sources(record))
    if (reasons := _reasons(record)).row_count:
        console.print()
        console.print(reasons)
    if any(stage["exchange"] for stage in record["stages"]):
        console.print()
        console.print(_exchanges(record))
    if record["mixture"] is not None:
        console.print()
        console.print(_mixture(record["mixture"], record["sources"]))
    if record["packing"] is not None:
        console.print()
        console.print(_packing(record["packing"]))
    for line in _facts(record):
        console.print(line, markup=False)
    for warning in record["warnings"]:
        console.print(f"warning: {warning}", markup=False)
    folder = output.rstrip("/")
    console.print(f"documents  {folder}/documents", markup=False, soft_wrap=True)
    if record["tokens"] is not None:
        console.print(f"tokens     {folder}/tokens", markup=False, soft_wrap=True)
    if report:
        console.print(f"report     {folder}/report/index.html", markup=False, soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right")
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _sources(record: dict[str, Any]) -> Table:
    table = _table(
        "source", "read", "kept", "share", "removed", "quarantined", "kept text", "tokens"
    )
    rows = [
        *record["sources"].items(),
        ("all", {**record["totals"], "tokens": _all_tokens(record)}),
    ]
    for name, counts in rows:
        size = counts["kept_text_bytes"] / 1e6
        table.add_row(
            name,
            f"{counts['read']:,}",
            f"{counts['kept']:,}",
            _share(counts["kept"], counts["read"]),
            f"{counts['removed']:,}",
            f"{counts['quarantined']:,}",
            f"{size:,.1f} MB",
            "–" if counts["tokens"] is None else f"{counts['tokens']:,}",
        )
    return table


def _all_tokens(record: dict[str, Any]) -> int | None:
    if record["tokens"] is None:
        return None
    splits: dict[str, dict[str, dict[str, int]]] = record["tokens"]
    return sum(source["tokens"] for split in splits.values() for source in split.values())


def _reasons(record: dict[str, Any]) -> Table:
    table = _table("not kept because", "documents", "of all read")
    read = record["totals"]["read"]
    for stage in record["stages"]:
        for rule, count in sorted(stage["rules"].items(), key=lambda item: -item[1]):
            table.add_row(f"{stage['name']}.{rule}", f"{count:,}", _share(count, read))
        if stage["quarantined"]:
            table.add_row(
                f"{stage['name']}: quarantined",
                f"{stage['quarantined']:,}",
                _share(stage["quarantined"], read),
            )
    return table


def _exchanges(record: dict[str, Any]) -> Table:
    """What looking across documents cost, and what those stages counted on the way."""
    table = _table("exchange", "documents", "rows", "bytes per document", "iterations", "counted")
    for stage in record["stages"]:
        if (exchange := stage["exchange"]) is not None:
            iterations = exchange["iterations"]
            table.add_row(
                stage["name"],
                f"{exchange['documents']:,}",
                f"{exchange['rows']:,}",
                f"{exchange['bytes_per_document']:,.0f}",
                "–" if iterations is None else str(iterations or "in memory"),
                ", ".join(f"{name} {number:,}" for name, number in stage["counts"].items()) or "–",
            )
    return table


def _mixture(mixture: dict[str, Any], names: Iterable[str]) -> Table:
    """What training sees of each source; a column of shares per phase of a schedule."""
    phases = mixture["phases"] if len(mixture["phases"]) > 1 else []
    until = [f"until {phase['until']:.0%}" for phase in phases]
    table = _table("mixture", "available", "tokens", "share", "epochs", *until)
    for name in (name for name in names if name in mixture["sources"]):
        source = mixture["sources"][name]
        shares = (_share(each["sources"][name]["tokens"], each["tokens"]) for each in phases)
        table.add_row(
            name,
            f"{source['available_tokens']:,}",
            f"{source['tokens']:,}",
            f"{source['share']:.1%}",
            f"{source['epochs']:.2f}",
            *shares,
        )
    return table


def _packing(packing: dict[str, Any]) -> Table:
    """Of every strategy; * marks the one that the rows were made with."""
    from curate.tokenizer.packing.report import PackingFigures

    table = _table("packing", "strategy", "rows", "padding", "cut", "cut needlessly", "discarded")
    for split, plan in packing.items():
        for strategy, counts in plan["figures"].items():
            figures = PackingFigures(**counts)
            if figures.documents:
                percent = figures.percent()
                names = ("padding", "cut", "truncated", "discarded")
                table.add_row(
                    f"{split}, {plan['sequence_length']:,} tokens",
                    strategy + (" *" if strategy == plan["strategy"] else ""),
                    f"{figures.rows:,}",
                    *(f"{percent[name]:.3f} %" for name in names),
                )
    return table


def _facts(record: dict[str, Any]) -> list[str]:
    lines = [""]
    if record["totals"]["decisions"]:
        lines.append(f"{record['totals']['decisions']} documents were given up (decisions.jsonl)")
    if record["tokenizer"] is not None:
        lines.append(f"tokenizer  {record['tokenizer']['vocabulary_size']:,} tokens")
    weakest = record["determinism"]
    if weakest["weakest"] != "exact":
        lines.append(f"determinism: {weakest['weakest']} (stage '{weakest['stage']}')")
    lines.append(f"{record['seconds']:.1f} s")
    return lines
