"""`curate scaling`: what a corpus or a budget of computation is good for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from curate.tokenizer.mixture.scaling import Allocation

EPILOG = """Examples:

  curate scaling runs/web-en                  # models that the corpus of a run is enough for

  curate scaling --tokens 100B

  curate scaling --flops 1e21                 # model and tokens for a budget

  curate scaling runs/web-en --parameters 1B  # is the corpus enough, and how many epochs?

  curate scaling --table                      # the table of the Chinchilla paper"""

UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def scaling(
    run: Annotated[
        str | None, typer.Argument(help="A run folder with tokens.", show_default=False)
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Different tokens of the corpus: 2e9, 100B, 1.4T.")
    ] = None,
    flops: Annotated[str | None, typer.Option(help="Budget of training: 1e21.")] = None,
    parameters: Annotated[str | None, typer.Option(help="Size of the model: 400M, 7B.")] = None,
    table: Annotated[
        bool, typer.Option("--table", help="The Chinchilla paper's table, beside our numbers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Scaling laws: from a corpus, a budget or a model size to the other two.

    Kaplan et al. 2020, Hoffmann et al. 2022 (Chinchilla), its refit by Besiroglu et al. 2024, and
    Muennighoff et al. 2023 for tokens that are seen again. Laws count parameters differently; the
    table says how.
    """
    from curate.cli.console import make_console

    unique = _corpus(run, tokens)
    budget, size = _number("--flops", flops), _number("--parameters", parameters)
    if budget is not None and size is not None:
        raise typer.BadParameter("give --flops or --parameters, not both")
    if not table and unique is None and budget is None and size is None:
        raise typer.BadParameter("give a run folder, --tokens, --flops, --parameters or --table")
    facts = _table() if table else _answer(unique, budget, size)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    elif table:
        _print_table(make_console(), facts)
    else:
        _print(make_console(), facts)


def _corpus(run: str | None, tokens: str | None) -> float | None:
    """Different tokens of the train split."""
    from curate.errors import DataError
    from curate.pipeline.run_folder import RunFolder

    if run is None:
        return _number("--tokens", tokens)
    if tokens is not None:
        raise typer.BadParameter("give a run folder or --tokens, not both")
    counted = RunFolder(run).run().get("tokens")
    if not counted:
        raise DataError(
            f"{run}: this run has no tokens; add `tokenizer:` and `pack:` to its file, or give "
            "--tokens"
        )
    found = sum(source["tokens"] for source in counted["train"].values())
    if not found:
        raise DataError(f"{run}: the train split is empty")
    return float(found)


def _number(option: str, text: str | None) -> float | None:
    """`2e9`, `2_000_000`, `400M`, `1.4T`."""
    if text is None:
        return None
    plain = text.strip().lower().replace("_", "").replace(",", "")
    unit = UNITS.get(plain[-1:])
    try:
        value = float(plain if unit is None else plain[:-1]) * (unit or 1.0)
    except ValueError:
        value = 0.0
    if not 1 <= value < 1e40:
        raise typer.BadParameter(f"{option}: {text!r} is no number such as 2e9, 400M or 1.4T")
    return value


def _answer(unique: float | None, budget: float | None, size: float | None) -> dict[str, Any]:
    """What each law says, and what repeating the corpus makes of it."""
    from curate.tokenizer.mixture.scaling import LAWS, best_with_repetition, effective_tokens

    rows = []
    for law in LAWS:
        if budget is not None:
            found = law.for_flops(budget)
        elif size is not None:
            found = law.for_parameters(size)
        else:
            assert unique is not None
            found = law.for_tokens(unique)
        rows.append(
            {
                "law": law.name,
                "source": law.source,
                "counts": law.counts,
                **_fields(found),
                "epochs": None if unique is None else found.tokens / unique,
            }
        )
    wanted = "flops" if budget is not None else "parameters" if size is not None else "tokens"
    facts: dict[str, Any] = {"corpus_tokens": unique, "wanted": wanted}
    facts |= {"laws": rows, "repeated": None}
    if unique is not None and budget is not None:
        best = best_with_repetition(budget, unique)
        facts["repeated"] = {
            **_fields(best),
            "epochs": best.tokens / unique,
            "worth_tokens": effective_tokens(unique, best.tokens),
        }
    if unique is not None:
        facts["worth"] = {
            str(epochs): effective_tokens(unique, epochs * unique) for epochs in (1, 2, 4, 16, 40)
        }
    return facts


def _fields(found: Allocation) -> dict[str, float]:
    return {
        "parameters": found.parameters,
        "tokens": found.tokens,
        "flops": found.flops,
        "tokens_per_parameter": found.tokens / found.parameters,
    }


def _table() -> dict[str, Any]:
    from curate.tokenizer.mixture.scaling import CHINCHILLA, CHINCHILLA_TABLE

    rows = []
    for parameters, flops, tokens in CHINCHILLA_TABLE:
        found = CHINCHILLA.for_parameters(parameters)
        rows.append({"printed_flops": flops, "printed_tokens": tokens, **_fields(found)})
    return {"law": CHINCHILLA.source, "counts": CHINCHILLA.counts, "rows": rows}


def short(number: float) -> str:
    """`1.4T`, `400M`; three digits."""
    for letter in "TBMk":
        unit = UNITS[letter.lower()]
        if number >= unit * 0.9995:
            return f"{number / unit:.3g}{letter}" if number < 1000 * unit else f"{number:.2e}"
    return f"{number:.0f}" if number >= 1 else "< 1"


def _print_table(console: Console, facts: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("parameters", "FLOPs", "tokens", "printed FLOPs", "printed tokens"):
        table.add_column(heading, justify="right")
    for row in facts["rows"]:
        table.add_row(
            short(row["parameters"]),
            f"{row['flops']:.2e}",
            short(row["tokens"]),
            f"{row['printed_flops']:.2e}",
            short(row["printed_tokens"]),
        )
    console.print(f"{facts['law']}; {facts['counts']}", markup=False)
    console.print(table)


def _print(console: Console, facts: dict[str, Any]) -> None:
    from rich.table import Table

    unique = facts["corpus_tokens"]
    if unique is not None:
        console.print(f"corpus: {short(unique)} different tokens (train split)", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    headings = ("law", "model", "tokens", "FLOPs", "tokens/parameter")
    for number, heading in enumerate((*headings, *(() if unique is None else ("epochs",)))):
        table.add_column(heading, justify="right" if number else "left")
    table.add_column("parameters are counted as")
    for row in facts["laws"]:
        cells = [row["law"], short(row["parameters"]), short(row["tokens"])]
        cells += [f"{row['flops']:.2e}", f"{row['tokens_per_parameter']:.3g}"]
        if unique is not None:
            cells.append(f"{row['epochs']:.2f}")
        table.add_row(*cells, f"{row['counts']} ({row['source']})")
    console.print(table)
    for line in _verdict(facts):
        console.print(line, markup=False)


def _verdict(facts: dict[str, Any]) -> list[str]:
    """Whether the corpus is enough, and what seeing it again is worth."""
    unique = facts["corpus_tokens"]
    if unique is None:
        return []
    lines = []
    refit = next(row for row in facts["laws"] if row["law"] == "refit")
    if facts["wanted"] == "tokens":
        lines.append("each law's model is the one for which this corpus is the best amount")
    elif refit["epochs"] > 1:
        wanted = short(refit["tokens"])
        enough = "up to 4 epochs cost little" if refit["epochs"] <= 4 else "more than 4 epochs"
        lines.append(
            f"the corpus does not suffice: {wanted} tokens are wanted, "
            f"{refit['epochs']:.1f} epochs ({enough})"
        )
    else:
        lines.append("the corpus suffices (refit)")
    worth = facts["worth"]
    shown = ", ".join(f"{epochs} epochs ≈ {short(worth[epochs])}" for epochs in ("2", "4", "16"))
    lines.append(f"seen again it is worth, in new tokens: {shown} (Muennighoff et al. 2023)")
    best = facts["repeated"]
    if best is not None:
        lines.append(
            f"best for this budget and corpus: {short(best['parameters'])} parameters, "
            f"{short(best['tokens'])} tokens, {best['epochs']:.2f} epochs"
        )
    return lines
