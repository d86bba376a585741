"""`curate tokens`: look at, check and hand on the token files of a finished run."""

from __future__ import annotations

import typer

from curate.cli.tokens_export import EPILOG as EXPORT_EPILOG
from curate.cli.tokens_export import export
from curate.cli.tokens_show import EPILOG as SHOW_EPILOG
from curate.cli.tokens_show import show
from curate.cli.tokens_verify import EPILOG as VERIFY_EPILOG
from curate.cli.tokens_verify import verify

tokens = typer.Typer(
    name="tokens",
    help="The token files of a finished run: show a training sample, verify, export.",
    no_args_is_help=True,
)
tokens.command("show", epilog=SHOW_EPILOG)(show)
tokens.command("verify", epilog=VERIFY_EPILOG)(verify)
tokens.command("export", epilog=EXPORT_EPILOG)(export)
