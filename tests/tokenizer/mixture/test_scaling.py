"""Scaling laws against the numbers that their papers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.tokenizer.mixture.scaling import (
    CHINCHILLA,
    CHINCHILLA_PARAMETRIC,
    CHINCHILLA_TABLE,
    KAPLAN,
    LAWS,
    REFIT,
    REPEATED,
    Law,
    best_with_repetition,
    effective_tokens,
    repeated_loss,
)

NAMES = [law.name for law in LAWS]


@pytest.mark.parametrize(("parameters", "flops", "tokens"), CHINCHILLA_TABLE)
def test_the_white_papers_table(parameters: float, flops: float, tokens: float) -> None:
    found = CHINCHILLA.for_parameters(parameters)
    assert found.flops == pytest.approx(flops, rel=0.1)
    assert found.tokens == pytest.approx(tokens, rel=0.1)


def test_what_the_papers_say_of_their_laws() -> None:
    # Chinchilla itself: 70 B parameters, 1.4 T tokens, Gopher's budget of 5.76e23 FLOPs.
    assert CHINCHILLA.for_flops(5.76e23).parameters == pytest.approx(67e9, rel=0.03)
    # Hoffmann et al. 2022, section 3.3: exponents 0.46 and 0.54 (0.452 and 0.548 from what they
    # print); Besiroglu et al. 2024: 0.513 and about 20 tokens per parameter.
    assert CHINCHILLA_PARAMETRIC.parameters_exponent == pytest.approx(0.452, abs=0.001)
    assert REFIT.parameters_exponent == pytest.approx(0.513, abs=0.001)
    gopher = REFIT.for_flops(5.76e23)
    assert 15 < gopher.tokens / gopher.parameters < 26
    # Kaplan et al. 2020, appendix A: at one PF-day.
    day = KAPLAN.for_flops(8.64e19)
    assert (day.parameters, day.tokens) == (1.3e9, 2.0e10)


@pytest.mark.parametrize("law", LAWS, ids=NAMES)
@given(exponent=st.floats(16, 28))
def test_back_and_forth(law: Law, exponent: float) -> None:
    flops = 10**exponent
    there = law.for_flops(flops)
    for back in (law.for_tokens(there.tokens), law.for_parameters(there.parameters)):
        assert back.flops == pytest.approx(flops, rel=1e-6)
    if law is not KAPLAN:
        assert 6 * there.parameters * there.tokens == pytest.approx(flops, rel=1e-6)


def test_the_data_constrained_law_gives_its_authors_numbers() -> None:
    # Printed beside the formula in the authors' repository (the models of figure 1, right).
    assert repeated_loss(6.34e9, 242e9, 25e9) == pytest.approx(2.2256440889984477, rel=1e-12)
    assert repeated_loss(8.67e9, 178e9, 25e9) == pytest.approx(2.2269634075087867, rel=1e-12)


@given(unique=st.floats(1e6, 1e12), epochs=st.floats(0.1, 1000))
def test_repeated_tokens_are_worth_less_than_new_ones(unique: float, epochs: float) -> None:
    total = unique * epochs
    worth = effective_tokens(unique, total)
    assert worth <= total * (1 + 1e-12)
    assert worth <= 16.387757 * unique
    if epochs <= 1:
        assert worth == total
    if epochs <= 4:
        assert worth >= 0.9 * total  # four epochs are nearly as good as new tokens (section 6)


def test_few_unique_tokens_want_a_smaller_model_for_longer() -> None:
    budget = REPEATED.for_tokens(100e9).flops
    enough = best_with_repetition(budget, 200e9)
    few = best_with_repetition(budget, 10e9)
    assert enough.parameters == pytest.approx(REPEATED.for_flops(budget).parameters, rel=0.01)
    assert few.parameters < 0.8 * enough.parameters
    assert few.tokens > enough.tokens
    assert repeated_loss(few.parameters, few.tokens, 10e9) < repeated_loss(
        enough.parameters, enough.tokens, 10e9
    )
