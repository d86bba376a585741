"""`curate mixture`: commands on what a model sees of each source."""

from __future__ import annotations

import typer

from curate.cli.mixture_plan import EPILOG as PLAN_EPILOG
from curate.cli.mixture_plan import plan

mixture = typer.Typer(help="What a model sees of each source, and how often.", no_args_is_help=True)
mixture.command("plan", epilog=PLAN_EPILOG)(plan)


@mixture.callback()
def options() -> None:
    """What a model sees of each source, and how often."""
