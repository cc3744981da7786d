# Every target first sees to the environment; the second time that costs nothing.
# ARGS goes to the command behind a target: make demo ARGS=--exit

PYTHON = $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo $$name && break; done)
BIN := .venv/bin

export DO_NOT_TRACK := true

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv from the lock, with Java for Spark and the portal's SQL engine
	@$(or $(PYTHON),$(error wharf needs Python 3.11, 3.12 or 3.13 as python3 on the PATH)) .ci/setup.py

.PHONY: demo
demo: setup ## Show the whole way: suppliers, Airflow, board and portal (ARGS=--exit ends by itself)
	@$(BIN)/wharf demo $(ARGS)

.PHONY: serve
serve: setup ## Start Airflow, board and portal on the state that is there
	@$(BIN)/wharf serve $(ARGS)

.PHONY: check
check: setup ## Style, types, layers, contracts, compose file, dbt and the guards of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	WHARF_PROJECT=. $(BIN)/wharf validate
	$(BIN)/dbt --quiet parse --project-dir dbt --profiles-dir dbt --target-path ../.venv/dbt --log-path .venv/dbt
	$(BIN)/pytest -q tests/unit/house
	@if docker compose version >/dev/null 2>&1; \
	then sed 's/=$$/=filled/' .env.example | docker compose --env-file /dev/stdin config --quiet; \
	else echo 'docker compose is not installed here: the compose file was checked by a test only'; fi

.PHONY: test
test: setup ## Tests that give a trustworthy answer in minutes
	$(BIN)/pytest -m "not slow and not real" $(ARGS)

.PHONY: test-all
test-all: setup ## All tests, with a coverage report
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report

.PHONY: real
real: setup ## The whole way on real input: workbooks through Airflow, 9,533 deliveries, bad files, events
	@$(BIN)/python tests/real/run.py $(ARGS)
	@$(BIN)/python tests/real/replay.py
	@$(BIN)/python tests/real/corpora.py
	$(BIN)/pytest -q tests/real/test_real_intake_events.py

.PHONY: bench
bench: setup ## Run every comparison in bench/
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

.PHONY: docs
docs: setup ## Write the reference pages that are made from the code
	@$(BIN)/wharf docs

.PHONY: clean
clean: ## Remove what setup and tests have made; the state in .wharf stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	rm -rf dist dbt/target dbt/logs plugins/wharf/portal/static/vendor
	find . -name __pycache__ -type d -not -path './.wharf/*' -prune -exec rm -rf {} +
