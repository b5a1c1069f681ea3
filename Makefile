# On a fresh machine that has Python and make, `make demo` and `make test` need nothing else.
#
# Each interpreter has its own environment: .venv for python3, .venv-python3.13 for PYTHON=python3.13.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-lowest lint format bench bench-check clean

# `=` and not `?=`: PYTHON is set on make's command line, never by what happens to be in the environment.
PYTHON = python3
# Processes that share the tests. More than the cores only wait for each other; each takes about 1 GB.
WORKERS = 2

# Settings of the caller's shell that would make the environment find other packages than its own.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV
unexport PYTEST_ADDOPTS PYTHONWARNINGS

ifeq ($(PYTHON),python3)
SUFFIX :=
else
SUFFIX := -$(or $(shell $(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])' 2>/dev/null),unknown)
endif
VENV := .venv$(SUFFIX)
LOWEST := .venv-lowest$(SUFFIX)

help:  ## show this list
	@echo 'usage: make TARGET [PYTHON=python3.13]'
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  \1 \2/p' Makefile | while read -r target text; do \
	    printf '  %-12s %s\n' "$$target" "$$text"; done

demo: $(VENV)/.demo  ## train on the digits, unweighted and weighted, and print the recall of each class
	$(VENV)/bin/lightning-imbalance demo

# One thread in each worker: two workers with two threads each are slower than one worker alone.
test: export OMP_NUM_THREADS = 1
test: $(VENV)/.test  ## run everything: tests, doctests, README, docs, notebooks, the built wheel
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup

test-lowest: export OMP_NUM_THREADS = 1
test-lowest: $(LOWEST)/.test  ## run the tests with each runtime dependency at its lower bound
	$(LOWEST)/bin/python .ci/lower_bounds.py --installed
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist loadgroup

lint: $(VENV)/.dev  ## ruff check, ruff format --check, mypy --strict
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

bench: export OMP_NUM_THREADS = 1
bench: $(VENV)/.bench  ## measure all costs again, and write benchmarks/RESULTS.md (about 20 minutes)
	$(VENV)/bin/python benchmarks/bench.py

bench-check: export OMP_NUM_THREADS = 1
bench-check: $(VENV)/.bench  ## measure all costs again, and say which ratios are worse than the committed ones
	$(VENV)/bin/python benchmarks/bench.py --check

format: $(VENV)/.dev  ## let ruff format and fix what it can
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

clean:  ## remove the environments and everything the tools left behind
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis lightning_logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each extra: it is older than pyproject.toml or the version exactly when something may be missing.
INSTALLED_FROM := pyproject.toml lightning_imbalance/__about__.py
$(VENV)/.demo $(VENV)/.test $(VENV)/.bench $(VENV)/.dev: $(VENV)/.%: $(VENV)/.created $(INSTALLED_FROM)
	@echo 'Installing into $(VENV): a few minutes the first time, most of them for torch.'
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(LOWEST)/.test: $(LOWEST)/.created $(INSTALLED_FROM)
	@echo 'Installing into $(LOWEST): a few minutes the first time, most of them for torch.'
	$(LOWEST)/bin/python .ci/lower_bounds.py > $(LOWEST)/lower-bounds.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --requirement $(LOWEST)/lower-bounds.txt
	@touch $@

# The stamp and not bin/python: where the venv module lacks ensurepip, bin/python exists and pip does not.
$(VENV)/.created $(LOWEST)/.created:
	@$(PYTHON) -c '' 2>/dev/null \
	    || { echo 'make: PYTHON must be a Python interpreter that starts, got $(PYTHON).' \
	        'Name one, for example: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	    || { echo 'make: PYTHON must be Python 3.10 or newer, got' \
	        "$$($(PYTHON) --version 2>&1). Name one, for example: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo 'make: $(PYTHON) must have the modules venv and ensurepip, and one is missing.' \
	        'On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
	@touch $@
