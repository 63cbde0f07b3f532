# Everything a newcomer or the build calls. Each target does its own set-up: `make run` on a fresh machine works.
# Needs: make and Python 3.11 or newer. Uses uv where present, venv and pip otherwise.

SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.set-up
# The first interpreter that is new enough; `make PYTHON=/path/to/python3 setup` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
            "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
CHECKS := check-format check-lint check-mypy check-pyright check-imports check-tidy
.PHONY: help setup run test fast check bench docs clean $(CHECKS)

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv with everything in it (done once, and again when pyproject.toml changes)
	@:

run: setup  ## start the demo: the gateway of a small company
	@$(BIN)/narthex demo

test: setup  ## every test, the outside judges included (about an hour)
	@$(BIN)/pytest

fast: setup  ## the tests of the house alone: no suite, no other people's clients and servers
	@$(BIN)/pytest -m "not suite and not clients and not fleet and not provider and not documents and not slow"

check: setup  ## format, lint, two type checkers, the import contract, the house rules
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(CHECKS)

check-format:
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; exit 1; }
check-lint:
	@$(BIN)/ruff check --quiet .
check-mypy:
	@$(BIN)/mypy --no-error-summary
check-pyright:
	@mkdir -p .cache && $(BIN)/pyright > .cache/pyright.txt || { cat .cache/pyright.txt; exit 1; }
check-imports:
	@mkdir -p .cache && $(BIN)/lint-imports > .cache/imports.txt || { cat .cache/imports.txt; exit 1; }
check-tidy:
	@$(BIN)/pytest -q --no-header tests/tidy

bench: setup  ## measure against a direct call, nginx and another gateway; writes docs/bench.md
	@$$($(BIN)/python bench/interpreter.py) bench/run.py $(ARGS)

docs: setup  ## write the pages that are made from code
	@$(BIN)/python tests/tidy/generate_limits.py
	@$(BIN)/python tests/control/generate_configuration.py
	@$(BIN)/python tests/cli/generate_cli.py
	@$(BIN)/python -m narthex.telemetry.families > docs/metrics.md && echo "wrote docs/metrics.md"

clean:  ## remove what was made here: the environment and every cache
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The stamp is written last, so an interrupted set-up is done again.
$(STAMP): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Narthex needs Python 3.11 or newer, and found none: install it, or name it with 'make PYTHON=/path/to/python3 …'." >&2; exit 1; fi
	@if command -v uv >/dev/null 2>&1; then \
	    echo "Setting up $(VENV) with uv"; \
	    { [ -x $(BIN)/python ] || uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); } && \
	    uv pip install --quiet --python $(BIN)/python --group dev --editable .; \
	else \
	    echo "Setting up $(VENV) with venv and pip"; \
	    { [ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV) || { \
	        echo "python3 -m venv failed: on Debian and Ubuntu, 'apt-get install python3-venv' brings it." >&2; exit 1; }; } && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable .; \
	fi
	@touch $@
