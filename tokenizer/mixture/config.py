"""The `mixture:` section of a pipeline file: what a model sees of each source, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from curate.errors import SpecError

MANY_EPOCHS = 4
"""Up to here repeated tokens are nearly as good as new ones (Muennighoff et al. 2023)."""

Weights = dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]


def exact(number: float) -> Fraction:
    """The decimal number that was written: 0.1 is 1/10."""
    return Fraction(repr(number))


def shares(weights: Mapping[str, float]) -> dict[str, Fraction]:
    """Weights as shares of 1. Whole numbers are parts of any sum; other numbers must add up to 1,
    or to 100. Raises SpecError.
    """
    parts = {name: exact(weight) for name, weight in weights.items()}
    total = sum(parts.values(), Fraction(0))
    if total == 0:
        raise SpecError("no weight is above 0")
    whole = all(part.denominator == 1 for part in parts.values())
    if not whole and all(abs(total / wanted - 1) > Fraction(1, 1000) for wanted in (1, 100)):
        raise SpecError(
            f"weights add up to {float(total):g}, not to 1; whole numbers are taken as parts "
            "(web: 7, books: 2)"
        )
    return {name: part / total for name, part in parts.items()}


class Phase(BaseModel):
    """One part of the training with weights of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: float = Field(gt=0, le=1, description="end of the phase, share of all tokens")
    weights: Weights = Field(min_length=1, description="share of the phase's tokens per source")


class Upsample(BaseModel):
    """Documents whose signal reaches a bound are seen more often than others of their source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: str = Field(
        min_length=1,
        description="a column of documents/: minhash_dedup.cluster_size, quality.score",
    )
    at_least: float = Field(allow_inf_nan=False, description="smallest value that counts")
    times: float = Field(gt=0, le=10_000, description="rate, relative to documents below")


class MixtureConfig(BaseModel):
    """How often each document is trained on. Nothing is copied: a plan over the token files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        None,
        description=(
            "tokens of the whole mixture; or per source, which leaves the sources that are not "
            "named as they are; null: as many as there are, or as max_epochs allows"
        ),
    )
    weights: Weights | None = Field(
        None,
        min_length=1,
        description="share of the tokens per source: every source, 0 leaves one out",
    )
    schedule: tuple[Phase, ...] | None = Field(
        None,
        min_length=1,
        description=(
            "weights that change during the training: [{until: 0.8, weights: …}, {until: 1.0, "
            "weights: …}]"
        ),
    )
    max_epochs: float = Field(
        MANY_EPOCHS,
        gt=0,
        le=10_000,
        allow_inf_nan=False,
        description=(
            "how often a document may be seen; above 4 repeated tokens are worth less "
            "(Muennighoff et al. 2023)"
        ),
    )
    language_temperature: float | None = Field(
        None,
        ge=1,
        le=1000,
        description=(
            "languages within a source (of all sources where none has a weight) get tokens^(1/T): "
            "1 as they are, 3.3 as mT5 (Xue et al. 2021), 1000 nearly the same for all"
        ),
    )
    max_share_per_domain: float | None = Field(
        None,
        gt=0,
        le=1,
        description=(
            "largest share that one web domain has in a source's tokens (in all tokens where no "
            "source has a weight)"
        ),
    )
    upsample: tuple[Upsample, ...] = Field(
        (),
        description=(
            "see documents more often by a signal: [{signal: quality.score, at_least: 3, times: "
            "2}]; factors of several that hold multiply, of one signal the highest bound counts"
        ),
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.weights is not None and self.schedule is not None:
            raise ValueError("weights and schedule exclude each other: each phase has its weights")
        weighted = self.weights is not None or self.schedule is not None
        if weighted and isinstance(self.tokens, dict):
            raise ValueError(
                "tokens per source and weights exclude each other; `tokens: 2000000000` is the "
                "size of the whole mixture"
            )
        for where, weights in self.all_weights():
            try:
                shares(weights)
            except SpecError as error:
                raise ValueError(f"{where}: {error}") from error
        for phase, following in zip(self.phases, self.phases[1:], strict=False):
            if following.until <= phase.until:
                raise ValueError(f"schedule: until {following.until:g} follows {phase.until:g}")
        if self.phases and self.phases[-1].until != 1:
            raise ValueError(
                f"schedule: the last phase ends at {self.phases[-1].until:g}; it must end at 1.0"
            )
        return self

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Of the schedule; empty without one."""
        return self.schedule or ()

    def all_weights(self) -> list[tuple[str, Mapping[str, float]]]:
        """Every mapping of weights and where it stands."""
        found = [] if self.weights is None else [("weights", self.weights)]
        return [
            *found,
            *((f"schedule[{i}].weights", phase.weights) for i, phase in enumerate(self.phases)),
        ]

    def problems(self, sources: Iterable[str]) -> list[tuple[str, str]]:
        """(where, what) of every weight that does not fit the sources of the file."""
        names = list(sources)
        known = f"sources are: {', '.join(names)}"
        found = []
        maps: list[tuple[str, Iterable[str]]] = [*self.all_weights()]
        if isinstance(self.tokens, dict):
            maps.append(("tokens", self.tokens))
        for where, keys in maps:
            unknown = (name for name in keys if name not in names)
            found += [(where, f"source '{name}' is not defined; {known}") for name in unknown]
        for where, weights in self.all_weights():
            absent = (name for name in names if name not in weights)
            found += [
                (where, f"source '{name}' has no weight; `{name}: 0` leaves it out")
                for name in absent
            ]
        return found

    def signals(self) -> tuple[str, ...]:
        """Columns of documents/ that decide how often documents are seen."""
        return tuple(dict.fromkeys(each.signal for each in self.upsample))
