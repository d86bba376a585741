"""`curate tokenizer …`: the commands about tokenizers."""

from __future__ import annotations

import typer

from curate.cli.tokenizer_eval import EPILOG as EVALUATE_EPILOG
from curate.cli.tokenizer_eval import evaluate
from curate.cli.tokenizer_export import EPILOG as EXPORT_EPILOG
from curate.cli.tokenizer_export import export
from curate.cli.tokenizer_extend import EPILOG as EXTEND_EPILOG
from curate.cli.tokenizer_extend import extend

tokenizer = typer.Typer(
    name="tokenizer", help="Evaluate, export and extend tokenizers.", no_args_is_help=True
)
tokenizer.command("eval", epilog=EVALUATE_EPILOG)(evaluate)
tokenizer.command("export", epilog=EXPORT_EPILOG)(export)
tokenizer.command("extend", epilog=EXTEND_EPILOG)(extend)
