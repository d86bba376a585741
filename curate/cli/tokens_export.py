"""`curate tokens export`: token files in the layouts of other trainers."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

EPILOG = """Examples:

  curate tokens export runs/web-en --format datatrove -o exports/nanotron

  curate tokens export runs/web-en --format dolma -o exports/olmo

  curate tokens export runs/web-en --format huggingface -o exports/parquet

Megatron-Core reads tokens/ of the run as it is."""


def export(
    run: Annotated[str, typer.Argument(help="The run folder, local.", show_default=False)],
    wanted: Annotated[
        Literal["datatrove", "dolma", "raw", "huggingface"],
        typer.Option(
            "--format",
            help="datatrove: .ds (nanotron); dolma: .npy and .csv.gz (OLMo-core); raw: .bin and "
            "offsets (nanoGPT, torchtitan); huggingface: Parquet of input_ids.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="A new folder.", show_default=False)
    ],
) -> None:
    """Write the token files for another trainer; nothing is copied but for huggingface.

    The ids become hard links: changing such a file changes the run.
    """
    from curate.dashboards.visible_text import visible
    from curate.pipeline.tokens.finished import TokenRun
    from curate.tokenizer.files.export import export_tokens

    place = TokenRun(run)
    made = export_tokens(place.tokens, place.tokenizer_json(), wanted, output)
    how = ", ".join(
        text
        for number, text in (
            (made.linked, f"{made.linked} linked"),
            (made.copied, f"{made.copied} copied (another file system)"),
        )
        if number
    )
    typer.echo(
        visible(f"{output}: {made.files} files, {made.tokens:,} tokens{f' ({how})' if how else ''}")
    )
