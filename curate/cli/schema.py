"""`curate schema`: the JSON Schema of a pipeline file, for editors."""

from __future__ import annotations

import json

import typer

EPILOG = """Examples:

  curate schema > curate.schema.json

  # then, as the first line of a pipeline file (VS Code with the YAML extension, and others):

  # yaml-language-server: $schema=curate.schema.json"""


def schema() -> None:
    """Print the JSON Schema (2020-12) of the pipeline file, installed plug-ins included."""
    from curate.pipeline.spec.schema import pipeline_schema

    typer.echo(json.dumps(pipeline_schema(), indent=2, ensure_ascii=False))
