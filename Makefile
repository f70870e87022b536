# make demo   environment, install, index data/sample.jsonl, ask it "KV cache compression"
# make test   everything needed, then every check and the whole test suite
# make check  the checks alone: format, lint, types, import rules
# make clean  removes the environment and the demo's index

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := .venv/installed
DEV_STAMP := .venv/installed-dev

.PHONY: demo test check clean

demo: $(STAMP)
	$(BIN)/papers index data/sample.jsonl
	$(BIN)/papers search "KV cache compression" -n 3

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term-missing:skip-covered

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

clean:
	rm -rf .venv data/index

# torch comes first and pinned: left to itself, pip may choose a build with gigabytes for GPUs.
$(STAMP): pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
