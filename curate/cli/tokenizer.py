"""`curate tokenizer …`: the commands about tokenizers."""

from __future__ import annotations

import typer

from curate.cli.tokenizer_eval import EPILOG as EVALUATE_EPILOG
from curate.cli.tokenizer_eval import evaluate

tokenizer = typer.Typer(name="tokenizer", help="Evaluate tokenizers.", no_args_is_help=True)
tokenizer.command("eval", epilog=EVALUATE_EPILOG)(evaluate)
