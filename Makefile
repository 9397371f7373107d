# Everything a newcomer needs. `make demo` and `make test` work on a machine with Python >= 3.11 and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
export UV_PROJECT_ENVIRONMENT := .venv
# uv where it is installed, else one of our own inside .venv (--inexact keeps it there).
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
SYNC := $(UV) sync --locked --inexact --python .venv/bin/python --quiet
RUN := .venv/bin

.PHONY: help demo test lint format check bench clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("dunning needs Python 3.11 or newer; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv

.venv/bin/uv: | .venv/bin/python
	@echo "uv is not installed: putting it into .venv"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.runtime: pyproject.toml uv.lock | .venv/bin/python $(filter .venv/%,$(UV))
	@$(SYNC)
	@touch $@

.venv/.dev: pyproject.toml uv.lock | .venv/bin/python $(filter .venv/%,$(UV))
	@$(SYNC) --group dev
	@touch $@ .venv/.runtime

demo: .venv/.runtime ## Watch simulated failed payments being recovered, in your browser
	@$(RUN)/dunning demo $(ARGS)

test: .venv/.dev ## Lint, type-check and run the test suite
	@$(RUN)/ruff check . && $(RUN)/ruff format --check .
	@$(RUN)/lint-imports --no-cache
	@$(RUN)/mypy
	@$(RUN)/pytest $(ARGS)

lint: .venv/.dev ## Lint and type-check only
	@$(RUN)/ruff check . && $(RUN)/ruff format --check .
	@$(RUN)/lint-imports --no-cache
	@$(RUN)/mypy

format: .venv/.dev ## Format the code and mend what the linter can
	@$(RUN)/ruff format . && $(RUN)/ruff check --fix .

clean: ## Remove the environment and build output
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache
