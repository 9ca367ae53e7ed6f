# `make` prints this help. Everything else sets itself up first: Python 3.11 or newer and make are all a machine needs.
PYTHON ?= python3
VENV   := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test lint bench chaos map screenshots i18n requirements tests

# Dozens of processes start in the tests: each would compile the shop anew on a machine that is told to keep no bytecode.
unexport PYTHONDONTWRITEBYTECODE

help:       ## this list
	@sed -n 's/^\([a-z0-9-]*\): *[a-z ]*## */  make \1	/p' $(MAKEFILE_LIST) | expand -t 22

run:        ## set up, and serve the demo shop until Ctrl-C (PORT=8000 SHOP_HOME=instance)
	@$(PYTHON) -m run.setup serve
	@$(VENV)/python -m run

test: tests ## set up, then lint, import contracts, types, bandit and every test
	@$(VENV)/python -m run.checks tests

lint: tests ## the fast checks: ruff, import contracts, types, bandit
	@$(VENV)/python -m run.checks lint

bench: tests ## the benchmarks; results in bench/results.md
	@$(VENV)/python -m bench $(ARGS)

chaos: tests ## seeded fault runs: ARGS="--seed 7 --purchases 300"
	@$(VENV)/python -m chaos $(ARGS)

map:        ## each domain with its actions and events
	@$(PYTHON) -m run.map $(ARGS)

screenshots: tests ## most pages again into docs/screenshots
	@$(VENV)/python -m docs.screenshots $(ARGS)

i18n: tests ## gather the texts, bring the catalogues up to date
	@$(VENV)/python -m tools.texts

requirements: tests ## pin requirements*.in anew
	@$(VENV)/pip-compile --quiet $(PINNING) --output-file=requirements.txt requirements.in
	@$(VENV)/pip-compile --quiet $(PINNING) --output-file=requirements-vault.txt requirements-vault.in
	@$(VENV)/pip-compile --quiet $(PINNING) --output-file=requirements-azure.txt requirements-azure.in
	@$(VENV)/pip-compile --quiet $(PINNING) --output-file=requirements-dev.txt requirements-dev.in

# A pin must not say which index it came from; setuptools counts as a pin like any other.
export CUSTOM_COMPILE_COMMAND := make requirements
PINNING := --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

tests:
	@$(PYTHON) -m run.setup tests
