"""`curate tokenizer eval`: how well a tokenizer fits texts, beside published ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

EPILOG = """Examples:

  curate tokenizer eval runs/web-en --parallel flores200.jsonl.gz

  curate tokenizer eval tokenizer.json --texts web.jsonl.gz --texts books.parquet

  curate tokenizer eval runs/web-en --against gpt2.json --against cl100k_base.tiktoken.gz"""

SHOWN_LANGUAGES = 12
SHOWN_TOKENS = 12


def evaluate(
    tokenizer: Annotated[
        str,
        typer.Argument(
            help="A run folder, a tokenizer.json, a .tiktoken file, or a folder with a "
            "tokenizer.json.",
            show_default=False,
        ),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Option(
            help="Texts to measure on (.parquet, .jsonl, .txt, also .gz); held-out documents of "
            "the run by default. Repeatable.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Another tokenizer to put beside it. Repeatable.", show_default=False),
    ] = None,
    parallel: Annotated[
        str | None,
        typer.Option(
            help="Lines in many languages: JSON lines with language, line, text (FLORES-200).",
            show_default=False,
        ),
    ] = None,
    megabytes: Annotated[
        int, typer.Option(min=1, max=4096, help="Text read per source or file, MB.")
    ] = 16,
    parallel_lines: Annotated[
        int, typer.Option(min=1, help="Lines of the parallel text that are used.")
    ] = 200,
    rare_below: Annotated[
        int, typer.Option(min=1, help="Occurrences below which a token is hardly seen.")
    ] = 10,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for tokenizer.html and tokenizer.json; report/ of a run by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure compression, fairness between languages, and tokens a model would hardly learn."""
    from curate.cli.console import make_console
    from curate.dashboards.tokenizer_page import write_page
    from curate.errors import SpecError
    from curate.pipeline.tokens.texts import TokenizerRun, is_run
    from curate.tokenizer.evaluation.compare import compare
    from curate.tokenizer.evaluation.parallel_text import read_parallel
    from curate.tokenizer.evaluation.text_files import read_texts
    from curate.tokenizer.formats.published import read_tokenizer

    run = TokenizerRun(tokenizer) if is_run(tokenizer) else None
    first = read_tokenizer(tokenizer) if run is None else run.tokenizer()
    if run is None and not texts and parallel is None:
        raise SpecError(
            "there is nothing to measure on: give --texts, --parallel, or a run folder instead of "
            "a tokenizer"
        )
    measured_on, tables = "the texts given", read_texts(texts or [], megabytes * 10**6)
    if run is not None and not texts:
        measured_on, tables = run.texts(megabytes * 10**6)
    found = compare(
        [first, *(read_tokenizer(place) for place in against or [])],
        tables,
        measured_on,
        None if parallel is None else read_parallel(parallel, parallel_lines),
        rare_below,
        None if run is None else run.seen(),
    )
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=True))
    else:
        print_comparison(make_console(), found)
    if run is not None and output is None:
        output = f"{run.folder.url}/report"
    if output is not None:
        place = write_page(output, found)
        typer.echo(f"report     {place}", err=as_json)


def print_comparison(console: Console, found: dict[str, Any]) -> None:
    """Tables: all tokenizers, sources, languages, and tokens of the first."""
    rows = found["tokenizers"]
    console.print(
        f"{found['documents']:,} documents, {found['text_bytes'] / 1e6:,.1f} MB: "
        f"{found['measured_on']}",
        markup=False,
    )
    console.print(_overview(rows))
    for key, title in (("sources", "bytes per token"), ("languages", "bytes per token")):
        table = _by_group(rows, key, title)
        if table is not None:
            console.print(table)
    if rows[0]["parallel"] is not None:
        console.print(_premiums(rows))
    _print_tokens(console, rows[0])


def _table(*headings: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    from curate.dashboards.visible_text import visible

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for number, heading in enumerate(headings):
        table.add_column(
            Text(visible(heading)), justify="left" if number == 0 else "right", overflow="fold"
        )
    return table


def _row(table: Table, *cells: str) -> None:
    from rich.text import Text

    from curate.dashboards.visible_text import visible

    table.add_row(*(Text(visible(cell)) for cell in cells))


def number(value: float | None, digits: int = 2) -> str:
    """A number for a cell; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def _overview(rows: list[dict[str, Any]]) -> Table:
    table = _table("", *(row["name"] for row in rows))
    lines: list[tuple[str, list[str]]] = [
        ("model", [row["model"] for row in rows]),
        ("vocabulary", [f"{row['vocabulary']['size']:,}" for row in rows]),
    ]
    texts = [row["texts"] for row in rows]
    if texts[0] is not None:
        totals = [text["total"] for text in texts]
        lines += [
            ("bytes per token", [number(each["bytes_per_token"]) for each in totals]),
            ("tokens per word", [number(each["tokens_per_word"]) for each in totals]),
            ("unknown tokens in the texts", [f"{row['unknown_tokens']:,}" for row in rows]),
            ("Rényi efficiency", [number(text["renyi_efficiency"], 3) for text in texts]),
            (
                "vocabulary used",
                [f"{t['vocabulary_used'] / max(1, t['vocabulary_size']):.1%}" for t in texts],
            ),
        ]
    if rows[0]["seen"] is not None:
        seen = [row["seen"] for row in rows]
        below = seen[0]["rare_below"]
        lines += [
            (f"never seen in {seen[0]['measured_on']}", _counts(seen, "never")),
            (f"seen below {below} times there", _counts(seen, "rare")),
            ("> 90 % from one site or source", [_count(row["dominated"]) for row in rows]),
        ]
    facts = [row["vocabulary"] for row in rows]
    lines += [
        ("unreachable", [_count(fact["unreachable"]) for fact in facts]),
        ("partial UTF-8", [_count(fact["partial_utf8"]) for fact in facts]),
        (
            "tokens of a 4-digit number",
            [number(f["numbers"]["by_digits"]["4"]["tokens"]) for f in facts],
        ),
        ("bytes per token, code", [number(f["code"]["bytes_per_token"]) for f in facts]),
        ("tokens of 8 blanks", [str(f["code"]["indentation"]["8"]) for f in facts]),
    ]
    if rows[0]["parallel"] is not None:
        parallel = [row["parallel"] for row in rows]
        lines += [
            ("languages with unknown tokens", [str(each["with_unknown"]) for each in parallel]),
            ("Gini over languages", [number(each["gini"], 3) for each in parallel]),
            ("median premium over English", [number(p["median_premium"]) for p in parallel]),
        ]
    for heading, cells in lines:
        _row(table, heading, *cells)
    return table


def _counts(seen: list[dict[str, Any]], key: str) -> list[str]:
    """Of those that were counted where the first one was."""
    where = seen[0]["measured_on"]
    return [_count(each[key]) if each["measured_on"] == where else "–" for each in seen]


def _count(found: dict[str, Any]) -> str:
    return f"{found['count']:,}"


def _by_group(rows: list[dict[str, Any]], key: str, title: str) -> Table | None:
    if rows[0]["texts"] is None or not rows[0]["texts"][key]:
        return None
    groups = rows[0]["texts"][key]
    largest = sorted(groups, key=lambda name: (-groups[name]["text_bytes"], name))
    table = _table(f"{title}, by {key[:-1]}", "MB", *(row["name"] for row in rows))
    for name in largest[:SHOWN_LANGUAGES]:
        cells = [number(row["texts"][key][name]["bytes_per_token"]) for row in rows]
        _row(table, name, number(groups[name]["text_bytes"] / 1e6, 1), *cells)
    return table


def _premiums(rows: list[dict[str, Any]]) -> Table:
    languages = rows[0]["parallel"]["languages"]
    ordered = sorted(languages, key=lambda name: (languages[name]["premium"] or 0, name))
    ends = ordered
    if len(ordered) > SHOWN_LANGUAGES:
        half = SHOWN_LANGUAGES // 2
        ends = [*ordered[:half], *ordered[-half:]]
    table = _table("premium over English", *(row["name"] for row in rows))
    for name in ends:
        cells = [number(row["parallel"]["languages"][name]["premium"]) for row in rows]
        _row(table, name, *cells)
    return table


def _print_tokens(console: Console, row: dict[str, Any]) -> None:
    from curate.dashboards.visible_text import visible

    lists = {
        "longest": row["vocabulary"]["longest"],
        "unreachable": row["vocabulary"]["unreachable"]["tokens"],
        "from one site or source": row["dominated"]["tokens"],
        "never seen": row["seen"]["never"]["tokens"] if row["seen"] else [],
        "hardly seen": row["seen"]["rare"]["tokens"] if row["seen"] else [],
    }
    for name, tokens in lists.items():
        if tokens:
            shown = "  ".join(
                json.dumps(t["token"], ensure_ascii=False) for t in tokens[:SHOWN_TOKENS]
            )
            console.print(f"{name}: {visible(shown)}", markup=False)
