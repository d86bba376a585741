"""Scaling laws: how large a model a corpus or a budget of computation is good for, and back.

Every law splits C FLOPs between N parameters and D tokens as power laws, N = k C^a, D = m C^b:

* *kaplan* (Kaplan et al. 2020, arXiv 2001.08361, appendix A): N = 1.3e9 C^0.73, D = 2.0e10 C^0.27
  with C in PF-days (8.64e19 FLOPs), computed far below the critical batch size; D is that of one
  pass at it. Its schedules were not fitted to each length, which is why it asks for few tokens.
* *chinchilla* (Hoffmann et al. 2022, arXiv 2203.15556): approach 1, the envelope of training
  curves, as the first and last line of its table 3 state it (a = 0.498, the paper rounds to 0.50).
* *chinchilla-parametric*: its approach 3, L = E + A/N^α + B/D^β with the constants that surveys
  quote (1.69, 406.4, 410.7, 0.34, 0.28); at a minimum of L for C = 6 N D,
  N = G (C/6)^(β/(α+β)), D = (C/6)^(α/(α+β)) / G, G = (α A / β B)^(1/(α+β)).
* *refit* (Besiroglu et al. 2024, arXiv 2404.10102): the same form fitted again to the points of the
  paper's figure, 1.8172, 482.01, 2085.43, 0.3478, 0.3658; it agrees with approaches 1 and 2.
* *data-constrained* (Muennighoff et al. 2023, arXiv 2305.16264, appendix A): repeated tokens are
  worth less, D' = U + U R (1 - exp(-r/R)) for U unique tokens seen 1 + r times, R = 15.387756; the
  same for parameters beyond what U asks for, R = 5.309743; constants 1.87, 521, 1488, 0.353, 0.353
  at the precision its authors publish.

They count parameters differently (`Law.counts`), which changes an answer for small models by a
factor of up to 5: say which count you mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOPS_PER_PARAMETER_AND_TOKEN = 6
PF_DAY = 8.64e19
"""FLOPs of one PF-day."""

ALL = "all parameters, embeddings included"
NOT_EMBEDDINGS = "parameters without embeddings"


@dataclass(frozen=True, slots=True)
class Allocation:
    """A model size, tokens to train it on, and the computation that takes."""

    parameters: float
    tokens: float
    flops: float


@dataclass(frozen=True, slots=True)
class Law:
    """Compute-optimal allocation as power laws of the budget."""

    name: str
    source: str
    counts: str
    parameters_at_one: float
    parameters_exponent: float
    tokens_at_one: float
    tokens_exponent: float
    flops_unit: float = 1.0

    def for_flops(self, flops: float) -> Allocation:
        """The best model and number of tokens for a budget."""
        budget = flops / self.flops_unit
        return Allocation(
            self.parameters_at_one * budget**self.parameters_exponent,
            self.tokens_at_one * budget**self.tokens_exponent,
            flops,
        )

    def for_tokens(self, tokens: float) -> Allocation:
        """The model for which these are the best number of tokens."""
        budget = (tokens / self.tokens_at_one) ** (1 / self.tokens_exponent)
        return self.for_flops(budget * self.flops_unit)

    def for_parameters(self, parameters: float) -> Allocation:
        """The tokens that a model of this size is best trained on."""
        budget = (parameters / self.parameters_at_one) ** (1 / self.parameters_exponent)
        return self.for_flops(budget * self.flops_unit)


@dataclass(frozen=True, slots=True)
class LossSurface:
    """L(N, D) = E + A/N^α + B/D^β, nats per token on the paper's own text."""

    irreducible: float
    of_parameters: float
    of_tokens: float
    parameters_exponent: float
    tokens_exponent: float

    def loss(self, parameters: float, tokens: float) -> float:
        """Of a model trained on tokens that it sees once."""
        return float(
            self.irreducible
            + self.of_parameters / parameters**self.parameters_exponent
            + self.of_tokens / tokens**self.tokens_exponent
        )

    def law(self, name: str, source: str, counts: str) -> Law:
        """The allocation with the lowest loss for C = 6 N D."""
        alpha, beta = self.parameters_exponent, self.tokens_exponent
        ratio = (alpha * self.of_parameters) / (beta * self.of_tokens)
        balance = ratio ** (1 / (alpha + beta))
        return Law(
            name,
            source,
            counts,
            balance,
            beta / (alpha + beta),
            1 / balance,
            alpha / (alpha + beta),
            FLOPS_PER_PARAMETER_AND_TOKEN,
        )


CHINCHILLA_TABLE = (
    (400e6, 1.92e19, 8.0e9),
    (1e9, 1.21e20, 20.2e9),
    (10e9, 1.23e22, 205.1e9),
    (67e9, 5.76e23, 1.5e12),
    (175e9, 3.85e24, 3.7e12),
    (280e9, 9.90e24, 5.9e12),
    (520e9, 3.43e25, 11.0e12),
    (1e12, 1.27e26, 21.2e12),
    (10e12, 1.30e28, 216.2e12),
)
"""Parameters, FLOPs and tokens of Hoffmann et al. 2022, table 3 (approach 1), as printed."""


def _through(first: tuple[float, float, float], last: tuple[float, float, float]) -> Law:
    """The power laws through two lines of the table, parameters against FLOPs."""
    exponent = math.log(last[0] / first[0]) / math.log(last[1] / first[1])
    scale = first[0] / first[1] ** exponent
    return Law(
        "chinchilla",
        "Hoffmann et al. 2022, approach 1 (table 3)",
        ALL,
        scale,
        exponent,
        1 / (FLOPS_PER_PARAMETER_AND_TOKEN * scale),
        1 - exponent,
    )


CHINCHILLA_SURFACE = LossSurface(1.69, 406.4, 410.7, 0.34, 0.28)
REFIT_SURFACE = LossSurface(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
REPEATED_SURFACE = LossSurface(
    math.exp(0.6254804), math.exp(6.255414), math.exp(7.3049974), 0.3526596, 0.3526596
)
REPETITIONS_CONSTANT = 15.387756
"""Repetitions after which a repeated token is worth 1/e of a new one (R*_D)."""
EXCESS_PARAMETERS_CONSTANT = 5.309743
"""The same for parameters beyond what the unique tokens ask for (R*_N)."""

KAPLAN = Law("kaplan", "Kaplan et al. 2020", NOT_EMBEDDINGS, 1.3e9, 0.73, 2.0e10, 0.27, PF_DAY)
CHINCHILLA = _through(CHINCHILLA_TABLE[0], CHINCHILLA_TABLE[-1])
CHINCHILLA_PARAMETRIC = CHINCHILLA_SURFACE.law(
    "chinchilla-parametric", "Hoffmann et al. 2022, approach 3", ALL
)
REFIT = REFIT_SURFACE.law("refit", "Besiroglu et al. 2024", ALL)
REPEATED = REPEATED_SURFACE.law("data-constrained", "Muennighoff et al. 2023", ALL)
LAWS = (KAPLAN, CHINCHILLA, CHINCHILLA_PARAMETRIC, REFIT, REPEATED)
"""In order of publication; the last one for tokens seen once."""


def effective_tokens(unique: float, total: float) -> float:
    """New tokens that `total` tokens of training on `unique` ones are worth."""
    if total <= unique:
        return total
    return unique * (1 + _saturated(total / unique - 1, REPETITIONS_CONSTANT))


def repeated_loss(parameters: float, total: float, unique: float) -> float:
    """Loss of a model trained on `total` tokens, `unique` of them different."""
    unique = min(unique, total)
    wanted = min(parameters, REPEATED.for_tokens(unique).parameters)
    effective = wanted * (1 + _saturated(parameters / wanted - 1, EXCESS_PARAMETERS_CONSTANT))
    return REPEATED_SURFACE.loss(effective, effective_tokens(unique, total))


def _saturated(times: float, constant: float) -> float:
    return -constant * math.expm1(-times / constant)


SEARCH_STEPS_PER_DECADE = 1000
SEARCH_DECADES = (-3, 1)


def best_with_repetition(flops: float, unique: float) -> Allocation:
    """The model with the lowest `repeated_loss` for a budget and a corpus of `unique` tokens.

    Searched on a grid of 0.2 % from a thousandth to ten times the size for new tokens: with few
    tokens the best model is smaller and sees them more often.
    """
    start = REPEATED.for_flops(flops).parameters
    first, last = (decade * SEARCH_STEPS_PER_DECADE for decade in SEARCH_DECADES)

    def at(step: int) -> Allocation:
        parameters = start * 10 ** (step / SEARCH_STEPS_PER_DECADE)
        tokens = flops / (FLOPS_PER_PARAMETER_AND_TOKEN * parameters)
        return Allocation(parameters, tokens, flops)

    found = (at(step) for step in range(first, last + 1))
    return min(found, key=lambda each: repeated_loss(each.parameters, each.tokens, unique))
