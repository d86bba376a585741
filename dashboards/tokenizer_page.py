"""The report of `curate tokenizer eval`: one HTML file and its data as JSON.

Built as the run's report (`report`): no network, a policy that names the inline blocks by hash,
every string escaped and made visible. Tokens are text of strangers: a token may spell markup, a
line end or a right-to-left override.
"""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from curate.dashboards.report import hash_source, page_environment, page_source
from curate.dashboards.tokenizer_drawing import bars_svg, premium_svg
from curate.storage.store import Store

PAGE, DATA = "tokenizer.html", "tokenizer.json"
SHOWN_GROUPS = 20


def write_page(folder: str, found: dict[str, Any]) -> str:
    """Write `tokenizer.html` and `tokenizer.json` into a folder (or URL); returns the page's place.

    found: what `tokenizer.evaluation.compare.compare` returned.
    """
    store = Store(folder)
    store.publish(DATA, json.dumps(found, ensure_ascii=True, indent=1).encode("ascii"))
    store.publish(PAGE, render_page(found).encode("utf-8", "replace"))
    return f"{folder.rstrip('/')}/{PAGE}"


def render_page(found: dict[str, Any]) -> str:
    """The page of a comparison."""
    made = page_environment()
    style = page_source(made, "report.css") + page_source(made, "tokenizer.css")
    policy = (
        f"default-src 'none'; style-src {hash_source(style)}; base-uri 'none'; form-action 'none'"
    )
    rows = found["tokenizers"]
    names = [row["name"] for row in rows]
    return made.get_template("tokenizer.html").render(
        found=found,
        rows=rows,
        first=rows[0],
        policy=Markup(policy),
        style=Markup(style),
        pictures={
            key: bars_svg(_groups(rows, key), names)
            for key in ("sources", "languages")
            if rows[0]["texts"] is not None and rows[0]["texts"][key]
        },
        premiums=premium_svg(rows) if rows[0]["parallel"] is not None else None,
        languages=_languages(rows),
    )


def _groups(rows: list[dict[str, Any]], key: str) -> list[tuple[str, list[float | None]]]:
    groups = rows[0]["texts"][key]
    largest = sorted(groups, key=lambda name: (-groups[name]["text_bytes"], name))
    return [
        (name, [row["texts"][key][name]["bytes_per_token"] for row in rows])
        for name in largest[:SHOWN_GROUPS]
    ]


def _languages(rows: list[dict[str, Any]]) -> list[tuple[str, list[float | None]]]:
    if rows[0]["parallel"] is None:
        return []
    own = rows[0]["parallel"]["languages"]
    ordered = sorted(own, key=lambda name: (own[name]["premium"] or 0, name))
    return [
        (name, [row["parallel"]["languages"][name]["premium"] for row in rows]) for name in ordered
    ]
