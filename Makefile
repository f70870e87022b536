# make demo   create the environment, install papers, index data/sample.jsonl and search it
# make test   install the development dependencies, run all checks and the whole test suite
# make check  run the checks only: format, lint, types, import rules, dependencies
# make faults fail each file operation of an import, a repair, a reindex and an opening once (an hour)
# make clean  remove the environment and the index of the demo

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := .venv/installed
DEV_STAMP := .venv/installed-dev

.PHONY: demo test check faults clean

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

faults: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.faults --save

clean:
	rm -rf .venv data/index

# torch is installed first and pinned, because pip could otherwise choose a build with gigabytes of GPU libraries.
$(STAMP): pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable '.[serve,mcp]'
	touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
