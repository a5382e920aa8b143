# One command for the developer and CI alike. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test full check format bench weights clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv/ with pinned dependencies and this project; does nothing when up to date.

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Darkroom needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: setup  ## Serve the four main models on demo weights, develop one picture, and go on serving.
	$(BIN)/darkroom serve --demo

test: setup  ## Every test, with a fixed sample where the whole takes long.
	$(BIN)/pytest -m "not slow and not gpu"

full: setup  ## Every test there is.
	$(BIN)/pytest

check: setup  ## Formatter, linter, type checker, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Format the code and apply the linter's safe fixes.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## The CPU benchmarks; writes benchmarks/results/.
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.mixed
	$(BIN)/python -m benchmarks.event_loop
	$(BIN)/python -m benchmarks.service
	$(BIN)/python -m benchmarks.report

weights: setup  ## Train the demo weights from nothing: about three hours on two cores; resumes.
	$(BIN)/python -m deployments.demo.training

clean:  ## Remove the environment and caches.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
