"""`curate verify` and `curate gc`: read every byte of a run; free what it does not need."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from curate.errors import DataError

EPILOG = """Examples:

  curate verify runs/web-en

  curate verify runs/web-en --json    # for scripts"""


def verify(
    run: Annotated[str, typer.Argument(help="The run folder.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read every published file of a run and compare it with its recorded checksum. Exit code 1
    when one differs.
    """
    from curate.pipeline.publish import verify_published
    from curate.storage.store import Store

    checked, damaged = verify_published(Store(run))
    if as_json:
        typer.echo(json.dumps({"files": checked, "damaged": damaged}, indent=2))
    else:
        for line in damaged:
            typer.echo(line)
        typer.echo(f"{checked} files, {len(damaged)} damaged")
    if damaged:
        raise DataError("run the pipeline again: only what is damaged is made again")


GC_EPILOG = """Examples:

  curate gc pipeline.yaml    # frees what changed settings left behind

  curate gc pipeline.yaml --keep none    # all of them; a change then starts from the input"""


def gc(
    file: Annotated[str, typer.Argument(help="The pipeline file.", show_default=False)],
    keep: Annotated[
        Literal["extracted", "all", "none"],
        typer.Option(help="Intermediates of this plan to keep."),
    ] = "extracted",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value; may be repeated.")
    ] = None,
) -> None:
    """Delete intermediates below `steps/` that the pipeline file's plan does not need."""
    from curate.pipeline.gc import collect_garbage
    from curate.pipeline.lease import Lease
    from curate.pipeline.plan import build_plan
    from curate.pipeline.spec import load
    from curate.storage.store import Store

    spec = load(file, tuple(overrides or ()))
    store = Store(spec.output)
    lease = Lease(store)
    lease.acquire()
    try:
        freed = collect_garbage(store, keep, build_plan(spec), lambda name: None)
    finally:
        lease.release()
    typer.echo(f"{freed.files:,} files deleted, {freed.size_bytes / 1e6:,.1f} MB freed")
