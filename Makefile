# Every target sets up what it needs by itself; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup lock demo test faults lint format docs check pictures start bench bench-quick clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
TESTS ?= tests
WORKERS ?= 4

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.txt requirements-databricks.txt requirements-dev.txt .ci/libraries
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	.ci/libraries
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	$(BIN)/python -m localhost.services.azurite
	touch $(READY)

setup: $(READY) ## Make .venv and install everything (the other targets do it when needed)

lock: $(READY) ## Write the requirements files from the ranges in pyproject.toml (UPGRADE=--upgrade: newest versions)
	UPGRADE=$(UPGRADE) .ci/lock

demo: $(READY) ## Run the main job end to end on embedded services, with real data
	$(BIN)/python -m localhost demo

# Half of the tests wait for hosts and clocks: more workers than cores. In order, the slow end-to-end files come first.
# Some containers switch the cache of compiled modules off: each of the tests' many processes would compile them all.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## Run all tests
	$(BIN)/python -m tests.browser
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

faults: $(READY) ## Break everything on purpose and print what survived (long)
	$(BIN)/python -m tests.faults $(FAULTS)

lint: $(READY) ## Check style, types, layers and generated documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m localhost.docs --check

format: $(READY) ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## Write the generated parts of the documentation
	$(BIN)/python -m localhost.docs

check: lint test ## Everything that CI runs

pictures: $(READY) ## Draw the pictures of the documentation (needs LibreOffice and poppler)
	$(BIN)/python -m tests.browser.pictures

start: $(READY) ## Serve the app with its local services until Ctrl-C
	$(BIN)/python -m localhost start

bench: $(READY) ## Measure loading side by side with other ways (long)
	$(BIN)/python -m benchmarks

bench-quick: $(READY) ## The same with smaller tables, in some minutes
	$(BIN)/python -m benchmarks --quick

clean: ## Remove everything that was made here: .venv, caches, local services' data
	rm -rf .venv .localhost .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
