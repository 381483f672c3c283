# Every command of the project. `make help` lists them, and CI calls nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup browser demo serve test test-distributed test-long chaos check lint format schema schema-is-current bench screenshots docs docs-serve clean

VENV := .venv
BIN := $(VENV)/bin
WEB := headbox/web_assets/console/index.html
# Two test processes for each core: tests wait for servers and clocks.
PYTEST := $(BIN)/pytest -q -n $(shell expr 2 '*' $$(nproc)) --dist worksteal
# As a module, which lets the hooks of the site import the project's tools; without the theme's news.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs
# What is tested on PostgreSQL and Redis too.
TWO_WAYS := tests/unit/models tests/unit/tasking tests/integration tests/acceptance tests/deploy tests/chaos
# Of these, what every change goes through: the engine, storage, what people do, and what harm is done to processes.
MAIN_WAYS := tests/unit/tasking tests/integration/tasking tests/integration/sync tests/integration/publish \
	tests/integration/webhooks tests/integration/storage tests/integration/database tests/acceptance tests/chaos
# Or each test process, and each server that it starts, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# The types of the console's documents come from the schema.
WEB_SOURCES := schema.graphql $(shell find web \( -name node_modules -o -name typed \) -prune -o -type f -print)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(WEB) ## Make .venv with the pinned dependencies and the headbox command; build the web pages

demo: setup ## Show the main job on real files; UPSTREAM=https://… mirrors another upstream, KEEP=1 keeps the server
	@$(BIN)/python -m demo $(if $(UPSTREAM),--upstream '$(UPSTREAM)') $(if $(KEEP),--keep)

serve: setup ## Run the server on http://127.0.0.1:8640
	@$(BIN)/headbox serve

test: setup browser lint schema-is-current ## Run every check and every test, embedded and distributed, as CI does
	@$(PYTEST) tests
	@HEADBOX_TEST_WAY=distributed $(PYTEST) $(MAIN_WAYS)

test-distributed: setup browser ## Run on PostgreSQL and Redis whatever goes both ways: before every release
	@HEADBOX_TEST_WAY=distributed $(PYTEST) $(TWO_WAYS)

test-long: setup browser ## Run every embedded test, and repeat more often what is random: before every release
	@HEADBOX_TEST_LENGTH=long $(PYTEST) tests

chaos: setup ## Disturb API, content and workers for five minutes, and look for harm
	@HEADBOX_TEST_WAY=distributed HEADBOX_TEST_LENGTH=long $(BIN)/pytest tests/chaos/test_chaos.py -q

check: setup lint schema-is-current ## Run the checks and the fast tests: two minutes, before every commit
	@$(PYTEST) tests/unit tests/architecture

lint: setup ## Check format, lint rules, types and who imports whom
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup ## Format the code and repair what the lint rules can
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

schema: setup ## Print the GraphQL schema into schema.graphql
	@$(BIN)/headbox schema --plugin file > schema.graphql

schema-is-current: setup
	@$(BIN)/headbox schema --plugin file | diff -u schema.graphql - || { echo "schema.graphql is stale: run make schema" >&2; exit 1; }

docs: setup ## Build the documentation into site/; a broken link is an error
	@$(MKDOCS) build --strict

docs-serve: setup ## Show the documentation on http://127.0.0.1:8650, and build it anew as you write
	@$(MKDOCS) serve --strict --dev-addr 127.0.0.1:8650

bench: setup ## Run the benchmarks and print their table
	@$(BIN)/python -m benchmarks

browser: setup ## Get a Chromium for the browser tests, where none is installed
	@$(BIN)/python -m tools.get_chromium

screenshots: setup browser ## Take the pictures of the console that the documentation shows
	@HEADBOX_TEST_SCREENSHOTS=docs/screenshots $(BIN)/pytest -q tests/browser/test_pages.py

clean: ## Remove what the other commands made
	rm -rf $(VENV) site headbox/web_assets web/node_modules web/console/typed dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml constraints.txt tools/make_venv.py tools/find_python.sh
	@python=$$(sh tools/find_python.sh) && "$$python" tools/make_venv.py
	@touch $@

$(WEB): $(WEB_SOURCES) tools/build_web.py tools/node.py | $(VENV)/.installed
	@$(BIN)/python -m tools.build_web
	@touch $@
