"""`curate check`: every error of a pipeline file at once, before anything is created."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from curate.pipeline.spec.model import PipelineSpec
    from curate.pipeline.spec.problems import PipelineFileError

EPILOG = """Examples:

  curate check pipeline.yaml

  curate check pipeline.yaml --set sources.web.limit=1000 --set output=runs/try

  curate check pipeline.yaml --json"""


def check(
    file: Annotated[str, typer.Argument(help="The pipeline file.", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a pipeline file, its input paths and its output folder. Nothing is created.

    Exit codes: 0 the file is good (warnings possible), 2 it has errors.
    """
    from curate.pipeline.exchanges.index import load_indexes
    from curate.pipeline.spec import load
    from curate.pipeline.spec.problems import PipelineFileError
    from curate.pipeline.spec.warnings import warnings

    try:
        spec = load(file, tuple(overrides or ()))
    except PipelineFileError as error:
        if not as_json:
            raise
        typer.echo(json.dumps(_errors(error), indent=2, ensure_ascii=False))
        raise typer.Exit(error.exit_code) from error
    load_indexes(spec)
    found = warnings(spec)
    if as_json:
        summary = {"ok": True, "errors": [], "warnings": list(found), **_summary(spec)}
        typer.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    for warning in found:
        typer.echo(warning, err=True)
    _print(spec)


def _errors(error: PipelineFileError) -> dict[str, Any]:
    errors = [
        {
            "file": error.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "override": problem.place.origin,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in error.problems
    ]
    return {"ok": False, "errors": errors, "warnings": []}


def _summary(spec: PipelineSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "output": spec.output,
        "sources": {
            name: {"format": source.format, "files": len(spec.input_files[name])}
            for name, source in spec.sources.items()
        },
        "stages": [
            {"name": entry.name, "kind": entry.stage.name, "needs": list(entry.needs)}
            for entry in spec.stages
        ],
        "tokenizer": None if spec.tokenizer is None else spec.tokenizer.model,
        "pack": spec.pack is not None,
    }


def _print(spec: PipelineSpec) -> None:
    summary = _summary(spec)
    typer.echo(f"{spec.path}: ok")
    for name, facts in summary["sources"].items():
        noun = "file" if facts["files"] == 1 else "files"
        typer.echo(f"  source     {name} ({facts['format']}, {facts['files']:,} {noun})")
    names = " → ".join(entry["name"] for entry in summary["stages"])
    typer.echo(f"  stages     {names or 'none'}")
    if spec.tokenizer is not None:
        typer.echo(f"  tokenizer  {spec.tokenizer.model}, {spec.tokenizer.vocab_size:,} tokens")
    typer.echo(f"  output     {spec.output}")
