"""`curate stages`: the catalogue of stages and source formats."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

EPILOG = """Examples:

  curate stages                      # everything, one line each

  curate stages gopher_quality       # its keys with units, bounds, defaults and paper

  curate stages warc --json          # source formats are listed too"""


def stages(
    name: Annotated[
        str | None, typer.Argument(help="A stage or a source format.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List stages and source formats, or all about one of them."""
    from curate.pipeline.spec.describe import catalogue, describe

    facts = catalogue() if name is None else describe(name)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    elif isinstance(facts, list):
        _print_list(facts)
    else:
        _print_one(facts)


def _print_list(entries: list[dict[str, Any]]) -> None:
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        text = entry["problem"] or entry["summary"]
        typer.echo(f"{entry['name']:<{width}}  {entry['kind']:<9}  {text}")


def _print_one(facts: dict[str, Any]) -> None:
    made_for = ", ".join(facts["made_for"]) or "all kinds of source"
    typer.echo(f"{facts['name']}  ({facts['kind']}, version {facts['version']}, {facts['origin']})")
    typer.echo(f"{facts['summary']}\n")
    typer.echo(f"made for: {made_for}; results: {facts['determinism']}\n")
    for field in facts["fields"]:
        typer.echo(f"  {field['name']}: {_value(field)}")
        limits = [field["type"], field["unit"], field["bounds"]]
        typer.echo(f"      {'; '.join(each for each in limits if each)}")
        if field["description"]:
            typer.echo(f"      {field['description']}")
    typer.echo(f"\n{facts['about']}")


def _value(field: dict[str, Any]) -> str:
    return "required" if field["required"] else json.dumps(field["default"], ensure_ascii=False)
