"""`curate status`: how far a run is, and what to do next."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.pipeline.status import RunStatus, StepStatus

EPILOG = """Examples:

  curate status runs/web-en

  watch -n 10 curate status runs/web-en    # from another terminal, while it runs"""

_BAR_CELLS = 24
_TROUBLE_SHOWN = 5


def status(
    run: Annotated[str, typer.Argument(help="The run folder.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how far a run is: status, steps, counts, rates, heartbeat, the last error, what to do
    next.
    """
    from curate.pipeline.run_folder import RunFolder
    from curate.pipeline.status import run_status

    found = run_status(RunFolder(run))
    if as_json:
        json.dump(found.as_json(), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        typer.echo("\n".join(_lines(run, found)))


def _lines(run: str, found: RunStatus) -> list[str]:
    from curate.dashboards.report import duration
    from curate.dashboards.visible_text import visible

    lines = [f"{visible(found.name)}  ▸ {run}  {found.status}  {duration(found.seconds)}"]
    if found.heartbeat_age_s is not None and found.lease is not None:
        who = f"host {found.lease.get('host')}, process {found.lease.get('pid')}"
        lines.append(f"  driver: {who}, heartbeat {found.heartbeat_age_s:.0f} s ago")
    width = max((len(step.step) for step in found.steps if step.total), default=0)
    lines += [_step(step, width) for step in found.steps if step.total]
    totals = found.totals
    if totals["read"]:
        parts = [
            f"{name} {totals[name]:,} ({totals[name] / totals['read']:.1%})"
            for name in ("kept", "removed", "quarantined")
        ]
        lines.append(f"  read {totals['read']:,} documents: {', '.join(parts)}")
    for event in found.trouble[-_TROUBLE_SHOWN:]:
        details = ", ".join(
            f"{key} {value}" for key, value in event.items() if key not in ("event", "time")
        )
        lines.append(visible(f"  {event['event'].replace('_', ' ')}: {details}"))
    lines += [visible(f"  warning: {warning}") for warning in found.warnings]
    if found.error is not None:
        lines.append(visible(f"  {found.error['type']}: {found.error['message']}"))
    return [*lines, f"  next: {found.next}"]


def _step(step: StepStatus, width: int) -> str:
    """One line: bar, jobs, rate, share kept, time to the end."""
    filled = round(_BAR_CELLS * step.done / step.total)
    parts = [
        f"  {step.step:{width}}  {'█' * filled}{'░' * (_BAR_CELLS - filled)}",
        f"{step.done:,}/{step.total:,} shards",
    ]
    if step.jobs > 1 and not step.finished:
        parts.append(f"{step.bytes_per_second() / 1e6:,.1f} MB/s")
        parts.append(f"{step.rows_per_second():,.0f} rows/s")
    if step.rows:
        parts.append(f"kept {step.kept / step.rows:.1%}")
    eta = step.eta_seconds()
    if eta is not None:
        parts.append(f"ETA {int(eta) // 60:02d}:{int(eta) % 60:02d}")
    return "  ".join(parts)
