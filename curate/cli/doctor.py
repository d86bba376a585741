"""`curate doctor`: is this machine ready, and what helps if not."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.pipeline.health import Finding

EPILOG = """Examples:

  curate doctor

  curate doctor --folder /data/runs    # is there room where runs will be written?"""

_MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


def doctor(
    folder: Annotated[str, typer.Option(help="Where runs will be written.")] = ".",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Look at packages, compiled parts, models, Ray, memory and disk; say what to do about it.

    Exit code 1 when something would keep a run from working.
    """
    from curate.pipeline.health import examine

    findings = examine(folder)
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        report = {"ready": not failed, "findings": [asdict(finding) for finding in findings]}
        json.dump(report, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print_table(findings)
    raise typer.Exit(1 if failed else 0)


def _print_table(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "status", "found"):
        table.add_column(heading, overflow="fold")
    group = ""
    for finding in findings:
        found = escape(finding.found)
        if finding.remedy:
            found += f"\n[bold]→ {escape(finding.remedy)}[/]"
        shown = "" if finding.group == group else finding.group
        table.add_row(shown, escape(finding.name), _MARKS[finding.status], found)
        group = finding.group
    counts = Counter(finding.status for finding in findings)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n{counts['ok']} ok, {counts['warn']} to improve, {counts['fail']} failed")
