"""The `curate` command: the list of commands, and how an error leaves the program.

Exit codes: 0 done, 1 failed, 2 bad configuration or usage, 3 stopped by a guard rail, 130
interrupted (the same command resumes). A command module imports what it needs inside its function
where that is slow (Ray takes seconds), so `curate --help` is quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import curate
from curate.cli.calibrate import EPILOG as CALIBRATE_EPILOG
from curate.cli.calibrate import calibrate
from curate.cli.check import EPILOG as CHECK_EPILOG
from curate.cli.check import check
from curate.cli.doctor import EPILOG as DOCTOR_EPILOG
from curate.cli.doctor import doctor
from curate.cli.explain import EPILOG as EXPLAIN_EPILOG
from curate.cli.explain import explain
from curate.cli.init import EPILOG as INIT_EPILOG
from curate.cli.init import init
from curate.cli.inspect import EPILOG as INSPECT_EPILOG
from curate.cli.inspect import inspect
from curate.cli.mixture import mixture
from curate.cli.plan import EPILOG as PLAN_EPILOG
from curate.cli.plan import plan
from curate.cli.recipes import EPILOG as RECIPES_EPILOG
from curate.cli.recipes import recipes
from curate.cli.report import EPILOG as REPORT_EPILOG
from curate.cli.report import report
from curate.cli.run import EPILOG as RUN_EPILOG
from curate.cli.run import run
from curate.cli.scaling import EPILOG as SCALING_EPILOG
from curate.cli.scaling import scaling
from curate.cli.schema import EPILOG as SCHEMA_EPILOG
from curate.cli.schema import schema
from curate.cli.stages import EPILOG as STAGES_EPILOG
from curate.cli.stages import stages
from curate.cli.status import EPILOG as STATUS_EPILOG
from curate.cli.status import status
from curate.cli.tokenizer import tokenizer
from curate.cli.tokens import tokens
from curate.cli.verify import EPILOG as VERIFY_EPILOG
from curate.cli.verify import GC_EPILOG, gc, verify
from curate.errors import CurateError, Interrupted

app = typer.Typer(
    name="curate",
    help="From raw text to tokens you can trust, in one file and one command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"curate {curate.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """From raw text to tokens you can trust, in one file and one command."""


app.command("init", epilog=INIT_EPILOG)(init)
app.command("check", epilog=CHECK_EPILOG)(check)
app.command("run", epilog=RUN_EPILOG)(run)
app.command("plan", epilog=PLAN_EPILOG)(plan)
app.command("calibrate", epilog=CALIBRATE_EPILOG)(calibrate)
app.command("status", epilog=STATUS_EPILOG)(status)
app.command("explain", epilog=EXPLAIN_EPILOG)(explain)
app.command("inspect", epilog=INSPECT_EPILOG)(inspect)
app.command("stages", epilog=STAGES_EPILOG)(stages)
app.command("recipes", epilog=RECIPES_EPILOG)(recipes)
app.command("schema", epilog=SCHEMA_EPILOG)(schema)
app.add_typer(mixture, name="mixture")
app.command("scaling", epilog=SCALING_EPILOG)(scaling)
app.command("doctor", epilog=DOCTOR_EPILOG)(doctor)
app.command("report", epilog=REPORT_EPILOG)(report)
app.command("verify", epilog=VERIFY_EPILOG)(verify)
app.command("gc", epilog=GC_EPILOG)(gc)
app.add_typer(tokenizer)
app.add_typer(tokens)


def main() -> None:
    """Run the command line and exit with its code. Known errors are printed without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(Interrupted.exit_code)
    except CurateError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{where}{error.strerror or error}", file=sys.stderr)
        sys.exit(CurateError.exit_code)
