"""`curate tokenizer extend`: new tokens for an existing tokenizer, whose ids stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.pipeline.tokens.extension import Extension

EPILOG = """Examples:

  curate tokenizer extend gpt2.json --texts korean.jsonl.gz --add 8000 -o gpt2-ko

  curate tokenizer extend runs/web-en --texts runs/web-ko --old-texts runs/web-en --add 8000 -o ko

  curate tokenizer extend llama/ --texts 'law/*.parquet' --add 4000 --min-frequency 50 -o law"""


def extend(
    base: Annotated[
        str,
        typer.Argument(
            help="A BPE tokenizer.json, a folder with one, or a run folder.", show_default=False
        ),
    ],
    texts: Annotated[
        list[str],
        typer.Option(
            help="Texts of the new language or domain: .parquet, .jsonl, .txt (also compressed, "
            "globs), or a run folder. Repeatable.",
            show_default=False,
        ),
    ],
    add: Annotated[int, typer.Option(min=1, help="Tokens to add, at most.", show_default=False)],
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="Folder of the new tokenizer.", show_default=False),
    ],
    old_texts: Annotated[
        list[str] | None,
        typer.Option(
            help="Texts the base was made for, to see that nothing is lost there. Repeatable.",
            show_default=False,
        ),
    ] = None,
    min_frequency: Annotated[
        int, typer.Option(min=1, help="Fewest occurrences of a pair, or a new character.")
    ] = 2,
    character_coverage: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of the texts' characters that get a token, where the base is not on bytes.",
        ),
    ] = 0.9995,
    max_token_bytes: Annotated[
        int, typer.Option(min=2, max=1024, help="Longest new token, bytes.")
    ] = 64,
    megabytes: Annotated[
        int, typer.Option(min=1, max=16_384, help="Text read per place, MB.")
    ] = 256,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add tokens for a new language or domain; the ids of the old tokens stay.

    New merges come after all old ones. Prints bytes per token before and after, on texts that were
    held out of the training (5 %).
    """
    from curate.pipeline.tokens.extension import extend as run
    from curate.tokenizer.training.extend import ExtendSettings

    found = run(
        base,
        texts,
        old_texts or [],
        ExtendSettings(add, min_frequency, max_token_bytes, character_coverage),
        megabytes * 10**6,
        output,
    )
    if as_json:
        typer.echo(json.dumps(found.report(), indent=2, sort_keys=True))
    else:
        _print(found, output)


def _print(found: Extension, output: str) -> None:
    from rich.table import Table

    from curate.cli.console import make_console

    made = found.made
    console = make_console()
    last = made.first_id + len(made.added) - 1
    ids = f", ids {made.first_id:,} to {last:,}" if made.added else ""
    characters = f" ({made.characters:,} characters)" if made.characters else ""
    console.print(f"{len(made.added):,} tokens added{characters}{ids}", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for title in ("bytes per token", "MB", "before", "after", "tokens"):
        table.add_column(title, justify="left" if title == "bytes per token" else "right")
    rows = [(f"new texts, {found.measured_on}", found.new_texts)]
    if found.old_texts is not None:
        rows.append(("old texts", found.old_texts))
    for name, measured in rows:
        change = measured.tokens_after / max(1, measured.tokens_before) - 1
        table.add_row(
            name,
            f"{measured.text_bytes / 1e6:,.2f}",
            "–" if measured.before is None else f"{measured.before:.3f}",
            "–" if measured.after is None else f"{measured.after:.3f}",
            f"{change:+.1%}",
        )
    console.print(table)
    console.print(f"tokenizer  {output}/tokenizer.json", markup=False)
