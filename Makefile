# `make check` is the one command that says whether a change is good. It uses the active environment.
PYTHON ?= python
# Which tests: `make test SELECT="not soak"` adds the slow ones (CI), SELECT="" runs all.
SELECT ?= not slow
# In how many processes, a file of tests in one of them; WORKERS=0 is this one.
WORKERS ?= 2
PYTEST = $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile

.PHONY: check lint types test test-slow test-all asan format

check: lint types test

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy --strict -p curate

test:
	$(PYTEST) -m "$(SELECT)"

test-slow:
	$(PYTEST) -m "slow and not soak"

test-all:
	$(PYTEST) -m ""

# The tests of the kernels with kernels under AddressSanitizer and UndefinedBehaviorSanitizer.
asan:
	PYTHON="$(PYTHON)" .ci/sanitize

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
