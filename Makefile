# `make check` is the one command that says whether a change is good. It uses the active environment.
PYTHON ?= python

.PHONY: check lint types test test-slow test-all format

check: lint types test

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy --strict -p curate

test:
	$(PYTHON) -m pytest -q

test-slow:
	$(PYTHON) -m pytest -q -m slow

test-all:
	$(PYTHON) -m pytest -q -m "slow or not slow"

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
