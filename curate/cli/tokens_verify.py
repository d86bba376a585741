"""`curate tokens verify`: every checksum, every offset, every id."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from curate.errors import DataError

EPILOG = """Examples:

  curate tokens verify runs/web-en

  curate tokens verify runs/web-en --json    # for scripts"""


def verify(
    run: Annotated[str, typer.Argument(help="The run folder, local.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read every byte of the token files and compare all that is said twice.

    Checksums, .idx and .bin, ids and vocabulary, documents.parquet, packing plans, tokenizer. Exit
    code 1 when anything differs.
    """
    from curate.dashboards.visible_text import visible
    from curate.pipeline.tokens.finished import TokenRun
    from curate.tokenizer.files.verify import verify_tokens

    place = TokenRun(run)
    found = verify_tokens(place.tokens, place.tokenizer_json())
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        for fault in found.faults:
            typer.echo(visible(fault))
        typer.echo(
            f"{found.files} files, {found.documents:,} documents, {found.tokens:,} tokens, "
            f"{found.rows:,} training rows: {len(found.faults)} "
            + ("fault" if len(found.faults) == 1 else "faults")
        )
    if found.faults:
        raise DataError("run the pipeline again: only what is damaged is made again")
