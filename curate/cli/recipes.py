"""`curate recipes`: the published chains of stages that a pipeline file can name."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

EPILOG = """Examples:

  curate recipes               # all, one line each

  curate recipes fineweb       # the whole file: paper, stages, differences"""


def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List recipes, or print one. In a pipeline file: `stages: [{recipe: NAME}]`."""
    from curate.pipeline.spec.recipes import bundled_recipe, recipe_names

    if name is not None and not as_json:
        typer.echo(bundled_recipe(name).text, nl=False)
        return
    facts = [_facts(each) for each in ([name] if name is not None else recipe_names())]
    if as_json:
        typer.echo(json.dumps(facts if name is None else facts[0], indent=2, ensure_ascii=False))
        return
    width = max(len(entry["recipe"]) for entry in facts)
    for entry in facts:
        typer.echo(f"{entry['recipe']:<{width}}  {entry['about']}")


def _facts(name: str) -> dict[str, Any]:
    from curate.pipeline.spec.recipes import bundled_recipe, recipe_stages

    recipe = bundled_recipe(name)
    return {**recipe.head.model_dump(mode="json"), "stages": recipe_stages(recipe)}
