"""`curate tokens show`: what stands behind one training sample."""

from __future__ import annotations

import json
from typing import Annotated

import typer

EPILOG = """Examples:

  curate tokens show runs/web-en --sample 0

  curate tokens show runs/web-en --sample 123456 --excerpt 200     # the step that spiked

  curate tokens show runs/web-en --sample 7 --split validation --json"""


def show(
    run: Annotated[str, typer.Argument(help="The run folder, local.", show_default=False)],
    sample: Annotated[
        int, typer.Option(min=0, help="Number of the sample, from 0; epochs follow each other.")
    ],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**64 - 1, help="Of the sample order; the run's own by default."),
    ] = None,
    excerpt: Annotated[
        int | None, typer.Option(min=0, help="Characters per document; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the text, the documents and their sources behind a training sample."""
    from curate.dashboards.visible_text import visible
    from curate.errors import DataError
    from curate.pipeline.tokens.finished import show_sample

    try:
        found = show_sample(run, split, sample, seed)
    except DataError as error:
        raise DataError(visible(str(error))) from error
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    typer.echo(
        f"sample {found.sample:,}  =  row {found.row:,} of {found.rows:,}, epoch {found.epoch} "
        f"({split}, {found.strategy}): {found.tokens:,} tokens, {found.predicted:,} predicted, "
        f"{found.padding:,} padding"
    )
    for piece in found.pieces:
        end = piece.start + piece.length
        part = (
            "whole"
            if piece.length == piece.document_tokens
            else f"tokens {piece.start:,} to {end:,} of"
        )
        typer.echo(
            visible(
                f"\n── {piece.document_id}  ({piece.source}; {part} {piece.document_tokens:,} "
                f"tokens; {piece.shard} row {piece.row:,})"
            )
        )
        text = piece.text if excerpt is None else piece.text[:excerpt]
        typer.echo(visible(text) + ("" if len(text) == len(piece.text) else " …"))
