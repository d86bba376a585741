"""Small SVG drawings of the report. Colours are classes, positions are attributes: the page's
policy forbids inline styles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from curate.dashboards.report_data import number
from curate.dashboards.visible_text import visible

WIDTH, HEIGHT, AXIS = 360.0, 150.0, 84.0
PALETTE_COLOURS = 10


def colour(index: int) -> str:
    """Class of the fill for source number `index`."""
    return f"source-{index % PALETTE_COLOURS}"


def funnel_svg(stage: dict[str, Any]) -> Markup:
    """One bar of the funnel: kept, removed, quarantined as shares of all that was read."""
    left = 0.0
    parts = []
    for fate in ("kept", "removed", "quarantined"):
        width = 100 * stage[f"{fate}_of_all"]
        if width:
            parts.append(_bar(left, max(width, 0.15), fate))
        left += width
    return _bars(parts, "bar")


def share_svg(share: float) -> Markup:
    """A thin bar of one share."""
    return _bars([_bar(0, 100 * share, "removed")] if share else [], "bar thin")


def mixture_svg(sources: Sequence[dict[str, Any]], unit: str) -> Markup:
    """One stacked bar: the shares of all sources in one unit."""
    left = 0.0
    parts = []
    for index, row in enumerate(sources):
        width = 100 * row["shares"][unit]
        if width:
            title = f"{row['source']}: {width:.1f} %"
            parts.append(_bar(left, width, colour(index), title))
        left += width
    return _bars(parts, "bar tall")


def _bar(left: float, width: float, name: str, title: str = "") -> Markup:
    inside = Markup("<title>{}</title>").format(visible(title)) if title else Markup("")
    return Markup('<rect class="{}" x="{}%" width="{}%" height="100%">{}</rect>').format(
        name, f"{left:.3f}", f"{width:.3f}", inside
    )


def _bars(parts: Sequence[Markup], name: str) -> Markup:
    return Markup('<svg class="{}" aria-hidden="true" focusable="false">{}</svg>').format(
        name, Markup("").join(parts)
    )


def histogram_svg(entry: dict[str, Any]) -> Markup:
    """Kept above the axis, removed below it (by a rule on this signal, and by others), bounds as
    dashed lines.

    Heights go with the square root of the count, so that small bins beside a peak can be seen.
    """
    counts = entry["counts"]
    bins = len(entry["edges"]) - 1
    removed = [
        here + elsewhere
        for here, elsewhere in zip(counts["removed_here"], counts["removed_elsewhere"], strict=True)
    ]
    highest = math.sqrt(max([*counts["kept"], *removed, 1]))
    step = WIDTH / bins
    gap = min(1.0, step * 0.15)
    parts = []
    below = HEIGHT - 18 - AXIS
    for index in range(bins):
        left, width = index * step + gap / 2, step - gap
        up = math.sqrt(counts["kept"][index]) / highest * (AXIS - 12)
        down = math.sqrt(removed[index]) / highest * below
        here = down * counts["removed_here"][index] / removed[index] if removed[index] else 0.0
        parts.append(_rect("kept", left, AXIS - up, width, up))
        parts.append(_rect("removed", left, AXIS + 1, width, here))
        parts.append(_rect("elsewhere", left, AXIS + 1 + here, width, down - here))
    parts.append(
        Markup('<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>').format(WIDTH, AXIS, AXIS)
    )
    labels = [_mark(entry, mark) for mark in entry["marks"][:6]]
    return Markup(
        '<svg class="histogram" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(
        f"{WIDTH:g}",
        f"{HEIGHT:g}",
        visible(f"Histogram of {entry['column']}"),
        Markup("").join(parts),
        Markup("").join(labels),
        _range_labels(entry["edges"]),
    )


def _rect(name: str, left: float, top: float, width: float, height: float) -> Markup:
    if height <= 0:
        return Markup("")
    height = max(height, 0.8)
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        name, f"{left:.2f}", f"{top:.2f}", f"{width:.2f}", f"{height:.2f}"
    )


def position(edges: Sequence[float], value: float) -> float:
    """Where `value` stands on the drawing, 0 to `WIDTH`; all bins are equally wide."""
    bins = len(edges) - 1
    if value <= edges[0]:
        return 0.0
    for index in range(bins):
        low, high = edges[index], edges[index + 1]
        if value <= high:
            return WIDTH * (index + (value - low) / (high - low)) / bins
    return WIDTH


def _mark(entry: dict[str, Any], mark: dict[str, Any]) -> Markup:
    """The line of a bound. Whole-number bins: the line stands between the bound and what it
    removes.
    """
    edges = entry["edges"]
    whole = all(edge % 1 == 0.5 for edge in edges)
    shift = (0.5 if mark["side"] == "high" else -0.5) if whole else 0.0
    left = position(edges, mark["at"] + shift)
    text = ("≥ " if mark["side"] == "low" else "≤ ") + number(mark["at"])
    keys = [key for key in mark["keys"] if key != "default"]
    if keys:
        text += f" ({', '.join(keys[:2])}{'…' if len(keys) > 2 else ''})"
    anchor = "start" if left < WIDTH * 0.7 else "end"
    return Markup(
        '<line class="bound" x1="{0}" x2="{0}" y1="2" y2="{1}"/>'
        '<text class="bound" x="{2}" y="10" text-anchor="{3}">{4}</text>'
    ).format(
        f"{left:.2f}",
        f"{HEIGHT - 16:g}",
        f"{left + (4 if anchor == 'start' else -4):.2f}",
        anchor,
        escape(visible(text)),
    )


def _range_labels(edges: Sequence[float]) -> Markup:
    whole = all(edge % 1 == 0.5 for edge in edges)
    low, high = (edges[0] + 0.5, edges[-1] - 0.5) if whole else (edges[0], edges[-1])
    return Markup(
        '<text class="range" x="0" y="{0}">{1}</text>'
        '<text class="range" x="{2}" y="{0}" text-anchor="end">{3}</text>'
    ).format(f"{HEIGHT - 4:g}", number(low), f"{WIDTH:g}", number(high))
