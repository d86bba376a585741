"""Every error a user can meet. The message says what happened, where, and what to do about it."""

from __future__ import annotations


class CurateError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line returns."""

    exit_code = 1


class SpecError(CurateError):
    """The pipeline file or a stage's configuration is wrong; nothing was written. Exit code 2."""

    exit_code = 2


class DataError(CurateError):
    """Input or an intermediate file is not what it claims to be (file, offset, remedy)."""


class StageError(CurateError):
    """A stage broke its contract or failed outside a single document (stage, document id)."""


class BudgetError(CurateError):
    """The run would need more memory or disk than the machine has."""


class GuardRailError(CurateError):
    """A guard rail (`expect_kept`, `max_bad_fraction`) stopped the run. Exit code 3."""

    exit_code = 3


class Interrupted(CurateError):
    """The user asked to stop; the same command resumes. Exit code 130."""

    exit_code = 130
