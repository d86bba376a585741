"""`curate mixture plan`: tokens, epochs and repeats per source, before anything runs."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from curate.tokenizer.mixture.change import MixtureChange
    from curate.tokenizer.mixture.config import MixtureConfig

EPILOG = """Examples:

  curate mixture plan pipeline.yaml                           # the file's mixture on its run

  curate mixture plan runs/web-en --weights web=0.7,books=0.3

  curate mixture plan runs/web-en --tokens books=500000000    # the others stay as they are"""


def plan(
    file_or_run: Annotated[
        str, typer.Argument(help="A pipeline file whose run has tokens, or a run folder.")
    ],
    weights: Annotated[
        str | None, typer.Option(help="Shares or parts per source: web=0.7,books=0.3.")
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Of the whole mixture, or per source: books=500000000.")
    ] = None,
    max_epochs: Annotated[
        float | None, typer.Option(help="How often a document may be seen.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a mixture makes of the tokens of a run: how many there are, how often they are seen,
    and which sources move beside what the run has. Reads and writes no document.

    Exit codes: 0 printed, 1 no tokens there, 2 a mixture that the tokens do not give.
    """
    from curate.tokenizer.mixture.change import change

    run, config = _run(file_or_run)
    counts, found = _known(run)
    config = _changed(
        config or _config((found or {}).get("mixture", {})), weights, tokens, max_epochs
    )
    facts = change(config, counts, found)
    if as_json:
        typer.echo(json.dumps(facts.as_json(), indent=2))
    else:
        _print(run, facts)


def _run(file_or_run: str) -> tuple[str, MixtureConfig | None]:
    """The run folder, and the mixture of the file."""
    from curate.pipeline.spec import load

    if not os.path.isfile(file_or_run):
        return file_or_run, None
    spec = load(file_or_run, check_inputs=False)
    return spec.output, spec.mixture or _config({})


def _known(run: str) -> tuple[dict[str, dict[str, int]], dict[str, Any] | None]:
    """Documents and tokens per source of the train split, and the run's plan."""
    from curate.errors import DataError
    from curate.pipeline.run_folder import RunFolder
    from curate.storage.store import Store

    counts = RunFolder(run).run().get("tokens")
    if not counts:
        raise DataError(
            f"{run}: there are no tokens yet; `curate run` makes them (the file needs `tokenizer:` "
            "and `pack:`)"
        )
    store, path = Store(run), "tokens/train/mixture.json"
    content = json.loads(store.read(path)) if store.exists(path) else None
    return counts["train"], content


def _config(fields: dict[str, Any]) -> MixtureConfig:
    from pydantic import ValidationError

    from curate.errors import SpecError
    from curate.tokenizer.mixture.config import MixtureConfig

    try:
        return MixtureConfig.model_validate(fields)
    except ValidationError as error:
        raise SpecError(
            "\n".join(
                ".".join(["mixture", *(str(part) for part in each["loc"])])
                + f": {each['msg'].removeprefix('Value error, ')}"
                for each in error.errors()
            )
        ) from error


def _changed(
    config: MixtureConfig, weights: str | None, tokens: str | None, max_epochs: float | None
) -> MixtureConfig:
    """The options in place of what the file or the run says."""
    fields = config.model_dump(mode="json")
    if weights is not None:
        fields |= {"weights": _pairs("--weights", weights), "schedule": None}
        if isinstance(fields["tokens"], dict):
            fields["tokens"] = None
    if tokens is not None:
        fields["tokens"] = _tokens(tokens)
        if isinstance(fields["tokens"], dict) and weights is None:
            fields |= {"weights": None, "schedule": None}
    if max_epochs is not None:
        fields["max_epochs"] = max_epochs
    return _config(fields)


def _tokens(text: str) -> int | dict[str, int]:
    if "=" in text:
        return {name: round(number) for name, number in _pairs("--tokens", text).items()}
    return round(_number("--tokens", text))


def _pairs(option: str, text: str) -> dict[str, float]:
    """`web=0.7,books=0.3`; whole numbers stay whole."""
    found: dict[str, float] = {}
    for pair in text.split(","):
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not name or not sign or name in found:
            raise typer.BadParameter(f"{option}: {pair!r} is no source=number (each source once)")
        found[name] = _number(option, value)
    return found


def _number(option: str, text: str) -> float:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is no number") from None
    if not math.isfinite(number):
        raise typer.BadParameter(f"{option}: {text!r} is not finite")
    return number


def _print(run: str, facts: MixtureChange) -> None:
    from rich.table import Table

    from curate.cli.console import make_console

    console = make_console()
    console.print(f"{run}: train split", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    headings = ("source", "available", "share", "tokens", "epochs", "seen", "in the run", "")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if 0 < number < 5 else "left")
    for each in facts.sources:
        now = each.before / each.available
        table.add_row(
            each.source,
            f"{each.available:,}",
            f"{each.share:.1%}",
            f"{round(each.tokens):,}",
            f"{float(each.epochs):.2f}",
            each.repeats,
            f"{each.before:,} ({now:.2f} epochs)",
            "moves" if each.moved else "stays",
        )
    console.print(table)
    console.print(f"together {facts.as_json()['tokens']:,} tokens", markup=False)
    for line in (*facts.notes, *(f"warning: {warning}" for warning in facts.warnings)):
        console.print(line, markup=False)
