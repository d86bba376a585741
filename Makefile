# `make check` is the one command that says whether a change is good. It uses the active environment.
PYTHON ?= python
# Which tests: `make test SELECT="not soak"` adds the slow ones (CI), SELECT="" runs all.
SELECT ?= not slow

.PHONY: check lint types test test-slow test-all asan format

check: lint types test

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy --strict -p curate

test:
	$(PYTHON) -m pytest -q -m "$(SELECT)"

test-slow:
	$(PYTHON) -m pytest -q -m "slow and not soak"

test-all:
	$(PYTHON) -m pytest -q -m ""

# The tests of the kernels with kernels under AddressSanitizer and UndefinedBehaviorSanitizer.
asan:
	PYTHON="$(PYTHON)" .ci/sanitize

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
