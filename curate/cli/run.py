"""`curate run`: the main job."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from curate.errors import Interrupted

if TYPE_CHECKING:
    from curate.pipeline.executors.base import Executor
    from curate.pipeline.spec.model import PipelineSpec

EPILOG = """Examples:

  curate run pipeline.yaml

  curate run pipeline.yaml --set sources.web.limit=1000 --set output=runs/try

  curate run pipeline.yaml --address auto          # join a running Ray cluster

  ray job submit --working-dir . -- curate run pipeline.yaml"""


def run(
    file: Annotated[str, typer.Argument(help="The pipeline file.", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value; may be repeated.")
    ] = None,
    executor: Annotated[
        Literal["ray", "inline"], typer.Option(help="inline: one child process, no Ray.")
    ] = "ray",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to join (auto, host:port, ray://…).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Jobs at the same time; all CPUs by default.")
    ] = None,
    decisions: Annotated[
        str | None, typer.Option(help="decisions.jsonl of another run to replay.")
    ] = None,
    report: Annotated[bool, typer.Option(help="Write report/index.html at the end.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print run.json to standard output at the end.")
    ] = False,
) -> None:
    """Run a pipeline to the end. The same command continues an interrupted run.

    Exit codes: 0 done, 1 failed, 2 bad configuration, 3 stopped by a guard rail, 130 interrupted.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        asked = tuple(overrides or ())
        _run(file, asked, executor, address, workers, decisions, report, as_json)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command continues where it stopped") from None


def _run(
    file: str,
    overrides: tuple[str, ...],
    executor: Literal["ray", "inline"],
    address: str | None,
    workers: int | None,
    decisions: str | None,
    report: bool,
    as_json: bool,
) -> None:
    from curate.cli.console import make_console
    from curate.cli.progress import Progress
    from curate.cli.summary import print_summary
    from curate.pipeline.engine import Run
    from curate.pipeline.spec import load

    console = make_console(stderr=as_json)
    spec = load(file, overrides)
    with ExitStack() as stack:
        chosen, where = _executor(stack, executor, address, workers)
        header = f"{spec.name}  ▸ {spec.output}  seed {spec.seed}  {where}"
        progress = stack.enter_context(Progress(console, header))
        record = Run(spec, chosen, (progress,), replay=decisions).execute().record
    if report:
        _report(spec)
    if as_json:
        json.dump(record, sys.stdout, indent=2)
        sys.stdout.write("\n")
    print_summary(console, spec.output, record, report)


def _interrupt(number: int, frame: Any) -> None:
    """SIGTERM stops like Ctrl-C: cleanly, to be continued."""
    raise KeyboardInterrupt


def _executor(
    stack: ExitStack, kind: Literal["ray", "inline"], address: str | None, workers: int | None
) -> tuple[Executor, str]:
    if kind == "inline":
        from curate.pipeline.executors.inline import InlineExecutor

        return InlineExecutor(), "inline"
    from curate.cli.ray_session import ray_session

    where = stack.enter_context(ray_session(address, workers))
    from curate.pipeline.executors.ray import RayExecutor

    return RayExecutor(workers), where


def _report(spec: PipelineSpec) -> None:
    from curate.dashboards.report import write_report

    write_report(spec.output, examples_per_rule=spec.report.examples, title=spec.report.title)


__all__ = ["EPILOG", "run"]
