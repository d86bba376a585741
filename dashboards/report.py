"""The report: one HTML file that a browser shows without a network, a server or trust in the
documents.

Security: Jinja2 autoescape, `visible` on every string that is put out, and a
Content-Security-Policy that names the two inline blocks by hash, so that nothing a document brings
can run or load, even if an escape were missing. All drawing is SVG with attributes (inline styles
would be refused by the same policy). Cost: see `histograms` and `examples`; the page holds at most
`examples_per_rule` excerpts of 1,500 characters per rule.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from curate.dashboards import drawing
from curate.dashboards.report_data import gather, number
from curate.dashboards.visible_text import visible
from curate.pipeline.run_folder import RunFolder

REPORT_PATH = "report/index.html"
DATA_PATH = "report/report.json"


def write_report(run_url: str, examples_per_rule: int = 10, title: str | None = None) -> str:
    """Write `report/index.html` and `report/report.json` of a run and return the URL of the page.

    run_url: run folder, local or any fsspec URL. Raises DataError when it is none or a file of it
    is damaged.
    """
    folder = RunFolder(run_url)
    data = gather(folder, examples_per_rule, title)
    folder.publish(DATA_PATH, json.dumps(data, ensure_ascii=True, indent=1).encode("ascii"))
    return folder.publish(REPORT_PATH, render(data).encode("utf-8", "replace"))


def render(data: dict[str, Any]) -> str:
    """The page for the data of `report_data.gather`."""
    environment = page_environment()
    style = page_source(environment, "report.css")
    script = page_source(environment, "report.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {hash_source(style)}",
            f"script-src {hash_source(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return environment.get_template("report.html").render(
        report=data,
        policy=Markup(policy),
        style=Markup(style),
        script=Markup(script),
        bins=script_json([histogram_data(entry) for entry in data["histograms"]]),
    )


def histogram_data(entry: dict[str, Any]) -> dict[str, Any]:
    """What the page's script needs to read a histogram out loud, bin by bin."""
    return {name: entry[name] for name in ("column", "edges", "counts")}


def script_json(value: Any) -> Markup:
    """JSON that can stand inside `<script>`: nothing in it can end the element or a line of
    JavaScript.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def page_environment() -> jinja2.Environment:
    """Templates of this package: escaped, made visible, with the filters of the pages."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("curate.dashboards", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "percent": percent,
        "bytes": byte_size,
        "seconds": duration,
        "number": number,
        "moment": moment,
        "blanks": blanks,
    }
    environment.globals |= {
        "histogram_svg": drawing.histogram_svg,
        "funnel_svg": drawing.funnel_svg,
        "mixture_svg": drawing.mixture_svg,
        "share_svg": drawing.share_svg,
        "colour": drawing.colour,
        "infinity": math.inf,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Every string of the data passes here on its way out; markup made by this package does not."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def page_source(environment: jinja2.Environment, name: str) -> str:
    """A packaged file as text. Raises when it holds what would end its element."""
    assert environment.loader is not None
    text = environment.loader.get_source(environment, name)[0].replace("\r\n", "\n")
    assert "</" not in text, f"{name} must not hold '</'"
    return text


def hash_source(text: str) -> str:
    """What a Content-Security-Policy calls an inline block."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def percent(share: float) -> str:
    """A share for people: `12.3 %`, and never `0 %` or `100 %` for what is not exactly that."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if share not in (0, 1) else f"{int(100 * share)} %"


def blanks(token: str) -> str:
    """A token for people: what would be an empty box, or break one, has a sign."""
    return token.translate({ord(" "): "␣", ord("\n"): "⏎", ord("\t"): "⇥"})


def byte_size(size: float) -> str:
    """Decimal units: 1 kB is 1,000 bytes."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(size) < 1000 or unit == "TB":
            return f"{size:,.0f} B" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def moment(text: str | None) -> str:
    """An ISO time as `2026-01-02 03:04:05 UTC`; what is no time stays as it is."""
    if not text:
        return "–"
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def duration(seconds: float | None) -> str:
    """Seconds as `1 h 02 min`, `3 min 04 s` or `2.5 s`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
