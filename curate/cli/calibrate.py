"""`curate calibrate`: thresholds per language from reference text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from curate.stages.calibration import Method, MethodName

EPILOG = """Examples:

  curate calibrate pipeline.yaml --reference wikipedia --output profile.toml

  curate calibrate pipeline.yaml --reference flores --language-field language
  --method mean_sd --deviations 4 --output profile.toml

  curate calibrate pipeline.yaml --reference wikipedia --method median_ratio --reference-language en

The reference is a source of the pipeline file: good text in the languages you want. Name the
profile where the filter stands: `gopher_quality: {profile: profile.toml}`."""


def calibrate(
    file: Annotated[str, typer.Argument(help="The pipeline file.", show_default=False)],
    reference: Annotated[
        str, typer.Option(help="Source of the pipeline file that is measured.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option(help="Profile to write; standard output by default.")
    ] = None,
    method: Annotated[MethodName, typer.Option(help="How bounds follow.")] = "quantile",
    low: Annotated[float, typer.Option(min=0, max=1, help="quantile: of low bounds.")] = 0.01,
    high: Annotated[float, typer.Option(min=0, max=1, help="quantile: of high bounds.")] = 0.99,
    deviations: Annotated[float, typer.Option(min=0, help="mean_sd: from the mean.")] = 3.0,
    reference_language: Annotated[
        str, typer.Option(help="median_ratio: language the filter's own bounds were made for.")
    ] = "en",
    language_field: Annotated[
        str | None, typer.Option(help="Field of the records that names their language.")
    ] = None,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="Entry to calibrate; may be repeated.")
    ] = None,
    tighten: Annotated[
        bool, typer.Option("--tighten", help="Take derived bounds that are stricter, too.")
    ] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Derive bounds per language from the signals of a reference source and write a profile.

    Exit codes: 0 written, 2 bad configuration or no language with enough documents.
    """
    from curate.pipeline.calibrate import calibrate as derived
    from curate.pipeline.spec import load

    how = Method(method, low, high, deviations, reference_language, tighten)
    spec = load(file, tuple(overrides or ()))
    profile = derived(
        spec, reference, how, filters=tuple(filters or ()), language_field=language_field
    )
    if output is not None:
        output.write_text(profile.as_toml(), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(profile.model_dump(mode="json", exclude_none=True), indent=2))
    elif output is None:
        typer.echo(profile.as_toml(), nl=False)
    else:
        rules = sum(len(tables) for tables in profile.filters.values())
        languages = len(profile.languages)
        named = "1 language" if languages == 1 else f"{languages} languages"
        typer.echo(f"{output}: {named}, bounds of {rules} rules")
