# Everything a newcomer needs. `make demo` and `make test` work on a machine with Python >= 3.11 and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
export UV_PROJECT_ENVIRONMENT := .venv
# Trust what the machine trusts: company proxies put their own certificate there.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
# uv where it is installed and answers, else one of our own inside .venv (--inexact keeps it there).
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .venv/bin/uv)
SYNC := $(UV) sync --locked --inexact --python .venv/bin/python --quiet
RUN := .venv/bin

.PHONY: help demo test lint format study proof bench bench-full clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("dunning needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

.venv/bin/uv: | .venv/bin/python
	@echo "uv is not installed: putting it into .venv" >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.runtime: pyproject.toml uv.lock | .venv/bin/python $(filter .venv/%,$(UV))
	@$(SYNC)
	@touch $@

.venv/.dev: pyproject.toml uv.lock | .venv/bin/python $(filter .venv/%,$(UV))
	@$(SYNC) --group dev
	@touch $@ .venv/.runtime

demo: .venv/.runtime ## Watch simulated failed payments being recovered, in your browser
	@$(RUN)/dunning demo $(ARGS)

test: lint ## Lint, type-check and run the test suite
	@$(RUN)/pytest -n 2 --dist loadfile -m "not heavy" $(ARGS)

lint: .venv/.dev ## Only lint and type-check
	@$(RUN)/ruff check . && $(RUN)/ruff format --check .
	@$(RUN)/lint-imports --no-cache
	@$(RUN)/mypy

format: .venv/.dev ## Format the code and mend what the linter can
	@$(RUN)/ruff format . && $(RUN)/ruff check --fix .

study: .venv/.dev ## How often the backtest's intervals hold the truth, over 100 seeds (docs/backtest-study.md)
	@PYTHONPATH=tests $(RUN)/python -m study.coverage $(ARGS)

proof: .venv/.dev ## Break everything: 2,000 simulated cities, three chaos runs, hostile input; an hour or more (docs/proof.md)
	@PYTHONPATH=tests $(RUN)/python -m proof $(ARGS)

bench: .venv/.dev ## What it can bear: all benchmarks up to a million rows, some 15 minutes (docs/performance.md)
	@$(SYNC) --group dev --extra fast
	@PYTHONPATH=tests $(RUN)/python -m benchmarks $(ARGS)

bench-full: .venv/.dev ## The same questions to ten million rows; ARGS="--url postgresql+psycopg://…" keeps them
	@$(SYNC) --group dev --extra fast
	@PYTHONPATH=tests $(RUN)/python -m benchmarks --full $(ARGS)

clean: ## Remove the environment and build output
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache
