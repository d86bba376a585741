"""How much of each source and language a tokenizer is trained on.

*Sources*: as the mixture weighs them, in bytes of text, because there are no tokens before there is
a tokenizer; counts of a source are scaled by a fraction (a source that is seen twice counts twice).
Absolute tokens are taken as `BYTES_PER_TOKEN` bytes each. What else the mixture says (temperature,
domains, signals) concerns the model, not the tokenizer.

*Languages* (`tokenizer.language_temperature`): documents are drawn so that a language of n bytes
has a share in proportion to n^(1/T), the language with the highest rate whole (Conneau and Lample
2019, section 3.1: T = 2 for the vocabulary of XLM). The draw is that of the mixture (key: document
id), so a lower temperature takes a superset.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from curate.tokenizer.mixture.config import MixtureConfig, exact
from curate.tokenizer.mixture.rates import overall_shares

BYTES_PER_TOKEN = 4
MOST_PARTS = 2**16
"""Largest denominator of a share."""


def source_shares(
    config: MixtureConfig | None, text_bytes: Mapping[str, int]
) -> dict[str, Fraction]:
    """Share of the counts of every source; text_bytes: of its training documents."""
    wanted: dict[str, Fraction] = {}
    if config is not None:
        total = sum(text_bytes.values())
        wanted = {name: share * total for name, share in overall_shares(config).items()}
        if isinstance(config.tokens, dict):
            wanted = {
                name: Fraction(tokens * BYTES_PER_TOKEN) for name, tokens in config.tokens.items()
            }
    found = {}
    for name, available in text_bytes.items():
        share = Fraction(1)
        if config is not None and name in wanted and available:
            share = min(wanted[name] / available, exact(config.max_epochs))
        rounded = share.limit_denominator(MOST_PARTS)
        found[name] = Fraction(1, MOST_PARTS) if share and not rounded else rounded
    return found


def language_rates(text_bytes: Mapping[str, int], temperature: float) -> dict[str, Fraction]:
    """Share of the documents of every language; the largest is 1. 12 digits, so that no difference
    between libraries is left.
    """
    factors = {
        language: size ** (1 / temperature - 1) for language, size in text_bytes.items() if size
    }
    most = max(factors.values(), default=1.0)
    return {name: Fraction(f"{factor / most:.12f}") for name, factor in factors.items()}
