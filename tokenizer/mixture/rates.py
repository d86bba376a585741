"""Mixtures: how often documents of each kind are seen in training, as exact rates.

Documents of one source, language, up-sampling factor (and domain, where a domain is held down) form
a *stratum* and share a rate. Rates follow from the configuration by filling: within a pool (a
source, or everything where no source has a weight) every stratum gets a rate λ · factor, at most
what `max_epochs` leaves, and λ is chosen so that the pool gets its tokens; what a stratum or domain
cannot take goes to the others (as UniMax does, Chung et al. 2023). A language of n tokens has the
factor n^(1/T - 1), so it gets tokens in proportion to n^(1/T).

A schedule continues where the phase before it ended: a stratum's documents are in the order of
their draws, again and again, and each phase takes the next stretch; no document comes back before
all others of its stratum were seen.

All numbers are fractions, so nothing depends on the order of additions or on a CPU. Cost: a few µs
per stratum, phase and domain that is held down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from curate.errors import SpecError
from curate.tokenizer.mixture.config import MANY_EPOCHS, MixtureConfig, exact, shares

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Documents that share a rate. factor: of `upsample`. language, domain: None where they do not
    matter.
    """

    source: str
    language: str | None
    factor: Fraction
    domain: str | None
    documents: int
    tokens: int


@dataclass(frozen=True, slots=True)
class PhaseTargets:
    """One phase: where it ends, the tokens it is meant to have, and those of each stratum."""

    until: float
    tokens: Fraction
    strata: tuple[Fraction, ...]


@dataclass(frozen=True)
class Solution:
    """Targets for every phase (one without a schedule); `strata` is the order of their targets."""

    strata: tuple[Stratum, ...]
    phases: tuple[PhaseTargets, ...]
    warnings: tuple[str, ...]
    held: frozenset[int]
    """Strata whose domain may have no more."""

    def tokens_of(self, source: str, phase: int | None = None) -> Fraction:
        """Target of a source in one phase, or in all."""
        chosen = self.phases if phase is None else (self.phases[phase],)
        return sum(
            (
                target
                for each in chosen
                for stratum, target in zip(self.strata, each.strata, strict=True)
                if stratum.source == source
            ),
            ZERO,
        )


def solve(config: MixtureConfig, strata: Sequence[Stratum]) -> Solution:
    """Targets per phase and stratum. Raises SpecError for a mixture that the tokens do not give."""
    strata = tuple(stratum for stratum in strata if stratum.tokens)
    if not strata:
        raise SpecError("mixture: there are no tokens to mix")
    room = [exact(config.max_epochs)] * len(strata)
    phases, before = [], 0.0
    held: set[int] = set()
    budget = _budget(config, strata)
    for until, weights in _phases(config):
        share = exact(until) - exact(before)
        own = None if budget is None else budget * share
        rates = _rates(config, strata, room, weights, own, held)
        room = [left - rate for left, rate in zip(room, rates, strict=True)]
        targets = tuple(rate * s.tokens for rate, s in zip(rates, strata, strict=True))
        phases.append(PhaseTargets(until, sum(targets, ZERO), targets))
        before = until
    return Solution(
        strata, tuple(phases), tuple(_warnings(config, strata, phases)), frozenset(held)
    )


def pooled(solution: Solution) -> Solution:
    """The same solution with one stratum for all domains that are not held down."""
    merged: dict[Stratum, tuple[Stratum, list[Fraction]]] = {}
    rows = zip(*(phase.strata for phase in solution.phases), strict=True)
    for index, (stratum, targets) in enumerate(zip(solution.strata, rows, strict=True)):
        domain = stratum.domain if index in solution.held else None
        name = replace(stratum, domain=domain, documents=0, tokens=0)
        found, sums = merged.get(name, (name, [ZERO] * len(targets)))
        found = replace(
            found,
            documents=found.documents + stratum.documents,
            tokens=found.tokens + stratum.tokens,
        )
        merged[name] = (found, [a + b for a, b in zip(sums, targets, strict=True)])
    phases = tuple(
        replace(phase, strata=tuple(sums[i] for _, sums in merged.values()))
        for i, phase in enumerate(solution.phases)
    )
    strata = tuple(stratum for stratum, _ in merged.values())
    held = frozenset(i for i, stratum in enumerate(strata) if stratum.domain is not None)
    return Solution(strata, phases, solution.warnings, held)


def _phases(config: MixtureConfig) -> list[tuple[float, dict[str, Fraction] | None]]:
    if config.schedule is not None:
        return [(phase.until, shares(phase.weights)) for phase in config.schedule]
    return [(1.0, None if config.weights is None else shares(config.weights))]


def overall_shares(config: MixtureConfig) -> dict[str, Fraction]:
    """Shares of the sources over all phases."""
    found: dict[str, Fraction] = {}
    before = ZERO
    for until, weights in _phases(config):
        for name, share in (weights or {}).items():
            found[name] = found.get(name, ZERO) + share * (exact(until) - before)
        before = exact(until)
    return found


def _budget(config: MixtureConfig, strata: Sequence[Stratum]) -> Fraction | None:
    """Tokens of the whole mixture; None where each pool says it itself."""
    if isinstance(config.tokens, int):
        return Fraction(config.tokens)
    if config.weights is None and config.schedule is None:
        return None
    available = available_tokens(strata)
    most = [Fraction(sum(available.values()))]
    for name, share in overall_shares(config).items():
        if share:
            most.append(exact(config.max_epochs) * available.get(name, 0) / share)
    return min(most)


def available_tokens(strata: Sequence[Stratum]) -> dict[str, int]:
    """Tokens per source."""
    found: dict[str, int] = {}
    for stratum in strata:
        found[stratum.source] = found.get(stratum.source, 0) + stratum.tokens
    return found


def _rates(
    config: MixtureConfig,
    strata: Sequence[Stratum],
    room: Sequence[Fraction],
    weights: Mapping[str, Fraction] | None,
    budget: Fraction | None,
    held: set[int],
) -> list[Fraction]:
    """How often each stratum is seen in one phase; strata of domains held down are added to
    `held`.
    """
    rates = [ZERO] * len(strata)
    for name, members, target in _pools(config, strata, weights, budget):
        groups = _groups(config, strata, room, members)
        if target is None and config.language_temperature is not None:
            target = sum((g.tokens * min(strata[g.index].factor, g.room) for g in groups), ZERO)
        pool = _Pool(name, groups, config)
        for index, rate in pool.rates(target).items():
            rates[index] = rate
        held |= {group.index for group in groups if group.domain in pool.held}
    return rates


def _pools(
    config: MixtureConfig,
    strata: Sequence[Stratum],
    weights: Mapping[str, Fraction] | None,
    budget: Fraction | None,
) -> list[tuple[str, list[int], Fraction | None]]:
    """(source, its strata, tokens wanted; None: as they are). One for all without weights."""
    if weights is None and not isinstance(config.tokens, dict):
        return [("", list(range(len(strata))), budget)]
    members: dict[str, list[int]] = {}
    for index, stratum in enumerate(strata):
        members.setdefault(stratum.source, []).append(index)
    wanted: dict[str, Fraction | None] = {}
    if weights is not None:
        assert budget is not None
        wanted = {name: share * budget for name, share in weights.items()}
    elif isinstance(config.tokens, dict):
        wanted = {name: Fraction(tokens) for name, tokens in config.tokens.items()}
    for name, target in wanted.items():
        if target and name not in members:
            raise SpecError(
                f"mixture: source '{name}' has no tokens, {_rounded(target)} are wanted"
            )
    return [(name, own, wanted.get(name)) for name, own in members.items()]


@dataclass(frozen=True, slots=True)
class _Group:
    """A stratum while rates are sought."""

    index: int
    tokens: int
    factor: Fraction
    room: Fraction
    domain: str | None


def _groups(
    config: MixtureConfig,
    strata: Sequence[Stratum],
    room: Sequence[Fraction],
    members: Sequence[int],
) -> list[_Group]:
    """With the factors of their languages."""
    sizes: dict[str | None, int] = {}
    for index in members:
        language = strata[index].language
        sizes[language] = sizes.get(language, 0) + strata[index].tokens
    factors = {name: _language_factor(size, config) for name, size in sizes.items()}
    return [
        _Group(
            index,
            strata[index].tokens,
            strata[index].factor * factors[strata[index].language],
            room[index],
            strata[index].domain,
        )
        for index in members
    ]


def _language_factor(tokens: int, config: MixtureConfig) -> Fraction:
    """n^(1/T - 1) to 12 digits, so that no difference between libraries is left in it."""
    if config.language_temperature is None:
        return Fraction(1)
    power = tokens ** (1 / config.language_temperature - 1)
    return Fraction(f"{power:.12e}")


class _Pool:
    """Strata that share a target."""

    def __init__(self, name: str, groups: Sequence[_Group], config: MixtureConfig) -> None:
        self.name, self.groups, self.config = name, groups, config
        limit = config.max_share_per_domain
        self.share = None if limit is None or limit == 1 else exact(limit)
        self.by_domain: dict[str, list[_Group]] = {}
        self.held: set[str] = set()
        for group in groups:
            if group.domain is not None:
                self.by_domain.setdefault(group.domain, []).append(group)

    def rates(self, target: Fraction | None) -> dict[int, Fraction]:
        """Rate per stratum index."""
        while True:
            rest = [group for group in self.groups if group.domain not in self.held]
            total = self.natural(rest, len(self.held)) if target is None else target
            limit = None if self.share is None else self.share * total
            kept = {} if limit is None else {d: self.most(d, limit) for d in self.held}
            if target is None:
                found = {group.index: min(group.factor, group.room) for group in rest}
            else:
                found = self.filled(rest, target, sum(kept.values(), ZERO))
            over = set() if limit is None else self.above(found, limit)
            if not over:
                break
            self.held |= over
        for domain, amount in kept.items():
            own = fill(self.by_domain[domain], amount)
            assert own is not None
            found |= own
        return found

    def natural(self, rest: Sequence[_Group], held: int) -> Fraction:
        """Tokens of a pool whose strata keep their own rates but for the domains held down."""
        tokens = sum((g.tokens * min(g.factor, g.room) for g in rest), ZERO)
        if self.share is None:
            return tokens
        if held * self.share >= 1 or (held and not tokens):
            raise SpecError(
                f"mixture.max_share_per_domain: {self._where()} has too few domains for a share of "
                f"{float(self.share):g} each"
            )
        return tokens / (1 - held * self.share)

    def most(self, domain: str, limit: Fraction) -> Fraction:
        groups = self.by_domain[domain]
        return min(limit, sum((group.tokens * group.room for group in groups), ZERO))

    def filled(
        self, rest: Sequence[_Group], target: Fraction, held: Fraction
    ) -> dict[int, Fraction]:
        found = fill(rest, target - held)
        if found is not None:
            return found
        most = held + sum((group.tokens * group.room for group in rest), ZERO)
        cause = f"max_epochs {self.config.max_epochs:g}"
        if held:
            cause += f" and max_share_per_domain {self.config.max_share_per_domain:g}"
        raise SpecError(
            f"mixture: {self._where()} is asked for {_rounded(target)} tokens; there are "
            f"{_rounded(Fraction(sum(group.tokens for group in self.groups)))}, and {cause} "
            f"{'allow' if held else 'allows'} at most {_rounded(most)}; lower its share or "
            "`tokens:`, or raise max_epochs"
        )

    def above(self, rates: Mapping[int, Fraction], limit: Fraction) -> set[str]:
        """Domains that would get more than their share."""
        return {
            domain
            for domain, groups in self.by_domain.items()
            if domain not in self.held
            and sum((rates[group.index] * group.tokens for group in groups), ZERO) > limit
        }

    def _where(self) -> str:
        return f"source '{self.name}'" if self.name else "the mixture"


def fill(groups: Sequence[_Group], target: Fraction) -> dict[int, Fraction] | None:
    """Rates λ · factor, at most the room, that add up to `target` tokens; None: there are none."""
    if target < 0:
        return None
    weight = sum((group.tokens * group.factor for group in groups), ZERO)
    rates: dict[int, Fraction] = {}
    left = target
    ordered = sorted(groups, key=lambda group: group.room / group.factor)
    for place, group in enumerate(ordered):
        level = left / weight
        if level * group.factor <= group.room:
            return rates | {other.index: level * other.factor for other in ordered[place:]}
        rates[group.index] = group.room
        left -= group.room * group.tokens
        weight -= group.factor * group.tokens
    return rates if left <= 0 else None


def _warnings(
    config: MixtureConfig, strata: Sequence[Stratum], phases: Sequence[PhaseTargets]
) -> list[str]:
    """One per source that has documents which are seen more than four times, and one for a
    temperature that has no languages.
    """
    worst: dict[str, Fraction] = {}
    for index, stratum in enumerate(strata):
        epochs = sum((phase.strata[index] for phase in phases), ZERO) / stratum.tokens
        worst[stratum.source] = max(worst.get(stratum.source, ZERO), epochs)
    found = []
    if config.language_temperature is not None and all(each.language is None for each in strata):
        found.append(
            "mixture.language_temperature changes nothing: no language is known of any document "
            "(a `language` stage finds them)"
        )
    return found + [
        f"mixture: documents of '{name}' are seen {float(epochs):.1f} times; above "
        f"{MANY_EPOCHS} epochs repeated tokens are worth clearly less than new ones "
        "(Muennighoff et al. 2023)"
        for name, epochs in worst.items()
        if epochs > MANY_EPOCHS
    ]


def _rounded(tokens: Fraction) -> str:
    return f"{round(tokens):,}"
