"""Bounds of rules per language, derived from what the signals are on reference text.

Three methods, as FineWeb-2 compared them (arXiv 2506.20920): `quantile` lets a share of the
reference pass on each side; `mean_sd` goes a number of standard deviations from the mean;
`median_ratio` scales the filter's own bound by the language's median over that of the language for
which the bound was made.

Differs from FineWeb-2: by default a bound is only widened. A reference is cleaner than the web, so
what it never shows is no proof that a document is bad; `tighten` takes the derived bound as it is.
Bounds are rounded outwards to three digits; a bound of a signal that cannot be negative stays at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.errors import SpecError
from curate.stages.profiles import Profile, RuleBounds
from curate.stages.rules import Rule

MethodName = Literal["quantile", "mean_sd", "median_ratio"]
FEWEST_DOCUMENTS = 10
"""A language with fewer keeps the filter's own bounds."""


@dataclass(frozen=True, slots=True)
class Method:
    """How bounds follow from values. Fields of other methods are not read."""

    name: MethodName = "quantile"
    low_quantile: float = 0.01
    high_quantile: float = 0.99
    deviations: float = 3.0
    reference_language: str = "en"
    tighten: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low_quantile < self.high_quantile <= 1:
            raise SpecError("quantiles must be 0 <= low < high <= 1")
        if not 0 <= self.deviations < math.inf:
            raise SpecError("deviations must be at least 0")

    def __str__(self) -> str:
        words = {
            "quantile": f"quantiles {self.low_quantile:g} and {self.high_quantile:g}",
            "mean_sd": f"mean ± {self.deviations:g} standard deviations",
            "median_ratio": f"own bounds times median / median of {self.reference_language}",
        }
        return f"{self.name}: {words[self.name]}" + ("" if self.tighten else "; widened only")


@dataclass(frozen=True, slots=True)
class Measured:
    """A rule of a filter and the values of its signal by language, without missing ones."""

    filter: str
    rule: Rule
    values: Mapping[str, np.ndarray]


def derive(
    measured: Iterable[Measured],
    documents: Mapping[str, int],
    method: Method,
    segmenter: str,
    source: str,
) -> Profile:
    """A profile for the languages with enough documents. Raises SpecError when there are none."""
    languages = sorted(code for code, count in documents.items() if count >= FEWEST_DOCUMENTS)
    if not languages:
        raise SpecError(
            f"no language has {FEWEST_DOCUMENTS} documents in the reference; found "
            + (", ".join(f"{code} {count}" for code, count in sorted(documents.items())) or "none")
        )
    if method.name == "median_ratio" and method.reference_language not in languages:
        raise SpecError(
            f"the method median_ratio needs {FEWEST_DOCUMENTS} documents in "
            f"'{method.reference_language}', the language that the bounds were made for"
        )
    filters: dict[str, dict[str, RuleBounds]] = {}
    for each in measured:
        low, high = _tables(each, languages, method)
        rules = filters.setdefault(each.filter, {})
        if low or high:
            rules[each.rule.name] = RuleBounds(low=low or None, high=high or None)
    return Profile(
        profile=1,
        segmenter=segmenter,
        source=source,
        method=str(method),
        languages=tuple(languages),
        filters=filters,
    )


def _tables(
    measured: Measured, languages: Iterable[str], method: Method
) -> tuple[dict[str, float], dict[str, float]]:
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    reference = measured.values.get(method.reference_language)
    for language in languages:
        values = measured.values.get(language)
        if values is None or not len(values):
            continue
        own_low, own_high = measured.rule.low, measured.rule.high
        assert not isinstance(own_low, Mapping) and not isinstance(own_high, Mapping)
        lowest, highest = _derived(values, reference, own_low, own_high, method)
        if own_low is not None:
            bound = max(_rounded(lowest, math.floor), 0.0 if own_low >= 0 else -math.inf)
            bound = bound if method.tighten else min(bound, own_low)
            if bound != own_low:
                low[language] = bound
        if own_high is not None:
            bound = _rounded(highest, math.ceil)
            bound = bound if method.tighten else max(bound, own_high)
            if bound != own_high:
                high[language] = bound
    return low, high


def _derived(
    values: np.ndarray,
    reference: np.ndarray | None,
    own_low: float | None,
    own_high: float | None,
    method: Method,
) -> tuple[float, float]:
    if method.name == "quantile":
        return (
            float(np.quantile(values, method.low_quantile, method="lower")),
            float(np.quantile(values, method.high_quantile, method="higher")),
        )
    if method.name == "mean_sd":
        mean, reach = float(np.mean(values)), method.deviations * float(np.std(values))
        return mean - reach, mean + reach
    median = float(np.median(reference)) if reference is not None and len(reference) else 0.0
    ratio = float(np.median(values)) / median if median > 0 else 1.0
    return ratio * (own_low or 0.0), ratio * (own_high or 0.0)


def _rounded(value: float, direction: Callable[[float], int]) -> float:
    """Three significant digits, towards `math.floor` or `math.ceil`."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 2 - math.floor(math.log10(abs(value)))
    scaled = value * 10.0**digits
    return float(f"{direction(scaled)}e{-digits}")
