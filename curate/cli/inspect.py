"""`curate inspect`: clusters of duplicates and repeated lines, to look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from curate.pipeline.inspect import Clusters, Pair, Rates

EPILOG = """Examples:

  curate inspect runs/web-en clusters            # of every deduplication stage

  curate inspect runs/web-en clusters --stage minhash_dedup --pairs 20

  curate inspect runs/web-en lines               # what line_dedup removed, by frequency"""

SHOWN_WORDS = 12
"""Of an equal stretch, at both of its ends."""


def inspect(
    run: Annotated[str, typer.Argument(help="The run folder.", show_default=False)],
    what: Annotated[
        Literal["clusters", "lines"], typer.Argument(help="clusters or lines", show_default=False)
    ],
    stage: Annotated[str | None, typer.Option(help="A stage; all by default.")] = None,
    largest: Annotated[int, typer.Option(min=0, help="Clusters, or lines, to list.")] = 10,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs to draw and compare.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the largest clusters, drawn pairs side by side, rates within and across sources.

    Or the lines, paragraphs and windows of sentences that most documents lost.
    """
    from curate.dashboards.visible_text import visible
    from curate.errors import DataError
    from curate.pipeline.inspect import find_clusters, repeated_lines
    from curate.pipeline.run_folder import RunFolder

    try:
        if what == "clusters":
            _print_clusters(find_clusters(RunFolder(run), stage, largest, pairs), as_json)
        else:
            _print_lines(repeated_lines(RunFolder(run), stage), largest, as_json)
    except DataError as error:
        raise DataError(visible(str(error))) from error


def _print_clusters(found: tuple[Clusters, ...], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in found], indent=2))
        return
    if not found:
        typer.echo("no stage of this run makes clusters")
    for each in found:
        _print_stage(each)


def _print_stage(found: Clusters) -> None:
    from rich.table import Table
    from rich.text import Text

    from curate.cli.console import make_console
    from curate.dashboards.visible_text import visible

    console = make_console()
    console.print(Text(visible(found.stage), style="bold"))
    table = Table(box=None, pad_edge=False)
    for title in ("source", "read", "copies", "within the source", "across sources"):
        table.add_column(title, justify="left" if title == "source" else "right")
    for rates in found.rates:
        table.add_row(*(Text(visible(cell)) for cell in _rate_cells(rates)))
    console.print(table)
    clusters = Table(box=None, pad_edge=False)
    for title in ("documents", "removed", "kept document"):
        clusters.add_column(title, justify="left" if title == "kept document" else "right")
    for cluster in found.largest:
        kept = Text(visible(cluster.kept or "–"), overflow="fold")
        clusters.add_row(f"{cluster.size:,}", f"{cluster.removed:,}", kept)
    if found.largest:
        console.print()
        console.print(clusters)
    for pair in found.pairs:
        console.print()
        console.print(_side_by_side(pair))
    console.print()


def _rate_cells(rates: Rates) -> list[str]:
    share = 1 / max(1, rates.read)
    across = ", ".join(f"{name} {number:,}" for name, number in rates.across.items())
    other = sum(rates.across.values())
    return [
        rates.source,
        f"{rates.read:,}",
        f"{rates.removed:,} ({rates.removed * share:.1%})",
        f"{rates.within:,} ({rates.within * share:.1%})",
        f"{other:,} ({other * share:.1%})" + (f": {across}" if across else ""),
    ]


def _side_by_side(pair: Pair) -> object:
    """A table of what is equal and what is not."""
    from rich.table import Table
    from rich.text import Text

    from curate.dashboards.report_data import number
    from curate.dashboards.visible_text import visible

    alike = "" if pair.similarity is None else f"  (similarity {number(pair.similarity)})"
    table = Table(box=None, pad_edge=False, show_lines=False, expand=False)
    table.add_column(Text(f"kept {visible(pair.kept)}", style="bold"), ratio=1, overflow="fold")
    title = Text(f"removed {visible(pair.removed)}{alike}", style="bold")
    table.add_column(title, ratio=1, overflow="fold")
    if pair.kept_text is None or pair.removed_text is None:
        missing = "the run did not keep this text (`removed: {text: all}` keeps it)"
        sides = (pair.kept_text, pair.removed_text)
        table.add_row(*(Text(missing if text is None else visible(_ends(text))) for text in sides))
        return table
    for what, kept, removed in pair.differences():
        same = what == "equal"
        style = "dim" if same else ""
        cells = [_ends(text) if same else text for text in (kept, removed)]
        marks = ("  ", "  ") if same else ("- ", "+ ")
        table.add_row(
            *(
                Text(mark * bool(cell) + visible(cell), style=style)
                for mark, cell in zip(marks, cells, strict=True)
            )
        )
    return table


def _ends(text: str) -> str:
    words = text.split()
    if len(words) <= 2 * SHOWN_WORDS + 2:
        return " ".join(words)
    left = len(words) - 2 * SHOWN_WORDS
    first, last = words[:SHOWN_WORDS], words[-SHOWN_WORDS:]
    return f"{' '.join(first)} … {left:,} words … {' '.join(last)}"


def _print_lines(found: dict[str, pa.Table], most: int, as_json: bool) -> None:
    from curate.dashboards.visible_text import visible

    shown = {name: table.slice(0, most).to_pylist() for name, table in found.items()}
    if as_json:
        typer.echo(json.dumps(shown, indent=2, default=str))
        return
    if not found:
        typer.echo("no stage of this run lists removed lines")
    for name, rows in shown.items():
        typer.echo(
            f"{visible(name)}: {found[name].num_rows:,} units listed, those of most documents:"
        )
        for row in rows:
            first, *others = row.values()
            said = "  ".join(visible(str(value)).replace("\n", "⏎") for value in others)
            typer.echo(f"{first:>12,}  {said}")
