"""`curate plan`: every step before it runs, what is cached, what changed it, what it will cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from curate.pipeline.estimate import Estimate
    from curate.pipeline.plan import Plan
    from curate.pipeline.spec.model import PipelineSpec

EPILOG = """Examples:

  curate plan pipeline.yaml

  curate plan pipeline.yaml --sample 0.01     # measure on 1 % of the input first"""


def plan(
    file: Annotated[str, typer.Argument(help="The pipeline file.", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value; may be repeated.")
    ] = None,
    sample: Annotated[
        float | None, typer.Option(min=0, max=1, help="Measure on this share of the input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the tree of steps with fingerprints, what is cached, and estimates of rows, bytes,
    memory and time. Writes nothing to the output folder.

    Estimates come from a glance at the first records, or from --sample, which runs everything on a
    share of the input.
    """
    from curate.pipeline.budget import input_bytes, worker_memory_bytes
    from curate.pipeline.engine import progress_of
    from curate.pipeline.estimate import glance, measure
    from curate.pipeline.executors.inline import InlineExecutor
    from curate.pipeline.plan import build_plan
    from curate.pipeline.spec import load

    spec = load(file, tuple(overrides or ()))
    built = build_plan(spec)
    estimate = measure(spec, built, sample) if sample else glance(spec, built)
    facts = {
        "name": spec.name,
        "output": spec.output,
        "input_bytes": input_bytes(spec),
        "worker_memory_bound_bytes": worker_memory_bytes(spec.engine),
        "steps": _steps(spec, built, progress_of(spec, built, InlineExecutor()), estimate),
        "estimate": {"from": "sample" if sample else "glance", **_totals(estimate)},
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _print(facts)


def _steps(
    spec: PipelineSpec, built: Plan, found: dict[str, tuple[int, int]], estimate: Estimate
) -> list[dict[str, Any]]:
    from curate.pipeline.plan import changed_keys

    before = _last_ingredients(spec.output)
    steps = []
    for label, step in built.steps.items():
        done, jobs = found.get(label, (0, 0))
        measured = estimate.steps.get(label)
        old = before.get(label)
        steps.append(
            {
                "step": label,
                "kind": step.kind,
                "fingerprint": step.fingerprint,
                "parents": list(step.parents),
                "does": _does(built, label),
                "cached": done,
                "jobs": jobs if label in found else None,
                "changed_by": [] if old is None else changed_keys(old, step.ingredients),
                "rows": None if measured is None else measured.rows,
                "text_bytes": None if measured is None else measured.text_bytes,
                "seconds": None if measured is None else round(measured.seconds, 1),
            }
        )
    return steps


def _does(built: Plan, label: str) -> list[str]:
    """Stage entries of a segment in order; phases of an exchange."""
    from curate.pipeline.exchanges.rows import describe_phases

    source, _, index = label.rpartition(".")
    if index == "settle":
        return describe_phases(next(e for e in built.exchanges() if e.name == source))
    if source not in built.chains or not index.isdigit():
        return []
    segment = built.chains[source][int(index) - 1]
    names = dict.fromkeys(operation.entry for operation in segment.operations)
    emits = [] if segment.exchange is None else [f"emit {segment.exchange.name}"]
    learns = [] if segment.learns is None else [f"learn {segment.learns.entry}"]
    return [*names, *emits, *learns]


def _last_ingredients(output: str) -> dict[str, Any]:
    from curate.storage.store import Store

    store = Store(output)
    if not store.exists("run.json"):
        return {}
    try:
        ingredients: dict[str, Any] = json.loads(store.read("run.json")).get("ingredients", {})
    except ValueError:  # damaged: the run writes it again
        return {}
    return ingredients


def _totals(estimate: Estimate) -> dict[str, Any]:
    return {
        "scale": round(estimate.scale, 2),
        "worker_peak_bytes": estimate.worker_peak_bytes,
        "kept_share": round(estimate.kept_share, 4),
        "output_bytes": estimate.output_bytes,
        "seconds_one_worker": round(sum(step.seconds for step in estimate.steps.values()), 1),
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from curate.cli.console import make_console

    console = make_console()
    sizes = ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in facts["input_bytes"].items())
    console.print(f"{facts['name']}  ▸ {facts['output']}\ninput: {sizes}", markup=False)
    measured = ("rows", "text", "time")
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("step", "fingerprint", "cached", *measured, "does / changed by"):
        justify: Literal["left", "right"] = "right" if heading in measured else "left"
        table.add_column(heading, overflow="fold", justify=justify)
    for step in facts["steps"]:
        cached = "not known yet" if step["jobs"] is None else f"{step['cached']}/{step['jobs']}"
        words = escape(" → ".join(step["does"]))
        if step["changed_by"]:
            words += f"  [bold]changed: {escape(', '.join(step['changed_by']))}[/]"
        name = escape(_indent(step))
        table.add_row(name, step["fingerprint"][:12], cached, *_measured(step), words)
    console.print(table)
    bound = facts["worker_memory_bound_bytes"] / 2**30
    console.print(f"memory per worker: at most {bound:.1f} GiB, whatever the corpus")
    console.print(_summary(facts["estimate"]), markup=False)


def _summary(estimate: dict[str, Any]) -> str:
    """The last lines: what the whole run costs and where that is known from."""
    peak = estimate["worker_peak_bytes"]
    told = (
        f"{estimate['seconds_one_worker']:,.0f} s with one worker, output "
        f"{estimate['output_bytes'] / 1e6:,.1f} MB, kept {estimate['kept_share']:.1%}"
    )
    if estimate["from"] == "sample":
        part = "all" if estimate["scale"] < 1.5 else f"1/{estimate['scale']:.0f}"
        return (
            f"estimated by running {part} of the input: {told}, worker peak {peak / 2**30:.2f} GiB"
        )
    return (
        f"estimated from a glance at 1/{estimate['scale']:,.0f} of the input: {told} before "
        "deduplication\n(--sample 0.01 runs everything on 1 % and knows more)"
    )


def _measured(step: dict[str, Any]) -> tuple[str, str, str]:
    """Rows, text and time, empty where the sample says nothing."""
    return (
        "" if not step["rows"] else f"{step['rows']:,}",
        "" if not step["text_bytes"] else f"{step['text_bytes'] / 1e6:,.1f} MB",
        "" if step["seconds"] is None else f"{step['seconds']:,.1f} s",
    )


def _indent(step: dict[str, Any]) -> str:
    depth = {
        "read": 0,
        "segment": 1,
        "settle": 2,
        "lookup": 2,
        "fit": 2,
        "documents": 1,
        "fates": 1,
        "tokenizer": 1,
    }.get(step["kind"], 2)
    return ("  " * depth) + ("└ " if depth else "") + str(step["step"])
