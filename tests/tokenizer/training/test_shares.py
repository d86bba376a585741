"""How much of sources and languages a tokenizer is trained on."""

from __future__ import annotations

from fractions import Fraction

import pytest

from curate.tokenizer.mixture.config import MixtureConfig
from curate.tokenizer.training.shares import language_rates, source_shares

BYTES = {"web": 900, "books": 100}


def test_without_a_mixture_everything_counts_once() -> None:
    assert source_shares(None, BYTES) == {"web": 1, "books": 1}
    assert source_shares(MixtureConfig(tokens=5), BYTES) == {"web": 1, "books": 1}


def test_sources_count_as_the_mixture_weighs_their_bytes() -> None:
    found = source_shares(MixtureConfig(weights={"web": 0.7, "books": 0.3}), BYTES)
    assert found == {"web": Fraction(7, 9), "books": 3}
    schedule = [
        {"until": 0.5, "weights": {"web": 1, "books": 0}},
        {"until": 1.0, "weights": {"web": 1, "books": 1}},
    ]
    annealed = source_shares(MixtureConfig.model_validate({"schedule": schedule}), BYTES)
    assert annealed["books"] == Fraction(250, 100)
    limited = source_shares(MixtureConfig(weights={"web": 0, "books": 1}), BYTES)
    assert limited == {"web": 0, "books": 4}
    absolute = source_shares(MixtureConfig(tokens={"books": 50}), BYTES)
    assert absolute == {"web": 1, "books": 2}
    tiny = source_shares(MixtureConfig(weights={"web": 1, "books": 9_999_999}), BYTES)
    assert tiny["web"] == Fraction(1, 2**16)


def test_languages_in_balance() -> None:
    assert language_rates({"en": 1000, "ko": 10}, 1) == {"en": 1, "ko": 1}
    rates = language_rates({"en": 1000, "ko": 10, "": 0}, 2)
    assert rates["ko"] == 1
    assert float(1000 * rates["en"] / 10) == pytest.approx(10)
    assert list(rates) == ["en", "ko"]
