"""Stages that only tests use, importable in worker processes: `tests/plugins` is on their path."""

from curate_test_stages.crowds import CrowdedOpenings
from curate_test_stages.digits import HideDigits
from curate_test_stages.fragile import Fragile
from curate_test_stages.kindred import Kindred
from curate_test_stages.learned import OnePerLength, UncommonLetters

__all__ = [
    "CrowdedOpenings",
    "Fragile",
    "HideDigits",
    "Kindred",
    "OnePerLength",
    "UncommonLetters",
]
