"""`curate init`: a commented pipeline file to start from."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Literal

import typer

from curate.errors import SpecError

EPILOG = """Examples:

  curate init                              # quickstart, into pipeline.yaml

  curate init crawl --output web.yaml      # WARC files

  curate init jsonl --output -             # to standard output"""

Template = Literal["quickstart", "crawl", "jsonl"]


def init(
    template: Annotated[
        Template, typer.Argument(help="quickstart: text on this machine; crawl: WARC; jsonl.")
    ] = "quickstart",
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file to write; - prints it.")
    ] = "pipeline.yaml",
) -> None:
    """Write a commented pipeline file. An existing file is never overwritten."""
    text = resources.files("curate.cli").joinpath(f"templates/{template}.yaml").read_bytes()
    if output == "-":
        typer.echo(text.decode(), nl=False)
        return
    try:
        with open(output, "xb") as file:
            file.write(text)
    except FileExistsError as error:
        raise SpecError(
            f"{output} exists and is not overwritten; choose another name with --output"
        ) from error
    except OSError as error:
        raise SpecError(f"{output}: cannot be written: {error.strerror}") from error
    typer.echo(f"wrote {output}; next: curate check {output}, then curate run {output}")
