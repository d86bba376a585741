"""`curate report`: write the report of a run again."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """Examples:

  curate report runs/web-en

  curate report runs/web-en --examples 50 --title 'Web, English'"""


def report(
    run: Annotated[str, typer.Argument(help="The run folder.", show_default=False)],
    examples: Annotated[int, typer.Option(min=0, max=100, help="Documents shown per rule.")] = 10,
    title: Annotated[str | None, typer.Option(help="Headline; the run's name by default.")] = None,
) -> None:
    """Write report/index.html of a run (also of one that stopped) from what its folder holds."""
    from curate.dashboards.report import write_report

    typer.echo(write_report(run, examples_per_rule=examples, title=title))
