# Two commands matter: `make run` and `make test`. Each sets up what it needs by itself.

SHELL := /bin/sh
UV ?= uv
# For a part of the tests: make test TESTS=tests/unit
TESTS ?=
# So many processes share the tests, file by file, each with a MongoDB of its own. Those that hold
# the server to a time run alone, and first: they compile every test, which the others then only
# load. 5 means that TESTS has none of a kind.
WORKERS ?= 3
# What is not in the repository: HL7's package and the tables of Chinese facts, without which some
# tests of conformance are skipped, and the neutral benchmark. All are found in ../shared, if there.
R4_PACKAGE ?= $(wildcard $(CURDIR)/../shared/r4/hl7.fhir.r4.examples-4.0.1.tgz)
BENCH ?= $(wildcard $(CURDIR)/../shared/bench)
CN ?= $(wildcard $(CURDIR)/../shared/cn)
export R4_PACKAGE BENCH CN
# The tests start Python hundreds of times; where nothing compiled is kept, each compiles all anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
RELEASES := python3.11 python3.12 python3.13 python3.14 python3

# The first Python 3.11+ that can make virtual environments.
PYTHON ?= $(shell for python in $(RELEASES); do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help run test bench check datasets format coverage lock wheel clean setup-run setup-test

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: setup-run ## Start the server with a private MongoDB and a demo region
	@exec $(BIN)/python -m server.cli serve

PYTEST = $(BIN)/python -m pytest
define tests
$(PYTEST) -m alone $(TESTS) || [ $$? -eq 5 ]
$(PYTEST) -m "not alone" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS) || [ $$? -eq 5 ]
endef

test: check ## Check everything and run every test, as .ci/run does
	$(tests)

# Measuring takes much of the processor's time, and nothing is decided by it.
coverage: PYTEST = $(BIN)/coverage run -m pytest
coverage: setup-test ## Run every test and show what of the server none of them runs
	@$(BIN)/coverage erase
	$(tests)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

check: setup-test ## Check format, style, types and the floors
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

datasets: setup-test ## Write the pages of docs/datasets from the tables
	@for name in $$($(BIN)/tongkang datasets | cut -d' ' -f1); do \
	  TONGKANG_LANGUAGE=zh $(BIN)/tongkang datasets $$name > docs/datasets/$$name.md; done

format: setup-test ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup-test ## Measure the server on this machine (BENCH=folder of the neutral benchmark)
	@$(BIN)/python -m tests.bench.run

lock: ## Choose the versions of all dependencies anew (needs uv)
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra embedded --group dev pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra embedded --group build -c requirements.lock pyproject.toml \
	  -o requirements-run.lock

wheel: setup-test ## Build the wheel into dist/
	$(BIN)/hatchling build -t wheel

clean: ## Remove all that was made, but not the data in var/
	rm -rf .venv tests/browser/node_modules dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find server tests tools -name __pycache__ -prune -exec rm -rf {} +

setup-run setup-test: setup-%:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, with its module venv." >&2; \
	  echo "On Debian and Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) tools/setup.py $*
