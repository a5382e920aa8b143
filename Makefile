# One command for the developer and CI alike. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Networks as small as the tests' are quickest on one thread each, a file at a time on every core (or a folder:
# tests/conftest.py), in alphabetical order: the files that take long come early, and no core waits for the last of them.
UNIT := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# What is in ui/ needs Node.js; on a machine without, the other targets say so and leave it out.
HAS_NODE := node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major + minor / 100 >= 20.19 ? 0 : 1)' \
	2>/dev/null && npm --version >/dev/null 2>&1
NO_NODE := ui/ needs Node.js 20.19 or newer with npm (https://nodejs.org)
NPM_CI := { [ node_modules/.installed -nt package-lock.json ] || { npm ci --no-audit --no-fund && touch node_modules/.installed; }; }
IN_UI = @if $(HAS_NODE); then cd ui && $(NPM_CI) && $(1); else echo "skipped: $(NO_NODE)"; fi

.PHONY: help setup has-node demo ui test full check format bench screenshots weights clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv/ with pinned dependencies and this project; does nothing when up to date.

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Darkroom needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: setup  ## Serve the four main models on demo weights, develop one picture, and go on serving.
	$(BIN)/darkroom serve --demo

has-node:
	@$(HAS_NODE)

ui:  ## The client for browsers and Node, built: ui/*/dist/. Needs Node.js.
	@$(HAS_NODE) || { echo "$(NO_NODE)"; exit 1; }
	$(call IN_UI,npm run build)

test: setup  ## Every test, with a fixed sample where the whole takes long.
	$(UNIT) -m "not slow and not gpu" tests/unit
	$(call IN_UI,npm test && npm run test:service)
	$(BIN)/pytest -m "not slow and not gpu" tests/serve tests/e2e

full: setup  ## Every test there is; tables that tests write are written.
	$(UNIT) tests/unit
	$(call IN_UI,npm test && npm run test:service)
	$(BIN)/pytest tests/serve tests/e2e tests/gpu

check: setup  ## Formatter, linter, type checker, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(call IN_UI,npm run check)

format: setup  ## Format the code and apply the linter's safe fixes.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(call IN_UI,npm run format)

bench: setup  ## The CPU benchmarks; writes benchmarks/results/.
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.mixed
	$(BIN)/python -m benchmarks.event_loop
	$(BIN)/python -m benchmarks.service
	$(BIN)/python -m benchmarks.against
	$(BIN)/python -m benchmarks.open_loop
	$(BIN)/python -m benchmarks.cold_start
	$(BIN)/python -m benchmarks.report

screenshots: setup  ## The README's pictures of the page; needs Chromium.
	$(BIN)/python -m docs.screenshots

weights: setup  ## Train the demo weights from nothing: about three hours on two cores; resumes.
	$(BIN)/python -m deployments.demo.training

clean:  ## Remove the environment and caches.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info ui/node_modules ui/*/dist
