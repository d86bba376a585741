"""`curate explain`: every signal, rule and verdict of one document."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.errors import DataError, SpecError

if TYPE_CHECKING:
    from curate.pipeline.explain import Explanation, RuleLine

EPILOG = """Examples:

  curate explain runs/web-en 'web/crawl-00017.warc.gz#8391204'

  curate explain --pipeline pipeline.yaml --text-file page.txt --source web"""

_TEXT_CHARACTERS = 60


def explain(
    run: Annotated[str | None, typer.Argument(help="The run folder.", show_default=False)] = None,
    document: Annotated[
        str | None,
        typer.Argument(metavar="DOCUMENT_ID", help="<source>/<path>#<offset>", show_default=False),
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="A pipeline file, for a text that was in no run.")
    ] = None,
    text_file: Annotated[
        str | None, typer.Option(help="The text, UTF-8; - reads standard input.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Source whose stages judge the text; the first by default.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the whole text.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a document was kept or removed; also for rules after the one that removed it.

    Give a run folder and a document id, or --pipeline and --text-file.
    """
    if pipeline and (run or document):
        raise SpecError(
            "explain: give RUN and DOCUMENT_ID, or --pipeline and --text-file, not both"
        )
    found = _of_text(pipeline, text_file, source) if pipeline else _of_run(run, document)
    if as_json:
        json.dump(found.as_json(), sys.stdout, indent=2, ensure_ascii=True)
        sys.stdout.write("\n")
        return
    typer.echo("\n".join(_lines(found, text)))


def _of_run(run: str | None, document: str | None) -> Explanation:
    from curate.dashboards.visible_text import visible
    from curate.pipeline.explain import explain_document
    from curate.pipeline.run_folder import RunFolder

    if not run or not document:
        raise SpecError("explain: give RUN and DOCUMENT_ID, or --pipeline and --text-file")
    try:
        return explain_document(RunFolder(run), document)
    except DataError as error:
        raise DataError(visible(str(error))) from error


def _of_text(pipeline: str, text_file: str | None, source: str | None) -> Explanation:
    from curate.pipeline.explain import explain_text
    from curate.pipeline.spec import load

    if text_file is None:
        raise SpecError("explain: --pipeline needs --text-file (`-` reads standard input)")
    return explain_text(load(pipeline, check_inputs=False), _read(text_file), source)


def _read(path: str) -> str:
    try:
        if path == "-":
            raw = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                raw = file.read()
        return raw.decode("utf-8")
    except OSError as error:
        raise SpecError(f"--text-file: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is no UTF-8 ({error.reason}); convert the file first"
        ) from error


def _lines(found: Explanation, whole_text: bool) -> list[str]:
    from curate.dashboards.visible_text import visible
    from curate.pipeline.plan import CLUSTER

    lines = [visible(f"doc {found.id}  →  {_outcome(found)}")]
    if found.message:
        lines.append(visible(f"  {found.message}"))
    lines += _table([_cells(line, len({x.stage for x in found.rules}) > 1) for line in found.rules])
    if found.duplicate_of:
        similarity = "" if found.similarity is None else f", similarity {_short(found.similarity)}"
        lines.append(visible(f"  copy of  {found.duplicate_of}{similarity}"))
    judged = {line.signal for line in found.rules}
    others = {
        name: value
        for name, value in found.signals.items()
        # A cluster's number is a name, which says nothing to a reader.
        if name not in judged and value is not None and not name.endswith(f".{CLUSTER}")
    }
    if others:
        lines.append("  other signals")
        lines += [
            "  " + line for line in _table([[visible(k), _short(v)] for k, v in others.items()])
        ]
    return [*lines, *_text_lines(found, whole_text)]


def _outcome(found: Explanation) -> str:
    if found.outcome == "kept":
        return "kept"
    if found.outcome == "removed":
        return f"removed by {found.stage}.{found.rule}"
    return f"quarantined by {found.stage}: {found.error}"


def _cells(line: RuleLine, with_stage: bool) -> list[str]:
    from curate.dashboards.visible_text import visible

    name = f"{line.stage}.{line.rule}" if with_stage else line.rule
    value = "–" if line.value is None else _short(line.value)
    if line.by is not None:
        value = f"{line.by} {value}"
    return [visible(name), visible(value), _bounds(line), line.verdict]


def _bounds(line: RuleLine) -> str:
    if line.low is not None and line.low == float("inf"):
        return "not wanted"
    if line.low is not None and line.high is not None:
        return f"{_short(line.low)} … {_short(line.high)}"
    if line.low is not None:
        return f"≥ {_short(line.low)}"
    return f"≤ {_short(line.high)}" if line.high is not None else ""


def _table(rows: list[list[str]]) -> list[str]:
    """Columns aligned: the first left, the others right but the last."""
    if not rows:
        return []
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  "
        + "   ".join(
            cell.ljust(width) if index == 0 or index == last else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _text_lines(found: Explanation, whole: bool) -> list[str]:
    from curate.dashboards.visible_text import visible

    if found.text is None:
        return ["  text  was not kept (`removed: {text: all}` in the pipeline file keeps it)"]
    if whole:
        return ["", visible(found.text)]
    head = " ".join(found.text[: 4 * _TEXT_CHARACTERS].split())
    start = head[:_TEXT_CHARACTERS]
    more = " …" if start != head or len(found.text) > 4 * _TEXT_CHARACTERS else ""
    return [
        visible(f'  text  "{start}{more}" ({len(found.text):,} characters; `--text` prints it)')
    ]


def _short(value: Any) -> str:
    from curate.dashboards.report_data import number

    return number(value) if isinstance(value, float | int) else str(value)
