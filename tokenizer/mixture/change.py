"""What a mixture would make of the tokens of a run, beside what the run has: no document is read.

Known are the strata of the run's plan (or its tokens per source, where it has none). What the run
did not measure (languages, signals, domains other than those it holds down) is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from curate.errors import SpecError
from curate.tokenizer.mixture.config import MixtureConfig
from curate.tokenizer.mixture.rates import Stratum, available_tokens, solve

MOVED = Fraction(1, 1000)
"""A source whose tokens change by less stays where it was."""


@dataclass(frozen=True, slots=True)
class SourceChange:
    """One source: tokens there are, tokens seen in the run as it is, and as planned."""

    source: str
    available: int
    before: int
    tokens: Fraction
    share: float

    @property
    def epochs(self) -> Fraction:
        return self.tokens / self.available

    @property
    def repeats(self) -> str:
        """How often a document is seen: `2, and 31.0 % of them once more`."""
        whole, rest = divmod(self.epochs, 1)
        if not rest:
            return f"{whole}"
        return f"{whole}, {float(rest):.1%} once more" if whole else f"{float(rest):.1%} once"

    @property
    def moved(self) -> bool:
        return abs(self.tokens - self.before) > MOVED * max(1, self.before)

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "available_tokens": self.available,
            "tokens_before": self.before,
            "tokens": round(self.tokens),
            "share": self.share,
            "epochs_before": self.before / self.available,
            "epochs": float(self.epochs),
            "repeats": self.repeats,
            "moved": self.moved,
        }


@dataclass(frozen=True)
class MixtureChange:
    """All sources, in order. notes: what could not be known; warnings: of the mixture."""

    sources: tuple[SourceChange, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "tokens": round(sum((each.tokens for each in self.sources), Fraction(0))),
            "sources": [each.as_json() for each in self.sources],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }


def change(
    config: MixtureConfig, counts: Mapping[str, Mapping[str, int]], plan: Mapping[str, Any] | None
) -> MixtureChange:
    """What `config` would do.

    counts: documents and tokens of the train split by source. plan: content of the run's
    `mixture.json`, None without one. Raises SpecError for what the tokens do not give.
    """
    faults = config.problems(counts)
    if faults:
        raise SpecError("\n".join(f"mixture.{where}: {message}" for where, message in faults))
    strata = _strata(counts, plan)
    before = (
        {name: own["tokens"] for name, own in counts.items()}
        if plan is None
        else {name: own["tokens"] for name, own in plan["sources"].items()}
    )
    solution = solve(config, strata)
    total = sum((phase.tokens for phase in solution.phases), Fraction(0))
    available = available_tokens(strata)
    sources = tuple(
        SourceChange(
            name,
            available[name],
            before.get(name, 0),
            solution.tokens_of(name),
            float(solution.tokens_of(name) / total) if total else 0.0,
        )
        for name in counts
        if name in available
    )
    return MixtureChange(sources, solution.warnings, tuple(_notes(config, plan)))


def _strata(
    counts: Mapping[str, Mapping[str, int]], plan: Mapping[str, Any] | None
) -> list[Stratum]:
    if plan is None:
        return [
            Stratum(name, None, Fraction(1), None, own["documents"], own["tokens"])
            for name, own in counts.items()
        ]
    return [
        Stratum(
            row["source"],
            row["language"],
            Fraction(*row["factor"]),
            row["domain"],
            row["documents"],
            row["tokens"],
        )
        for row in plan["strata"]
    ]


def _notes(config: MixtureConfig, plan: Mapping[str, Any] | None) -> list[str]:
    """What the run did not measure as this mixture wants it."""
    known = {} if plan is None else plan["mixture"]
    wanted = config.model_dump(mode="json")
    notes = []
    if config.max_share_per_domain is not None and (
        known.get("max_share_per_domain") != config.max_share_per_domain
    ):
        notes.append("the run's plan does not know all domains: max_share_per_domain needs a run")
    if wanted["upsample"] != known.get("upsample", []):
        notes.append("the run's plan has other factors: upsample changes nothing here")
    return notes
