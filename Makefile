# The commands of README.md. All run in $(VENV), which is made from pyproject.toml and constraints.txt when either changes.
PYTHON ?= python3
VENV ?= .venv
# Cells that run side by side. Most are too small for the threads of two cores.
JOBS ?= 2
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help venv reproduce test lint types contracts benchmark clean

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

venv: $(INSTALLED)  ## create the environment with every pinned package

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "depthmark needs Python 3.11 or newer, and '$(PYTHON)' is not: name one with 'make PYTHON=python3.12 ...'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

reproduce: $(INSTALLED)  ## run the quick profile, judge the claims, write reports/site/index.html
	@# A cell that failed (exit code 1) is a row of the report: it is written all the same, and make fails at the end.
	$(BIN)/python -m suite run --profile quick --jobs $(JOBS); ran=$$?; test $$ran -le 1 || exit $$ran; \
	  $(BIN)/python -m reference verdicts && $(BIN)/python -m reports build && exit $$ran

test: $(INSTALLED)  ## run the tests on every core, benchmarks once each and untimed
	@# One process for each core, each with one thread: several would wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(INSTALLED)  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## check types, strictly
	$(BIN)/mypy

contracts: $(INSTALLED)  ## check that imports go one way
	$(BIN)/lint-imports --no-logo

benchmark: $(INSTALLED)  ## time our solver beside torchdiffeq's
	$(BIN)/python -m pytest --benchmark-only

clean:  ## remove the environment, caches and built files; records stay
	rm -rf $(VENV) build dist .asv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache reports/site
	find suite reference reports tests -name __pycache__ -type d -prune -exec rm -rf {} +
