PYTHON ?= python3
B ?=
T ?=
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock clean

help:  ## what can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup:  ## the Python packages, from the hashed lock file
	@$(PYTHON) scripts/setup.py

run: setup  ## everything from nothing: PBX, carrier, database, pages, one demo call; Ctrl-C stops it
	@$(VENV)/zongji run

test: setup  ## every test on the real parts (T=path for some of them)
	@$(VENV)/zongji tools --for-tests
	@$(VENV)/pytest -n auto $(T)

check: setup  ## formatting, lint, types, layers, and the pages' types and tests
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo
	@$(VENV)/zongji pages --check

bench: setup  ## measure beside the peers (B=name for one of them)
	@$(VENV)/zongji tools --for-tests
	@$(VENV)/python -m bench $(B)

lock: setup  ## write requirements.lock anew from pyproject.toml, with hashes and without addresses
	@$(VENV)/python -m pip install --quiet uv
	@$(VENV)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links pyproject.toml --group dev --output-file requirements.lock

clean:  ## remove everything that was made here, the demo's database and recordings too
	@rm -rf .venv .zongji webui/static webui/frontend/node_modules
