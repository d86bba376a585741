"""Pictures of the tokenizer report: grouped bars, and a curve per tokenizer over languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from curate.dashboards.drawing import colour
from curate.dashboards.visible_text import visible

WIDTH, BAR, GAP, LABEL = 720.0, 14.0, 12.0, 170.0
CURVE_HEIGHT = 240.0


def bars_svg(groups: Sequence[tuple[str, Sequence[float | None]]], names: Sequence[str]) -> Markup:
    """A group of horizontal bars per line: one for each tokenizer.

    groups: (label, a value per tokenizer, None where there is none).
    """
    values = [value for _, found in groups for value in found if value is not None]
    highest = max([*values, 1e-9])
    parts, top = [], 0.0
    for label, found in groups:
        middle = top + BAR * len(found) / 2 + 4
        parts.append(
            Markup('<text class="label" x="{}" y="{}" text-anchor="end">{}</text>').format(
                f"{LABEL - 8:g}", f"{middle:.1f}", visible(_short(label))
            )
        )
        for place, value in enumerate(found):
            width = 0.0 if value is None else (WIDTH - LABEL - 60) * value / highest
            said = "–" if value is None else f"{value:,.2f}"
            parts.append(
                Markup(
                    '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
                    '<text class="range" x="{}" y="{}">{}</text>'
                ).format(
                    colour(place),
                    f"{LABEL:g}",
                    f"{top + BAR * place:.1f}",
                    f"{width:.1f}",
                    f"{BAR - 2:g}",
                    visible(f"{label}, {names[place]}: {said}"),
                    f"{LABEL + width + 5:.1f}",
                    f"{top + BAR * place + BAR - 4:.1f}",
                    said,
                )
            )
        top += BAR * len(found) + GAP
    return Markup(
        '<svg class="wide-picture" viewBox="0 0 {} {}" role="img" aria-label="Bars">{}</svg>'
    ).format(f"{WIDTH:g}", f"{max(top, BAR):g}", Markup("").join(parts))


def _short(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def premium_svg(rows: Sequence[dict[str, Any]]) -> Markup:
    """A curve per tokenizer: the premium of every language, each in its own order, cheapest first.

    rows: the tokenizers of a comparison that have parallel text.
    """
    curves = [
        sorted(each["premium"] or 0.0 for each in row["parallel"]["languages"].values())
        for row in rows
    ]
    highest = max([2.0, *(curve[-1] for curve in curves if curve)])
    parts = []
    for level in _levels(highest):
        height = CURVE_HEIGHT - 20 - (CURVE_HEIGHT - 40) * level / highest
        parts.append(
            Markup(
                '<line class="axis" x1="34" x2="{}" y1="{}" y2="{}"/>'
                '<text class="range" x="30" y="{}" text-anchor="end">{}×</text>'
            ).format(
                f"{WIDTH:g}", f"{height:.1f}", f"{height:.1f}", f"{height + 4:.1f}", f"{level:g}"
            )
        )
    for place, curve in enumerate(curves):
        step = (WIDTH - 40) / max(1, len(curve) - 1)
        points = " ".join(
            f"{36 + step * index:.1f},"
            f"{CURVE_HEIGHT - 20 - (CURVE_HEIGHT - 40) * value / highest:.1f}"
            for index, value in enumerate(curve)
        )
        parts.append(
            Markup('<polyline class="curve {}" points="{}"><title>{}</title></polyline>').format(
                f"line-{place % 10}", points, visible(rows[place]["name"])
            )
        )
    return Markup(
        '<svg class="wide-picture" viewBox="0 0 {} {}" role="img" '
        'aria-label="Premium over English by language">{}</svg>'
    ).format(f"{WIDTH:g}", f"{CURVE_HEIGHT:g}", Markup("").join(parts))


def _levels(highest: float) -> list[float]:
    step = next(s for s in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 1e9) if highest / s <= 6)
    return [step * number for number in range(int(highest / step) + 1)]
