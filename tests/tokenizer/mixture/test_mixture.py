"""Mixtures: shares, supersets, conservation, bounds; and the whole numbers they become."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import SpecError
from curate.kernels.draw import draw_many
from curate.tokenizer.mixture.config import MixtureConfig, shares
from curate.tokenizer.mixture.plan import (
    MixturePlan,
    MixtureRows,
    Realised,
    repeats_of,
    to_bytes,
)
from curate.tokenizer.mixture.rates import Solution, Stratum, pooled, solve

ONE = Fraction(1)


class Corpus:
    """Documents of several strata, in order of strata as a corpus is in order of sources."""

    def __init__(self, sizes: dict[str, int], seed: int = 17) -> None:
        self.names = list(sizes)
        ids = [f"{name}/{number}" for name, size in sizes.items() for number in range(size)]
        self.strata = np.repeat(np.arange(len(sizes)), list(sizes.values()))
        self.draws = draw_many(seed, "mixture", pa.array(ids, pa.large_string()))
        # Lengths with a long tail, from another draw: the same on every machine.
        uniform = draw_many(seed, "sample", pa.array(ids, pa.large_string())) / 2.0**64
        self.tokens = np.minimum(20 + 300 / (1.0001 - uniform) ** 0.7, 1e5).astype(np.int64)

    def known(self) -> list[Stratum]:
        return [
            Stratum(
                name,
                None,
                ONE,
                None,
                int((self.strata == number).sum()),
                int(self.tokens[self.strata == number].sum()),
            )
            for number, name in enumerate(self.names)
        ]

    def scan(self, batch: int = 997) -> Iterator[MixtureRows]:
        for start in range(0, len(self.draws), batch):
            cut = slice(start, start + batch)
            yield MixtureRows(self.strata[cut], self.draws[cut], self.tokens[cut])

    def plan(self, config: MixtureConfig) -> MixturePlan:
        solution = solve(config, self.known())
        assert [s.source for s in solution.strata] == self.names
        realised = Realised(solution, repeats_of(solution, self.scan))
        table = pa.Table.from_batches([realised.batch(rows) for rows in self.scan()])
        content = realised.content(config.model_dump(mode="json"), "train")
        return MixturePlan.read(to_bytes(content), table, "mixture.json")


@pytest.fixture(scope="module")
def large() -> Corpus:
    return Corpus({"web": 80_000, "books": 15_000, "code": 9_000})


@pytest.fixture(scope="module")
def small() -> Corpus:
    return Corpus({"web": 700, "books": 150, "code": 50})


def test_shares_are_those_of_the_plan_within_a_tenth_of_a_point(large: Corpus) -> None:
    weights = {"web": 0.55, "books": 0.35, "code": 0.1}
    plan = large.plan(MixtureConfig(weights=weights, max_epochs=4))
    for name, weight in weights.items():
        assert plan.content["sources"][name]["share"] == pytest.approx(weight, abs=0.001)
    counted = np.bincount(large.strata[plan.rows(0)], weights=large.tokens[plan.rows(0)])
    assert counted / counted.sum() == pytest.approx(list(weights.values()), abs=0.001)


def test_the_plan_counts_what_its_rows_hold(small: Corpus) -> None:
    plan = small.plan(MixtureConfig(tokens=800_000, weights={"web": 1, "books": 2, "code": 1}))
    rows = plan.rows(0)
    assert plan.content["tokens"] == small.tokens[rows].sum()
    assert plan.content["documents"] == len(rows)
    for number, name in enumerate(small.names):
        facts = plan.content["sources"][name]
        assert facts["tokens"] == small.tokens[rows[small.strata[rows] == number]].sum()
        assert abs(facts["tokens"] - facts["target_tokens"]) <= small.tokens.max() / 2 + 1


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.integers(1, 800_000),
    more=st.integers(0, 400_000),
)
def test_a_larger_share_is_a_superset(small: Corpus, tokens: int, more: int) -> None:
    less, larger = (
        small.plan(MixtureConfig(tokens={"books": each}, max_epochs=10_000)).copies[0]
        for each in (tokens, tokens + more)
    )
    books = small.strata == 1
    assert (less <= larger).all()
    assert (less[~books] == 1).all()
    assert (larger[~books] == 1).all()
    assert larger[books].max() - larger[books].min() <= 1


def test_absolute_tokens_leave_the_other_sources_unmoved(small: Corpus) -> None:
    plan = small.plan(MixtureConfig(tokens={"web": 100_000}))
    sources = plan.content["sources"]
    assert sources["web"]["tokens"] == pytest.approx(100_000, abs=small.tokens.max() / 2)
    assert sources["books"]["tokens"] == sources["books"]["available_tokens"]
    assert sources["code"]["epochs"] == 1


@settings(max_examples=40, deadline=None)
@given(
    cut=st.floats(0.05, 0.95),
    first=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    second=st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
)
def test_a_schedule_goes_on_where_the_phase_before_ended(
    small: Corpus, cut: float, first: list[int], second: list[int]
) -> None:
    weights = [dict(zip(small.names, each, strict=True)) for each in (first, second)]
    schedule = [{"until": cut, "weights": weights[0]}, {"until": 1.0, "weights": weights[1]}]
    plan = small.plan(MixtureConfig.model_validate({"schedule": schedule}))
    together = plan.copies[0] + plan.copies[1]
    for number in range(3):  # nobody is seen again before all others of the source were
        own = together[small.strata == number]
        assert own.max() - own.min() <= 1
    total = sum(phase["target_tokens"] for phase in plan.content["phases"])
    assert plan.content["phases"][0]["target_tokens"] == pytest.approx(cut * total, abs=2)
    for phase in plan.content["phases"]:
        assert abs(phase["tokens"] - phase["target_tokens"]) <= 3 * small.tokens.max() + 1


def test_golden_plan(small: Corpus) -> None:
    schedule = [
        {"until": 0.8, "weights": {"web": 0.8, "books": 0.1, "code": 0.1}},
        {"until": 1.0, "weights": {"web": 0.2, "books": 0.5, "code": 0.3}},
    ]
    plan = small.plan(MixtureConfig.model_validate({"tokens": 900_000, "schedule": schedule}))
    data = b"".join(copies.tobytes() for copies in plan.copies)
    assert hashlib.blake2b(data, digest_size=8).hexdigest() == "289845b82cfa2518"


def test_batches_do_not_matter(small: Corpus) -> None:
    solution = solve(MixtureConfig(weights={"web": 5, "books": 4, "code": 1}), small.known())
    assert repeats_of(solution, lambda: small.scan(13)) == repeats_of(
        solution, lambda: small.scan(100_000)
    )


def strata(*rows: tuple[str, str | None, float, str | None, int]) -> list[Stratum]:
    return [
        Stratum(source, language, Fraction(repr(factor)), domain, 10, tokens)
        for source, language, factor, domain, tokens in rows
    ]


def epochs(solution: Solution) -> list[float]:
    return [
        float(sum(phase.strata[i] for phase in solution.phases) / stratum.tokens)
        for i, stratum in enumerate(solution.strata)
    ]


def test_without_anything_every_document_is_seen_once() -> None:
    found = solve(MixtureConfig(), strata(("a", None, 1, None, 70), ("b", None, 1, None, 30)))
    assert epochs(found) == [1, 1]


def test_without_a_budget_the_mixture_is_as_large_as_epochs_allow() -> None:
    known = strata(("a", None, 1, None, 9000), ("b", None, 1, None, 1000))
    found = solve(MixtureConfig(weights={"a": 0.5, "b": 0.5}, max_epochs=2), known)
    assert found.phases[0].tokens == 4000
    assert epochs(found)[1] == 2
    assert solve(MixtureConfig(weights={"a": 8, "b": 2}), known).phases[0].tokens == 10_000


def test_temperature_balances_languages_within_the_epochs() -> None:
    known = strata(("a", "en", 1, None, 1_000_000), ("a", "ko", 1, None, 10_000))
    plain = solve(MixtureConfig(language_temperature=1), known)
    assert epochs(plain) == [1, 1]
    warm = solve(MixtureConfig(language_temperature=2, max_epochs=100), known)
    english, korean = warm.phases[0].strata
    assert float(english / korean) == pytest.approx(10, rel=1e-9)
    assert english + korean == 1_010_000
    limited = solve(MixtureConfig(language_temperature=2), known)
    assert epochs(limited)[1] == 4
    assert sum(limited.phases[0].strata) == 1_010_000  # what Korean cannot take goes to English


def test_a_domain_is_held_to_its_share() -> None:
    known = strata(
        ("web", None, 1, "big.example", 600),
        ("web", None, 1, "mid.example", 150),
        ("web", None, 1, None, 250),
        ("books", None, 1, None, 1000),
    )
    found = solve(MixtureConfig(weights={"web": 1, "books": 1}, max_share_per_domain=0.2), known)
    web = found.tokens_of("web")
    assert found.phases[0].strata[0] == web / 5
    assert found.phases[0].strata[1] <= web / 5
    alone = solve(MixtureConfig(max_share_per_domain=0.25), known)
    assert sum(alone.phases[0].strata) == Fraction(1400) / Fraction(3, 4)
    assert epochs(alone)[1:] == [1, 1, 1]
    merged = pooled(alone)
    assert [(s.source, s.domain, s.tokens) for s in merged.strata] == [
        ("web", "big.example", 600),
        ("web", None, 400),
        ("books", None, 1000),
    ]
    with pytest.raises(SpecError, match="too few domains"):
        solve(MixtureConfig(max_share_per_domain=0.25), known[:1])


def test_documents_with_a_high_signal_are_seen_more_often() -> None:
    known = strata(("a", None, 1, None, 800), ("a", None, 3, None, 200))
    assert epochs(solve(MixtureConfig(), known)) == [1, 3]
    low, high = epochs(solve(MixtureConfig(tokens=700), known))
    assert high == pytest.approx(3 * low)
    low, high = epochs(solve(MixtureConfig(tokens=2400), known))
    assert high == 4  # max_epochs; the rest goes to the others
    assert low == 2


def test_more_than_four_epochs_warn() -> None:
    known = strata(("a", None, 1, None, 800), ("b", None, 1, None, 200))
    weights = {"a": 1, "b": 1}
    found = solve(MixtureConfig(tokens=2000, weights=weights, max_epochs=10), known)
    assert len(found.warnings) == 1
    assert "'b' are seen 5.0 times" in found.warnings[0]
    with pytest.raises(SpecError, match=r"source 'b' is asked for 1,000 tokens.*at most 800"):
        solve(MixtureConfig(tokens=2000, weights=weights), known)
    with pytest.raises(SpecError, match="source 'c' has no tokens"):
        solve(MixtureConfig(tokens=2000, weights={"a": 1, "b": 1, "c": 1}), known)


def test_weights_are_parts_or_shares() -> None:
    assert shares({"a": 7, "b": 1}) == {"a": Fraction(7, 8), "b": Fraction(1, 8)}
    assert shares({"a": 0.7, "b": 0.3})["a"] == Fraction(7, 10)
    assert sum(shares({"a": 0.333, "b": 0.6667}).values()) == 1
    assert shares({"a": 33.3, "b": 66.7})["a"] == Fraction(333, 1000)
    with pytest.raises(SpecError, match=r"add up to 0\.9"):
        shares({"a": 0.7, "b": 0.2})
    with pytest.raises(SpecError, match="above 0"):
        shares({"a": 0})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": {"a": 0.5, "b": 0.4}}, "not to 1"),
        ({"schedule": [{"until": 0.8, "weights": {"a": 1}}]}, "must end at 1.0"),
        (
            {
                "schedule": [
                    {"until": 1.0, "weights": {"a": 1}},
                    {"until": 0.5, "weights": {"a": 1}},
                ]
            },
            "until 0.5 follows 1",
        ),
        ({"tokens": {"a": 5}, "weights": {"a": 1}}, "exclude each other"),
        (
            {"weights": {"a": 1}, "schedule": [{"until": 1.0, "weights": {"a": 1}}]},
            "exclude each other",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MixtureConfig.model_validate(fields)
    assert MixtureConfig(weights={"a": 1}).problems(["a", "b"]) == [
        ("weights", "source 'b' has no weight; `b: 0` leaves it out")
    ]
    assert "sources are: a" in MixtureConfig(tokens={"x": 1}).problems(["a"])[0][1]
