SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv/bin
PACKAGES := jennie_core jennie_infra jennie_assets jennie_live jennie_sim jennie_cli
# Variables of the command line become options of `jennie`.
COMMON_OPTIONS = $(if $(MARKET_DATA),--market-data "$(MARKET_DATA)") $(if $(DAY),--day "$(DAY)") \
  $(if $(SEED),--seed "$(SEED)") $(if $(PORT_BASE),--port-base "$(PORT_BASE)")
REHEARSE_OPTIONS = $(COMMON_OPTIONS) $(if $(SPEED),--speed "$(SPEED)") \
  $(if $(FAIL_CHECK),--fail-check "$(FAIL_CHECK)") $(foreach fault,$(FAULTS),--fault "$(fault)")
RUNS ?= 20
# A drill mostly waits: four at a time keep two cores busy.
DRILL_JOBS ?= 4
ASSET_GRAPH_TEST := tests/unit/test_asset_graph.py

.PHONY: help setup demo test test-ui test-clients lint rules format bench soak drills up down web lock clean

help: ## List every target in one line each
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Make or refresh .venv from the lock file
	@scripts/bootstrap.sh

demo: setup ## Run one trading day of the rehearsal market (MARKET_DATA= DAY= SPEED= SEED= FAIL_CHECK= FAULTS= PORT_BASE=)
	@$(VENV)/jennie rehearse $(REHEARSE_OPTIONS)

test: setup ## Run every test that needs no browser (PYTEST_ARGS= passes options on)
	@scripts/test_needs.sh
ifeq ($(strip $(PYTEST_ARGS)),)
	@$(VENV)/pytest -q -n 2 --dist loadfile tests/unit tests/property tests/contract
	@$(VENV)/pytest -q -n 3 --dist loadfile tests/drills tests/integration
	@$(VENV)/pytest tests/e2e
else
	@$(VENV)/pytest $(PYTEST_ARGS)
endif

test-ui: setup web ## Run the browser tests (needs a Chromium on this machine)
	@scripts/test_needs.sh ui
	@$(VENV)/pytest tests/ui -m ui $(PYTEST_ARGS)

test-clients: setup ## Run the tests against other client libraries and servers
	@$(VENV)/pytest tests/clients -m clients $(PYTEST_ARGS)

lint: setup ## Check style, types, imports, the asset graph and that every rule has a test
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy $(addprefix -p ,$(PACKAGES))
	@$(VENV)/lint-imports
	@if [ -f $(ASSET_GRAPH_TEST) ]; then $(VENV)/pytest -q $(ASSET_GRAPH_TEST); fi
	@$(VENV)/python scripts/rules.py --brief

rules: setup ## Print every trading rule with the tests that prove it; fails where one has none
	@$(VENV)/python scripts/rules.py

format: setup ## Format the Python code and mend what ruff can mend
	@$(VENV)/ruff check --fix-only -q .
	@$(VENV)/ruff format .

bench: setup ## Measure against floors of the same run; writes var/bench/latest.json
	@$(VENV)/python -m bench

soak: setup ## Run a rehearsal week in which nothing may keep growing
	@$(VENV)/pytest tests/soak -m soak --timeout 0 $(PYTEST_ARGS)

drills: setup ## Repeat every fault drill RUNS times (20), DRILL_JOBS at a time (4); writes var/drills/latest.json (SEED= of the first run)
	@scripts/test_needs.sh
	@DRILL_RUNS=$(RUNS) DRILL_SEED=$(or $(SEED),1) $(VENV)/pytest -q -n $(DRILL_JOBS) --dist worksteal tests/drills -m drill $(PYTEST_ARGS)

up: setup web ## Keep the whole stack running at wall-clock speed and print its addresses (MARKET_DATA= DAY= SEED= PORT_BASE=)
	@$(VENV)/jennie up $(COMMON_OPTIONS)

down: ## End the running stack; trading state stays as it is
	@if [ -x $(VENV)/jennie ]; then $(VENV)/jennie down; fi

web: setup ## Build the dashboard page when its sources changed (takes Node from a wheel where it is absent)
	@scripts/build_web.sh

lock: setup ## Resolve the dependencies again and write both lock files
	@scripts/lock.sh

clean: ## Remove the environment, caches and built files; var/ (your data) stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@rm -rf dashboard/node_modules dashboard/dist
	@find jennie_* tests scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
