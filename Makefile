# Every command of the project. `make help` lists them; CI calls nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check lint format schema bench clean

VENV := .venv
BIN := $(VENV)/bin

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: $(VENV)/.installed ## Make .venv with pinned dependencies and the headbox command, and build the web pages

$(VENV)/.installed: pyproject.toml constraints.txt tools/make_venv.py
	@python=$$(sh tools/find_python.sh) && "$$python" tools/make_venv.py
	@touch $@
